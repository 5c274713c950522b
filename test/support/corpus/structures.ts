/**
 * Messages built of messages and of protocol parts: forwards and digests (RFC 2046 §5), bounces and receipts
 * (RFC 3464, RFC 8098), signed and encrypted mail (RFC 1847, RFC 3156), calendar invitations (RFC 6047).
 */
import { encodeText } from './charsets.ts';
import { dateField, file, html, letter, lines, multipart, nested, octetsOf, text } from './compose.ts';
import type { Part, Recipe } from './compose.ts';
import { noise, pdf, zip } from './documents.ts';
import { base64Lines, encodedWords } from './encodings.ts';

/** A message to be nested: a little older than the one around it. */
function inner(at: Date, name: string, subject: string, part: Part): Uint8Array {
  return letter({ at: new Date(at.getTime() - 3_600_000), name, subject, from: 'Carl <carl@example.net>' }, part).octets;
}

const forwarded: Recipe = {
  name: 'forwarded-message',
  make: (at) => {
    const original = multipart('mixed', [text(lines('The offer is attached.')), file('offer.pdf', 'application/pdf', pdf('Offer'))]);
    return letter(
      { at, name: 'forwarded-message', subject: 'Fwd: Offer' },
      multipart('mixed', [text(lines('For your information.')), nested(inner(at, 'inner-offer', 'Offer', original), 'Offer.eml')]),
    );
  },
};

const twiceNested: Recipe = {
  name: 'nested-twice',
  make: (at) => {
    const deepest = inner(at, 'inner-deepest', encodedWords('Das Ursprüngliche'), text(lines('Ursprünglich war ich.')));
    const middle = inner(at, 'inner-middle', 'Fwd: the origin', multipart('mixed', [text(lines('See below.')), nested(deepest)]));
    return letter(
      { at, name: 'nested-twice', subject: 'Fwd: Fwd: the origin' },
      multipart('mixed', [text(lines('See below, twice.')), nested(middle)]),
    );
  },
};

/** In a digest the parts' default type is message/rfc822 (RFC 2046 §5.1.5): the fields are left out. */
const digest: Recipe = {
  name: 'digest',
  make: (at) => {
    const entries = ['On bees', 'On honey', 'On winter'].map((subject, index) => {
      const part = nested(inner(at, `inner-digest-${index}`, subject, text(lines(`${subject}: a few words.`, '', 'Carl'))));
      return { ...part, headers: [] };
    });
    return letter(
      { at, name: 'digest', from: 'Beekeepers <bees@lists.example.org>', subject: 'Beekeepers Digest, Vol 12, Issue 3' },
      multipart('mixed', [text(lines('Three messages.')), multipart('digest', entries)]),
    );
  },
};

/** A protocol part: what a reader must find as an attachment without a name. */
function protocol(contentType: string, content: string): Part {
  return file(null, contentType, encodeText(content, 'us-ascii'), { encoding: '7bit', disposition: null });
}

const bounce: Recipe = {
  name: 'bounce',
  make: (at) =>
    letter(
      { at, name: 'bounce', from: 'Mail Delivery System <MAILER-DAEMON@mx.example.org>', subject: 'Undelivered Mail Returned to Sender' },
      multipart(
        'report',
        [
          text(lines('This is the mail system at host mx.example.org.', '', '<nobody@example.net>: 550 5.1.1 User unknown')),
          deliveryStatus(at),
          nested(inner(at, 'inner-bounced', 'Are you there?', text(lines('Hello?')))),
        ],
        { parameters: '; report-type=delivery-status' },
      ),
    ),
};

function deliveryStatus(at: Date): Part {
  const fields = [
    'Reporting-MTA: dns; mx.example.org',
    `Arrival-Date: ${dateField(at)}`,
    '',
    'Final-Recipient: rfc822; nobody@example.net',
    'Action: failed',
    'Status: 5.1.1',
    'Diagnostic-Code: smtp; 550 5.1.1 User unknown',
  ];
  return protocol('message/delivery-status', lines(...fields));
}

const receipt: Recipe = {
  name: 'read-receipt',
  make: (at) =>
    letter(
      { at, name: 'read-receipt', from: 'Dora <dora@example.com>', subject: 'Read: Agenda' },
      multipart(
        'report',
        [
          text(lines('Your message has been displayed. There is no guarantee that it has been read.')),
          protocol(
            'message/disposition-notification',
            lines('Final-Recipient: rfc822; dora@example.com', 'Disposition: manual-action/MDN-sent-manually; displayed'),
          ),
        ],
        { parameters: '; report-type=disposition-notification' },
      ),
    ),
};

