/**
 * The mailbox of the story: the whole corpus, a message of every octet there is, and a letter with a file; and how what is
 * shown of their attachments is held against what they are.
 */
import { createHash } from 'node:crypto';
import type { Attachment } from '../../src/mailbox/rpc.ts';
import { type CorpusMessage, corpus, type ExpectedAttachment } from '../support/corpus.ts';

export const SUBJECT = 'Wombats by moonlight';
export const TEXT = 'A burrow of one’s own';
export const FILE = Buffer.from(Array.from({ length: 1000 }, (_, at) => (at * 7) % 256));

/** Every octet there is, lines of dots, and what a client that splits at bare LF would take for the end (RFC 1939 §3). */
export const WILD = Buffer.concat([
  Buffer.from('Subject: every octet\r\nX-Raw: caf\xe9 \xff\xfe\r\n\r\n.\r\n..\r\n.dot\r\n \r\n', 'latin1'),
  Buffer.from(Array.from({ length: 256 }, (_, at) => at)),
  Buffer.from('\nbare\n.\r\n+OK 3 messages\n.\n\r.\r\r\n\0.\0\r\n.\r\n', 'latin1'),
]);

const LETTER = Buffer.from(
  [
    'Received: from a.example by b.example; Fri, 20 Nov 2026 10:24:02 +0000',
    'From: "Ann Example" <ann@example.com>',
    'To: demo@example.org',
    `Subject: ${SUBJECT}`,
    'Date: Fri, 20 Nov 2026 11:23:45 +0100',
    'Message-ID: <wombat.1@example.com>',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="x"',
    '',
    '--x',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    Buffer.from(TEXT).toString('latin1'),
    '--x',
    'Content-Type: application/pdf; name="plan.pdf"',
    'Content-Disposition: attachment; filename="plan.pdf"',
    'Content-Transfer-Encoding: base64',
    '',
    (FILE.toString('base64').match(/.{1,76}/g) ?? []).join('\r\n'),
    '--x--',
    '',
  ].join('\r\n'),
  'latin1',
);

export const MESSAGES: CorpusMessage[] = [
  ...corpus(new Date()),
  { name: 'every-octet', octets: WILD, attachments: [] },
  {
    name: 'letter',
    octets: LETTER,
    attachments: [{ filename: 'plan.pdf', contentType: 'application/pdf', size: FILE.length, sha256: sha256(FILE) }],
  },
];

export function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** As `Repr-Digest` has it. */
export function base64Sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('base64');
}

/** What the corpus counts: attachments that aren't inside a nested message, which is one itself. */
export function outermost(attachments: readonly Attachment[]): ExpectedAttachment[] {
  const nested = attachments.filter(({ contentType }) => contentType === 'message/rfc822').map(({ id }) => `${id}.`);
  return attachments
    .filter(({ id }) => !nested.some((prefix) => id.startsWith(prefix)))
    .map(({ filename, contentType, size, sha256: digest }) => ({ filename, contentType, size, sha256: digest }));
}

/** A file name as it is shown: never a path. */
export function safeName(name: string | null): string | null {
  return name?.replaceAll(/[/\\]/g, '_') ?? null;
}
