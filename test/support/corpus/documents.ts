/**
 * Small files made in code, for attachments: they open in the programs they are for, and are the same each time.
 * PNG (ISO 15948), GIF 89a, PDF 1.4 with a correct cross-reference table, ZIP with stored entries, noise.
 */
import { crc32, deflateSync } from 'node:zlib';

/** A PNG of `width` × `height` with a gradient over `rgb`. */
export function png(width: number, height: number, rgb: readonly [number, number, number]): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc((1 + 3 * width) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const share = (x + y) / (width + height);
      rows.set(
        rgb.map((value) => Math.round(value * share)),
        y * (1 + 3 * width) + 1 + 3 * x,
      );
    }
  }
  // Level 0 stores: the octets don't depend on the version of zlib.
  const data = deflateSync(rows, { level: 0 });
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, pngChunk('IHDR', header), pngChunk('IDAT', data), pngChunk('IEND', Buffer.alloc(0))]);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(named.length + 8);
  out.writeUInt32BE(data.length, 0);
  out.set(named, 4);
  out.writeUInt32BE(crc32(named), named.length + 4);
  return out;
}

/** A GIF of `width` × `height` with stripes of grey. Codes stay eight bits wide: the table is cleared before it grows. */
export function gif(width: number, height: number): Uint8Array {
  const screen = Buffer.alloc(7);
  screen.writeUInt16LE(width, 0);
  screen.writeUInt16LE(height, 2);
  screen.set([0xf6, 0, 0], 4);
  const palette = Buffer.from(Array.from({ length: 128 * 3 }, (_, index) => 2 * Math.floor(index / 3)));
  const image = Buffer.alloc(10);
  image.set([0x2c], 0);
  image.writeUInt16LE(width, 5);
  image.writeUInt16LE(height, 7);
  const codes: number[] = [];
  for (let at = 0; at < width * height; at += 1) {
    if (at % 100 === 0) codes.push(128);
    codes.push((7 * Math.floor(at / width)) % 128);
  }
  codes.push(129);
  const blocks: Buffer[] = [Buffer.from([7])];
  for (let at = 0; at < codes.length; at += 255) {
    const block = codes.slice(at, at + 255);
    blocks.push(Buffer.from([block.length, ...block]));
  }
  return Buffer.concat([Buffer.from('GIF89a'), screen, palette, image, ...blocks, Buffer.from([0, 0x3b])]);
}

/** A PDF of one page with `title` on it. */
export function pdf(title: string): Uint8Array {
  const content = `BT /F1 18 Tf 72 720 Td (${title.replaceAll(/[()\\]/g, '\\$&')}) Tj ET`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>',
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ];
  // The comment of four high octets tells transports that the file is binary.
  let body = '%PDF-1.4\n%\xe2\xe3\xcf\xd3\n';
  const offsets = objects.map((object, index) => {
    const offset = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const trailer = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${body.length}\n%%EOF\n`;
  return Buffer.from(body + trailer, 'latin1');
}

/** A ZIP of stored files. */
export function zip(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, octets] of Object.entries(files)) {
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), zipCommon(name, octets), Buffer.from(name), octets]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), zipCommon(name, octets), place, Buffer.from(name)]));
    bodies.push(local);
    offset += local.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(bodies.length, 8);
  end.writeUInt16LE(bodies.length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, entries, end]);
}

/** The fields that a local header and a directory entry share, from the version to the lengths. */
function zipCommon(name: string, octets: Uint8Array): Buffer {
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(0x21, 8);
  common.writeUInt32LE(crc32(octets), 10);
  common.writeUInt32LE(octets.length, 14);
  common.writeUInt32LE(octets.length, 18);
  common.writeUInt16LE(Buffer.byteLength(name), 22);
  return common;
}

/** `count` octets that look random and depend on `seed` alone (xorshift, 32 bits). */
export function noise(seed: number, count: number): Uint8Array {
  const octets = new Uint8Array(count);
  let state = seed === 0 ? 1 : seed >>> 0;
  for (let at = 0; at < count; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    octets[at] = state & 0xff;
  }
  return octets;
}