const ARMOR_END = '=Q2h3';

/** ASCII armor around octets that no key has made: it looks like a signature and verifies nothing. */
function armor(kind: string, seed: number, count: number): string {
  return lines(`-----BEGIN PGP ${kind}-----`, '', base64Lines(noise(seed, count)), ARMOR_END, `-----END PGP ${kind}-----`);
}

const signed: Recipe = {
  name: 'signed-with-pgp',
  make: (at) =>
    letter(
      { at, name: 'signed-with-pgp', from: 'Eve <eve@example.com>', subject: 'Signed' },
      multipart(
        'signed',
        [
          text(lines('This text is signed.', '', '-- ', 'Eve')),
          file('signature.asc', 'application/pgp-signature', encodeText(armor('SIGNATURE', 7, 190), 'us-ascii'), {
            encoding: '7bit',
            disposition: null,
            naming: 'quoted',
          }),
        ],
        { parameters: '; micalg=pgp-sha256;\r\n protocol="application/pgp-signature"' },
      ),
    ),
};

const encrypted: Recipe = {
  name: 'encrypted-with-pgp',
  make: (at) =>
    letter(
      { at, name: 'encrypted-with-pgp', from: 'Eve <eve@example.com>', subject: '...' },
      multipart(
        'encrypted',
        [
          protocol('application/pgp-encrypted', lines('Version: 1')),
          file('encrypted.asc', 'application/octet-stream', encodeText(armor('MESSAGE', 8, 900), 'us-ascii'), {
            encoding: '7bit',
            disposition: 'inline',
          }),
        ],
        { parameters: ';\r\n protocol="application/pgp-encrypted"' },
      ),
    ),
};

/** RFC 5545 §3.3.5. */
function stamp(date: Date): string {
  return date.toISOString().replaceAll(/[-:]|\.\d+/g, '');
}

function calendar(at: Date): Uint8Array {
  const start = new Date(at.getTime() + 7 * 86_400_000);
  const event = [
    'BEGIN:VCALENDAR',
    'PRODID:-//Example//Calendar 1.0//EN',
    'VERSION:2.0',
    'METHOD:REQUEST',
    'BEGIN:VEVENT',
    `UID:${at.getTime()}@example.com`,
    `DTSTAMP:${stamp(at)}`,
    `DTSTART:${stamp(start)}`,
    `DTEND:${stamp(new Date(start.getTime() + 3_600_000))}`,
    'SUMMARY:Quarterly review – Zürich',
    'ORGANIZER;CN=Ann:mailto:ann@example.com',
    'ATTENDEE;RSVP=TRUE:mailto:demo@example.org',
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  return encodeText(lines(...event), 'utf-8');
}

const invitation: Recipe = {
  name: 'invitation',
  make: (at) => {
    const event = calendar(at);
    const body = multipart('alternative', [
      text(lines('You are invited: Quarterly review – Zürich')),
      html(lines('<p>You are invited: <b>Quarterly review – Zürich</b></p>')),
      file(null, 'text/calendar', event, { encoding: '8bit', disposition: null, parameters: '; charset=utf-8; method=REQUEST' }),
    ]);
    return letter(
      { at, name: 'invitation', subject: encodedWords('Invitation: Quarterly review – Zürich', 'UTF-8', 'Q') },
      multipart('mixed', [body, file('invite.ics', 'application/ics', event)]),
    );
  },
};

/** A message with a message and files beside it, deep in multiparts. */
const deep: Recipe = {
  name: 'multiparts-in-multiparts',
  make: (at) => {
    const note = nested(inner(at, 'inner-note', 'Note', text(lines('Note.'))), 'note.eml');
    const packed = file('all.zip', 'application/zip', zip({ 'a.txt': octetsOf('a'), 'b.txt': octetsOf('b') }));
    const core = multipart('alternative', [text(lines('Core.')), multipart('related', [html('<p>Core.</p>')])]);
    const middle = multipart('mixed', [multipart('mixed', [multipart('mixed', [core, packed])]), note]);
    return letter({ at, name: 'multiparts-in-multiparts', subject: 'Deep' }, middle);
  },
};

export const structures: readonly Recipe[] = [forwarded, twiceNested, digest, bounce, receipt, signed, encrypted, invitation, deep];
