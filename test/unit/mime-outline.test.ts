/** The outline of a message, from a stream of octets: its parts and where they lie, sound and the same however it is cut. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MIME } from '../../src/limits.ts';
import { Decoder } from '../../src/mime/decode.ts';
import { attachments, findPart, type Outline, type Part } from '../../src/mime/outline.ts';
import { bytewise, cutAt, fixture, FIXTURES, fractions, octetsOf, outlineOf, outlineOfChunks } from '../support/mime.ts';

const NAMES = readdirSync(FIXTURES)
  .filter((name) => name.endsWith('.eml'))
  .map((name) => name.slice(0, -4));

const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

function decoded(message: Uint8Array, part: Part): Buffer {
  const decoder = new Decoder(part.encoding);
  const body = message.subarray(part.bodyStart, part.bodyEnd);
  return Buffer.concat([decoder.push(body), decoder.end()]);
}

/** `path kind type` of every part. */
function shape(outline: Outline): string[] {
  return outline.parts.map((part) => `${part.path} ${part.kind} ${part.contentType}`);
}

/** What must hold of an outline whatever the message is. */
function expectSound(message: Uint8Array, outline: Outline): void {
  expect(outline.octets).toBe(message.length);
  expect(outline.sha256).toBe(sha256(message));
  expect(JSON.parse(JSON.stringify(outline))).toEqual(outline);
  expect(outline.parts.length).toBeGreaterThan(0);
  const paths = outline.parts.map((part) => part.path);
  expect(new Set(paths).size).toBe(paths.length);
  for (const part of outline.parts) {
    expect(0 <= part.headerStart && part.headerStart <= part.headerEnd).toBe(true);
    expect(part.headerEnd <= part.bodyStart && part.bodyStart <= part.bodyEnd && part.bodyEnd <= message.length).toBe(true);
    const parent = part.parent === null ? null : findPart(outline, part.parent);
    expect(part.parent === null).toBe(part === outline.parts[0]);
    if (parent) expect(parent.bodyStart <= part.headerStart && part.bodyEnd <= parent.bodyEnd).toBe(true);
    if (part.kind === 'multipart') continue;
    const content = decoded(message, part);
    expect(part.decodedSize).toBe(content.length);
    expect(part.sha256).toBe(sha256(content));
  }
}

