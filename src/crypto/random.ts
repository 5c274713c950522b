/**
 * Where random octets come from. Handed in wherever something is drawn, so that a fixed source gives fixed results
 * and every stored format has an exact example to be held against.
 */

/** Fresh, uniformly random octets: `count` of them. */
export type Random = (count: number) => Uint8Array<ArrayBuffer>;

/** The platform's own source (Web Crypto, `getRandomValues`). */
export const platformRandom: Random = (count) => crypto.getRandomValues(new Uint8Array(count));
