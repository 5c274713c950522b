/** Web origins, as browsers name the page that a call comes from. */

/** What apps that are no pages have for a scheme; `URL` gives those no origin. */
const OWN_SCHEME = /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9._-]+(:[0-9]{1,5})?$/;

/** Whether `text` is an origin as browsers send it (RFC 6454 §6.2): no path, lower case, no default port, and never a pattern. */
export function isOrigin(text: string): boolean {
  if (!/^https?:/.test(text)) return OWN_SCHEME.test(text);
  return !text.includes('*') && URL.canParse(text) && new URL(text).origin === text;
}
