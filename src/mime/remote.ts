/**
 * What an HTML message would load from elsewhere if it were shown as it is: addresses of pictures, frames, styles, fonts,
 * media. Counted, so that a reader can be told how much is not shown.
 */
import { loadsRemote } from './style.ts';

const LOADING: ReadonlySet<string> = new Set(
  'src srcset imagesrcset background poster data lowsrc dynsrc code archive xlink:href icon'.split(' '),
);
/** Elements whose `href` is loaded, not followed. */
const HREF_LOADS: ReadonlySet<string> = new Set(['link', 'image', 'use', 'feimage', 'pattern', 'script', 'mpath']);

export type Attributes = Readonly<Record<string, string>>;

/** An address as a browser reads it: without control characters and blanks, backslashes as slashes, in lower case. */
export function normalized(address: string): string {
  return address
    .replace(/[\u0000-\u0020\u007f]+/g, '')
    .replace(/\\/g, '/')
    .toLowerCase();
}

/** Whether loading the address would reach another machine. A relative address names nothing in a mail. */
export function isRemote(address: string): boolean {
  return /^(?:https?:|ftp:|\/\/)/.test(normalized(address));
}

/** How many of an element's attributes would load something from elsewhere. */
export function remoteReferences(tag: string, attributes: Attributes): number {
  let count = 0;
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'style') count += loadsRemote(value) ? 1 : 0;
    else if (name === 'srcset' || name === 'imagesrcset') count += /(?:https?:|\/\/)/i.test(value) ? 1 : 0;
    else if (LOADING.has(name) || (name === 'href' && HREF_LOADS.has(tag))) count += isRemote(value) ? 1 : 0;
  }
  return count;
}

/** How many references to something outside the style sheets within the HTML hold. Linear. */
export function remoteInStyleSheets(html: string): number {
  const text = html.toLowerCase();
  let count = 0;
  let at = text.indexOf('<style');
  while (at >= 0) {
    const close = text.indexOf('</style', at);
    const end = close < 0 ? text.length : close;
    count += text.slice(at, end).match(/(?:url\(|@import)\s*(?:["']\s*)?(?:https?:)?\/\//g)?.length ?? 0;
    at = text.indexOf('<style', end);
  }
  return count;
}
