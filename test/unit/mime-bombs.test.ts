/** Messages made to exhaust a parser: what counts is that they end, within the limits, with what was known. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MIME } from '../../src/limits.ts';
import { attachments, type Outline } from '../../src/mime/outline.ts';
import { compose, summarize } from '../../src/mime/message.ts';
import { octetsOf, outlineOfChunks, reader } from '../support/mime.ts';

const MULTIPART = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n';

/** Outlines `text` in chunks as a socket gives them, and makes everything of it that is ever shown. */
async function digest(text: string): Promise<Outline> {
  const message = Buffer.from(text, 'latin1');
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += 65_536) chunks.push(message.subarray(at, at + 65_536));
  const outline = outlineOfChunks(chunks);
  expect(outline.octets).toBe(message.length);
  expect(outline.parts.length).toBeLessThanOrEqual(MIME.parts);
  expect(JSON.stringify(outline).length).toBeLessThan(1_000_000);
  expect(Buffer.byteLength(JSON.stringify(attachments(outline)))).toBeLessThan(2_000_000);
  const summary = await summarize(outline, reader(message), { whole: true });
  expect(JSON.stringify(summary).length).toBeLessThan(1_000_000);
  await compose(outline, reader(message), { html: 'safe', maxBodyBytes: MIME.bodyOctets });
  return outline;
}

describe('a message made to exhaust the parser', () => {
  it('with a million empty parts keeps the first thousand', async () => {
    const outline = await digest(MULTIPART + '--b\n\n'.repeat(1_000_000));
    expect(outline.parts).toHaveLength(MIME.parts);
    expect(outline.defects).toContain('parts_limit');
  });

  it('with ten thousand nested multiparts keeps those within the depth', async () => {
    let text = '';
    for (let level = 0; level < 10_000; level++) text += `Content-Type: multipart/mixed; boundary="b${level}"\r\n\r\n--b${level}\r\n`;
    const outline = await digest(text);
    expect(outline.parts).toHaveLength(MIME.depth + 1);
    expect(outline.parts.at(-1)).toMatchObject({ kind: 'leaf', contentType: 'multipart/mixed' });
    expect(outline.defects).toContain('depth_limit');
  });

  it('with ten thousand nested messages keeps those within the depth', async () => {
    const outline = await digest('Content-Type: message/rfc822\r\n\r\n'.repeat(10_000));
    expect(outline.parts.map((part) => part.kind)).toEqual(['message', 'message', 'message', 'message', 'message', 'leaf']);
    expect(outline.defects).toEqual(['nested_messages_limit']);
  });

  it.each([
    ['one header field of 20 MB', `Subject: ${'x'.repeat(20_000_000)}`],
    ['one line of 20 MB without a header', 'x'.repeat(20_000_000)],
    ['one body line of 20 MB', `Subject: x\r\n\r\n${'x'.repeat(20_000_000)}`],
    ['one part line of 20 MB', `${MULTIPART}--b\r\n\r\n${'x'.repeat(20_000_000)}`],
    ['5 MB of folds', `Subject: x\r\n${' y\r\n'.repeat(1_250_000)}\r\nbody`],
    ['half a million fields', `${'A: x\r\n'.repeat(500_000)}\r\nbody`],
    [
      'a boundary almost met a hundred thousand times',
      `${MULTIPART.replace('=b', `=${'b'.repeat(70)}`)}${`--${'b'.repeat(69)}c\n`.repeat(100_000)}`,
    ],
    ['two million lines of dashes', MULTIPART + '--\n'.repeat(2_000_000)],
    ['dashes without end', `${MULTIPART}--b\r\n\r\n${'-'.repeat(5_000_000)}`],
    ['blanks in quoted-printable', `Content-Transfer-Encoding: quoted-printable\r\n\r\n${' '.repeat(10_000_000)}`],
    ['ten thousand parameters', `Content-Type: text/plain; ${'a*0=b;'.repeat(10_000)}\r\n\r\nbody`],
    [
      'five thousand continuations',
      `Content-Type: text/plain;${Array.from({ length: 5000 }, (_, n) => ` name*${n}*=%41;`).join('')}\r\n\r\nbody`,
    ],
    ['open comments', `Content-Type: text/plain${'('.repeat(60_000)}\r\n\r\nbody`],
    ['encoded words', `Subject: ${'=?utf-8?B?QUFB?= '.repeat(3800)}\r\nFrom: ${'=?utf-8?B?QUFB?= '.repeat(3800)}\r\n\r\nbody`],
    ['open quotes and groups', `To: ${'"<'.repeat(30_000)}\r\nCc: ${'a:'.repeat(30_000)}\r\nBcc: ${'<@'.repeat(30_000)}\r\n\r\nbody`],
    ['a hundred thousand addresses', `${`To: ${'a@b.example, '.repeat(4000)}\r\n`.repeat(5)}\r\nbody`],
    ['a hundred thousand references', `References: ${'<a@b>'.repeat(12_000)}\r\n\r\nbody`],
  ])('with %s ends', async (_, text) => {
    const outline = await digest(text);
    const [first] = outline.parts;
    expect(first?.bodyEnd).toBe(outline.octets);
    expect(outline.sha256).toBe(createHash('sha256').update(Buffer.from(text, 'latin1')).digest('hex'));
  });

  it('with long names in a thousand parts stays small enough to be stored', async () => {
    const part = `--b\r\nContent-ID: <${'\u00fc'.repeat(900)}>\r\nContent-Disposition: attachment; filename="${'\u00fc'.repeat(900)}"\r\n\r\nx\r\n`;
    const outline = await digest(MULTIPART + part.repeat(1000));
    expect(outline.parts[1]?.filename).toBe('ü'.repeat(MIME.filenameCharacters));
    expect(outline.parts.at(-1)?.filename).toBeNull();
    expect(outline.defects).toContain('names_limit');
  });

  it('is bounded in each list member', async () => {
    const message = octetsOf(
      `Subject: ${'s'.repeat(5000)}\nTo: ${'"n" <a@b.example>, '.repeat(500)}\nFrom: ${'x'.repeat(5000)}@example.org\nReferences: ${'<r@x> '.repeat(200)}<last@x>\n\n${'word '.repeat(500)}`,
    );
    const summary = await summarize(outlineOfChunks([message]), reader(message), { whole: true });
    expect(summary.subject).toHaveLength(MIME.textCharacters);
    expect(summary.to).toHaveLength(MIME.addresses);
    expect(summary.from[0]?.address.length).toBeLessThanOrEqual(MIME.textCharacters);
    expect(summary.references).toHaveLength(MIME.references);
    expect(summary.references.at(-1)).toBe('<last@x>');
    expect(summary.preview?.length).toBeLessThanOrEqual(MIME.previewCharacters);
  });
});