describe('the outline of a fixture', () => {
  it.each(NAMES)('%s: sound, and the same however it is cut', (name) => {
    const message = fixture(name);
    const whole = outlineOf(message);
    expectSound(message, whole);
    expect(outlineOfChunks(bytewise(message))).toEqual(whole);
    fc.assert(
      fc.property(fractions, (cuts) => {
        expect(outlineOfChunks(cutAt(message, cuts))).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  it('numbers parts as IMAP does', () => {
    expect(shape(outlineOf(fixture('nested-message')))).toEqual([
      'TEXT multipart multipart/mixed',
      '1 leaf text/plain',
      '2 message message/rfc822',
      '2.TEXT multipart multipart/mixed',
      '2.1 leaf text/plain',
      '2.2 leaf application/octet-stream',
      '3 message message/rfc822',
      '3.1 leaf text/plain',
      '4 leaf message/rfc822',
    ]);
    expect(shape(outlineOf(fixture('digest')))).toEqual([
      'TEXT multipart multipart/mixed',
      '1 leaf text/plain',
      '2 multipart multipart/digest',
      '2.1 message message/rfc822',
      '2.1.1 leaf text/plain',
      '2.2 message message/rfc822',
      '2.2.1 leaf text/plain',
    ]);
    expect(shape(outlineOf(fixture('plain-utf8')))).toEqual(['1 leaf text/plain']);
  });

  it('leaves the line break before a boundary to the boundary', () => {
    const message = fixture('bare-lf');
    const outline = outlineOf(message);
    const text = (path: string): string | undefined => {
      const part = findPart(outline, path);
      return part ? message.subarray(part.bodyStart, part.bodyEnd).toString() : undefined;
    };
    expect(text('1')).toBe('line one\nline two\n');
    expect(text('2')).toBe('AAEC');
    expect(findPart(outline, '3')).toBeNull();
  });

  it('knows what the header of a part says', () => {
    expect(findPart(outlineOf(fixture('format-flowed')), '1')).toMatchObject({ charset: 'us-ascii', format: 'flowed', delsp: false });
    expect(findPart(outlineOf(fixture('alternative-related-mixed')), '1.2')).toMatchObject({
      contentType: 'image/png',
      encoding: 'base64',
      disposition: 'inline',
      filename: 'logo.png',
      contentId: 'logo@example.org',
    });
  });
});

describe('attachments', () => {
  const listed = (name: string): string[] =>
    attachments(outlineOf(fixture(name))).map(
      (entry) => `${entry.id} ${entry.contentType} ${entry.filename} ${entry.disposition} ${entry.inline ? 'inline' : 'attached'}`,
    );

  it.each([
    ['plain-utf8', []],
    ['html-with-footer', []],
    ['format-flowed', []],
    [
      'alternative-related-mixed',
      ['1.2 image/png logo.png inline inline', '2 application/pdf Pläne 2026.pdf attachment attached', '3 text/csv ōć.csv null attached'],
    ],
    ['calendar-invitation', ['3 text/calendar null null attached']],
    [
      'nested-message',
      [
        '2 message/rfc822 original.eml attachment attached',
        '2.2 application/octet-stream data.bin null attached',
        '3 message/rfc822 null null attached',
        '4 message/rfc822 null null attached',
      ],
    ],
    ['digest', ['2.1 message/rfc822 null null attached', '2.2 message/rfc822 null null attached']],
    ['bounce', ['2 message/delivery-status null null attached', '3 text/rfc822-headers null null attached']],
    ['apple-mail', ['2.2 image/jpeg photo.jpg inline inline']],
    ['single-attachment', ['1 application/pdf .._.._etc_fdp.exe attachment attached']],
    ['eight-bit-utf8-headers', ['1 text/plain Ärger.txt attachment attached']],
    ['outlook-signed', ['2 application/pkcs7-signature smime.p7s attachment attached']],
    ['missing-final-boundary', ['2 application/octet-stream cut.bin attachment attached']],
  ])('of %s', (name, expected) => expect(listed(name)).toEqual(expected));

  it('have the size and hash of the content that was attached', () => {
    const pdf = Buffer.from('%PDF-1.4 not really a pdf '.repeat(20));
    expect(attachments(outlineOf(fixture('alternative-related-mixed')))[1]).toMatchObject({ size: pdf.length, sha256: sha256(pdf) });
    const [nested, inner, , encoded] = attachments(outlineOf(fixture('nested-message')));
    expect(inner).toMatchObject({ size: 5, sha256: sha256(Buffer.from([0, 1, 2, 3, 4])) });
    // The same message attached as it is and in base64.
    expect(encoded).toMatchObject({ size: nested?.size, sha256: nested?.sha256 });
  });

  it('leave out texts that were passed over for a better alternative', () => {
    const message = octetsOf(
      'Content-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\nContent-Type: text/x-amp-html\n\namp\n--b\nContent-Type: text/html\n\n<p>\n--b--\n',
    );
    expect(attachments(outlineOf(message))).toEqual([]);
  });

  it('include a text that has a name, but not the one that is the message', () => {
    const part = 'Content-Type: text/plain; name="a.txt"\n\ntext\n';
    expect(attachments(outlineOf(octetsOf(part)))).toEqual([]);
    const mixed = `Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n--b\n${part}--b--\n`;
    expect(attachments(outlineOf(octetsOf(mixed))).map((entry) => entry.filename)).toEqual(['a.txt']);
  });
});

describe('a malformed message', () => {
  const outlined = (text: string): { shape: string[]; defects: string[]; bodies: string[] } => {
    const message = octetsOf(text);
    const outline = outlineOf(message);
    expectSound(message, outline);
    expect(outlineOfChunks(bytewise(message))).toEqual(outline);
    const leaves = outline.parts.filter((part) => part.kind === 'leaf');
    return {
      shape: shape(outline),
      defects: outline.defects,
      bodies: leaves.map((part) => message.subarray(part.bodyStart, part.bodyEnd).toString('latin1')),
    };
  };
  const multipart = 'Content-Type: multipart/mixed; boundary=b\n\n';

  it.each([
    ['', ['1 leaf text/plain'], [''], []],
    ['\n', ['1 leaf text/plain'], [''], []],
    ['no header\n\nat all', ['1 leaf text/plain'], ['no header\r\n\r\nat all'], ['header_missing']],
    ['Subject: only a header', ['1 leaf text/plain'], [''], ['header_unended']],
    ['no colon\nSubject: x\n\nbody', ['1 leaf text/plain'], ['body'], ['header_malformed']],
    ['Content-Type: ???\n\nbody', ['1 leaf text/plain'], ['body'], ['content_type_malformed']],
    ['Content-Type: ???; name=x.bin\n\nbody', ['1 leaf application/octet-stream'], ['body'], ['content_type_malformed']],
    ['Content-Type: multipart/mixed\n\nbody', ['1 leaf text/plain'], ['body'], ['boundary_missing']],
    [`Content-Type: multipart/mixed; boundary=${'b'.repeat(300)}\n\nbody`, ['1 leaf text/plain'], ['body'], ['boundary_missing']],
    ['Content-Transfer-Encoding: x-own\n\nbody', ['1 leaf text/plain'], ['body'], ['encoding_unknown']],
    [`${multipart}wrong`, ['1 leaf text/plain'], ['wrong'], ['boundary_not_found']],
    [`${multipart}--b\n\nopen`, ['TEXT multipart multipart/mixed', '1 leaf text/plain'], ['open'], ['final_boundary_missing']],
    [`${multipart}--b`, ['TEXT multipart multipart/mixed'], [], ['final_boundary_missing']],
    [`${multipart}--b--`, ['TEXT multipart multipart/mixed'], [], []],
    [`${multipart}--b\n--b\n--b--`, ['TEXT multipart multipart/mixed', '1 leaf text/plain', '2 leaf text/plain'], ['', ''], []],
    [`${multipart}--b\nno header\n--b--`, ['TEXT multipart multipart/mixed', '1 leaf text/plain'], ['no header'], ['header_missing']],
    [`${multipart}--b\nA: 1\n--b--`, ['TEXT multipart multipart/mixed', '1 leaf text/plain'], [''], ['header_unended']],
    [`${multipart}--b  \t\n\nx\n--b-- \n`, ['TEXT multipart multipart/mixed', '1 leaf text/plain'], ['x'], []],
    [
      `${multipart}--b\n\n--bb\n--b-\n --b\n---b\n--b--`,
      ['TEXT multipart multipart/mixed', '1 leaf text/plain'],
      ['--bb\r\n--b-\r\n --b\r\n---b'],
      [],
    ],
    [`${multipart}--b\n\nx\n--b--\nepilogue\n--b\n\nafter\n`, ['TEXT multipart multipart/mixed', '1 leaf text/plain'], ['x'], []],
    [`${multipart}--b\n\n\n\n--b--`, ['TEXT multipart multipart/mixed', '1 leaf text/plain'], ['\r\n'], []],
    [
      `${multipart}--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\ninner\n--b\n\nouter\n--b--`,
      ['TEXT multipart multipart/mixed', '1 multipart multipart/mixed', '1.1 leaf text/plain', '2 leaf text/plain'],
      ['inner', 'outer'],
      ['final_boundary_missing'],
    ],
    [
      `${multipart}--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ninner\n--b--\n--b\n\nouter\n--b--`,
      ['TEXT multipart multipart/mixed', '1 multipart multipart/mixed', '1.1 leaf text/plain', '2 leaf text/plain'],
      ['inner', 'outer'],
      [],
    ],
    [
      `${multipart}--b\nContent-Type: multipart/mixed; boundary=b--\n\n--b----\n--b\n\nouter\n--b--`,
      ['TEXT multipart multipart/mixed', '1 multipart multipart/mixed', '2 leaf text/plain'],
      ['outer'],
      [],
    ],
    [
      'Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=n\n\n--n\n\nx\n--n--\n',
      ['1 message message/rfc822', '1.TEXT multipart multipart/mixed', '1.1 leaf text/plain'],
      ['x'],
      [],
    ],
    ['Content-Type: message/rfc822\n\n', ['1 message message/rfc822'], [], []],
    [
      `${multipart}--b\nContent-Type: message/rfc822\n\nSubject: cut\n--b--`,
      ['TEXT multipart multipart/mixed', '1 message message/rfc822', '1.1 leaf text/plain'],
      [''],
      ['header_unended'],
    ],
    ['Content-Type: text/plain\nContent-Type: text/html\n\nx', ['1 leaf text/plain'], ['x'], []],
    ['A: 1\n\n\x00\xff\x00', ['1 leaf text/plain'], ['\x00\xff\x00'], []],
  ])('%j', (text, expectedShape, bodies, defects) => {
    expect(outlined(text)).toEqual({ shape: expectedShape, bodies, defects });
  });

  it('is outlined soundly whatever it is, and the same however it is cut', () => {
    const pieces = fc.constantFrom(
      '\r\n', '\n', '\r', '--b', '--b--', '--c', '--', '-', 'Content-Type: multipart/mixed; boundary=b', 'Content-Type: multipart/digest; boundary=c',
      'Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64', 'Content-Transfer-Encoding: quoted-printable', 'Subject: x', ' ', '=', 'QUJD', 'text', ':', '\0',
    ); // prettier-ignore
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), fractions, (list, cuts) => {
        const message = Buffer.from(list.join(''));
        const whole = outlineOf(message);
        expectSound(message, whole);
        expect(outlineOfChunks(cutAt(message, cuts))).toEqual(whole);
        expect(outlineOfChunks(bytewise(message))).toEqual(whole);
      }),
      { numRuns: 600 },
    );
  });
});

describe('what is over a limit', () => {
  const multipart = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n';
  it.each([
    ['a header', `Subject: ${'x'.repeat(MIME.headerOctets)}\r\nTo: y\r\n\r\nbody`],
    ['a body without a header', 'x'.repeat(MIME.headerOctets + 100)],
    ['lines without a header', 'no colon\r\n'.repeat(MIME.headerOctets / 8)],
    ['a part without a header', `${multipart}${'no colon\r\n'.repeat(MIME.headerOctets / 8)}--b--`],
    ['a line like a boundary', `${multipart}\r\n--b${' '.repeat(MIME.boundaryOctets * 2)}\r\nx\r\n--b--`],
    ['a number of parts', multipart.repeat(2) + '\r\n--b\r\n'.repeat(MIME.parts + 10) + '--b--'],
  ])('is outlined soundly, and the same however it is cut: %s', (_, text) => {
    const message = Buffer.from(text);
    const whole = outlineOf(message);
    expectSound(message, whole);
    fc.assert(
      fc.property(fractions, (cuts) => {
        expect(outlineOfChunks(cutAt(message, cuts))).toEqual(whole);
      }),
      { numRuns: 5 },
    );
    const limit = Math.min(MIME.headerOctets, message.length);
    for (let at = limit - 3; at <= limit + 3; at++) expect(outlineOfChunks([message.subarray(0, at), message.subarray(at)])).toEqual(whole);
  });
});

interface Leaf {
  content: Uint8Array;
  encoding: 'binary' | 'base64';
}
type Tree = Leaf | { children: Tree[] } | { nested: Tree };

/** Writes a tree as a message and notes each leaf's content. Boundaries hold their path, so contents can't contain them. */
function write(tree: Tree, path: string, leaves: Uint8Array[]): Buffer {
  if ('children' in tree) {
    const boundary = `=_boundary_${path}`;
    const parts = tree.children.map((child, index) =>
      Buffer.concat([Buffer.from(`--${boundary}\r\n`), write(child, `${path}.${index}`, leaves), Buffer.from('\r\n')]),
    );
    return Buffer.concat([
      Buffer.from(`Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n`),
      ...parts,
      Buffer.from(`--${boundary}--`),
    ]);
  }
  if ('nested' in tree)
    return Buffer.concat([Buffer.from('Content-Type: message/rfc822\r\n\r\n'), write(tree.nested, `${path}.m`, leaves)]);
  leaves.push(tree.content);
  const body =
    tree.encoding === 'base64' ? Buffer.from(Buffer.from(tree.content).toString('base64').replace(/.{76}/g, '$&\r\n')) : tree.content;
  return Buffer.concat([
    Buffer.from(`Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: ${tree.encoding}\r\n\r\n`),
    body,
  ]);
}

it('finds in any tree the very octets that were put in', () => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .array(fc.constantFrom('\r\n', '\n', '--', '--=_boundary', 'x', '\r'), { maxLength: 20 })
      .map((pieces) => new Uint8Array(Buffer.from(pieces.join('')))),
  );
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.record({ content, encoding: fc.constantFrom('binary' as const, 'base64' as const) }),
      fc.record({ children: fc.array(tie('tree'), { minLength: 1, maxLength: 4 }) }),
      fc.record({ nested: tie('tree') }),
    ),
  }));
  fc.assert(
    fc.property(tree, fractions, (value, cuts) => {
      const contents: Uint8Array[] = [];
      const message = write(value, '0', contents);
      const outline = outlineOfChunks(cutAt(message, cuts));
      expectSound(message, outline);
      expect(outline.defects).toEqual([]);
      const leaves = outline.parts.filter((part) => part.kind === 'leaf');
      expect(leaves.map((part) => part.sha256)).toEqual(contents.map(sha256));
    }),
    { numRuns: 300 },
  );
});
