/**
 * User names and passwords as SCRAM hashes them: SASLprep (RFC 4013) as far as it changes text, so that the same
 * password typed on two machines gives the same octets. What SASLprep forbids is left as it is, for the server to judge.
 */

// RFC 4013 §2.1: spaces beyond ASCII become a space, and what is commonly mapped to nothing goes (RFC 3454 B.1).
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;

/** Text prepared for hashing. ASCII stays as it is. */
export function prepared(text: string): string {
  return text.replace(SPACES, ' ').replace(NOTHING, '').normalize('NFKC');
}

/** A user name as GS2 headers and SCRAM write it (RFC 5802 §5.1 saslname). */
export function saslName(text: string): string {
  return text.replaceAll('=', '=3D').replaceAll(',', '=2C');
}
