/**
 * Text to octets in the charsets that mail really uses. The platform only decodes them, so the encoders are
 * made by turning its decoders round; text that a charset lacks is an error and never a question mark.
 */

/** Charsets of one octet a character, and those of one or two, each by the WHATWG name of its decoder. */
const SINGLE = new Set(['iso-8859-1', 'iso-8859-2', 'iso-8859-15', 'windows-1251', 'windows-1252', 'koi8-r']);
const DOUBLE = new Set(['shift_jis', 'gb18030', 'euc-kr', 'euc-jp', 'big5']);

const tables = new Map<string, ReadonlyMap<string, Uint8Array>>();

/** `text` in `charset`. Throws for a charset that isn't known here and for a character that the charset lacks. */
export function encodeText(text: string, charset: string): Uint8Array {
  const name = charset.toLowerCase();
  if (name === 'utf-8') return Buffer.from(text, 'utf8');
  if (name === 'us-ascii') return ascii(text);
  if (name === 'iso-2022-jp') return iso2022jp(text);
  return Buffer.concat(Array.from(text, (character) => encodeCharacter(character, name)));
}

function encodeCharacter(character: string, charset: string): Uint8Array {
  const octets = character.charCodeAt(0) < 0x80 ? ascii(character) : tableOf(charset).get(character);
  if (octets === undefined) throw new Error(`${charset} has no ${character}.`);
  return octets;
}

function ascii(text: string): Uint8Array {
  if (/[^\x00-\x7f]/.test(text)) throw new Error('This text is not US-ASCII.');
  return Buffer.from(text, 'latin1');
}

function tableOf(charset: string): ReadonlyMap<string, Uint8Array> {
  const known = tables.get(charset);
  if (known !== undefined) return known;
  if (!SINGLE.has(charset) && !DOUBLE.has(charset)) throw new Error(`The charset ${charset} is not known here.`);
  // TextDecoder takes iso-8859-1 for windows-1252 (WHATWG), which differs in 0x80–0x9f only: no text here has those.
  const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true });
  const table = new Map<string, Uint8Array>();
  const learn = (octets: Uint8Array): void => {
    try {
      const character = decoder.decode(octets);
      if (Array.from(character).length === 1 && !table.has(character)) table.set(character, octets);
    } catch {
      // Not a character of this charset.
    }
  };
  for (let lead = 0x80; lead <= 0xff; lead += 1) {
    learn(Uint8Array.of(lead));
    if (DOUBLE.has(charset)) for (let trail = 0x40; trail <= 0xfe; trail += 1) learn(Uint8Array.of(lead, trail));
  }
  tables.set(charset, table);
  return table;
}

/** ISO-2022-JP (RFC 1468): JIS X 0208 is EUC-JP without its high bits, between `ESC $ B` and `ESC ( B`. */
function iso2022jp(text: string): Uint8Array {
  const pieces = text.split(/([^\x00-\x7f]+)/).map((run, index) => {
    if (index % 2 === 0) return ascii(run);
    const euc = encodeText(run, 'euc-jp');
    return Buffer.concat([Buffer.from('\x1b$B', 'latin1'), euc.map((octet) => octet & 0x7f), Buffer.from('\x1b(B', 'latin1')]);
  });
  return Buffer.concat(pieces);
}
