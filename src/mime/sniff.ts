/**
 * What a decoded part is by its first octets, whatever it claims to be: one of the few kinds that a browser shows without
 * running anything in them. HTML, SVG and XML have no such octets and are never recognised (WHATWG MIME Sniffing §6, §7).
 */

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG = [0xff, 0xd8, 0xff];
/** Of the file type box (ISO/IEC 14496-12 §4.3): size, `ftyp`, major brand, minor version, compatible brands. */
const BRAND_OCTETS = 4;

/** The media type of octets that begin like a PNG, JPEG, GIF, WebP, AVIF or PDF; null for anything else. */
export function sniffedType(octets: Uint8Array): string | null {
  if (begins(octets, PNG)) return 'image/png';
  if (begins(octets, JPEG)) return 'image/jpeg';
  const text = String.fromCharCode(...octets.subarray(0, 12));
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'image/gif';
  if (text.startsWith('RIFF') && text.slice(8) === 'WEBP') return 'image/webp';
  if (text.startsWith('%PDF-')) return 'application/pdf';
  return isAvif(octets) ? 'image/avif' : null;
}

function begins(octets: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((octet, index) => octets[index] === octet);
}

/** AVIF §6: `avif` or `avis` among the brands, as far as the first octets show them. */
function isAvif(octets: Uint8Array): boolean {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  if (octets.length < 12 || textAt(octets, 4) !== 'ftyp') return false;
  const end = Math.min(octets.length, view.getUint32(0));
  for (let at = 8; at + BRAND_OCTETS <= end; at += BRAND_OCTETS) if (at !== 12 && /^avi[fs]$/.test(textAt(octets, at))) return true;
  return false;
}

function textAt(octets: Uint8Array, at: number): string {
  return String.fromCharCode(...octets.subarray(at, at + BRAND_OCTETS));
}
