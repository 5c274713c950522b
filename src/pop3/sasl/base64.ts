/**
 * Base64 as SASL lines carry it (RFC 4648 §4, RFC 5034 §4): padded, without line breaks, nothing else accepted.
 */

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** `octets` in base64. */
export function encodeBase64(octets: Uint8Array): string {
  return btoa(Array.from(octets, (octet) => String.fromCharCode(octet)).join(''));
}

/** The octets that `text` stands for, or null if it isn't base64. */
export function decodeBase64(text: string): Uint8Array | null {
  return BASE64.test(text) ? Uint8Array.from(atob(text), (character) => character.charCodeAt(0)) : null;
}
