/** A message as JSON: its summary, text and HTML, from the parts that its outline names. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unflow } from '../../src/mime/flowed.ts';
import { type ComposeOptions, type Content, compose, identity, summarize, type Summary } from '../../src/mime/message.ts';
import { fixture, octetsOf, outlineOf, reader } from '../support/mime.ts';

function summaryOf(message: Uint8Array, whole = true): Promise<Summary> {
  return summarize(outlineOf(message), reader(message), { whole });
}

function contentOf(message: Uint8Array, options: Partial<ComposeOptions> = {}): Promise<Content> {
  return compose(outlineOf(message), reader(message), { html: 'safe', maxBodyBytes: 262_144, ...options });
}

describe('the summary', () => {
  it('has the list members of a message', async () => {
    expect(await summaryOf(fixture('plain-utf8'))).toEqual({
      subject: 'Grüße aus Köln',
      from: [{ name: 'Ann Example', address: 'ann@example.org' }],
      to: [{ name: '', address: 'bob@example.com' }],
      cc: [],
      bcc: [],
      replyTo: [],
      sender: [],
      date: '2026-11-20T10:23:45Z',
      receivedAt: '2026-11-20T10:24:02Z',
      messageId: '<plain@example.org>',
      inReplyTo: [],
      references: [],
      preview: 'Grüße aus Köln — viel Spaß!',
      hasAttachments: false,
    });
  });

  it('flattens groups, joins repeated address fields and takes all authors', async () => {
    const message = fixture('addresses');
    expect(await summaryOf(message)).toMatchObject({
      from: [
        { name: 'Doe, John', address: 'john@example.org' },
        { name: 'Zoë', address: 'zoe@example.org' },
      ],
      sender: [{ name: 'the secretary', address: 'sec@example.org' }],
      to: [{ name: '', address: 'later@example.org' }],
      cc: [
        { name: '', address: 'a1@example.org' },
        { name: 'A. Two', address: 'a2@example.org' },
        { name: '', address: 'single@example.org' },
        { name: 'Bee', address: 'b@example.org' },
      ],
      bcc: [{ name: '', address: 'bare@example.org' }],
      replyTo: [{ name: 'Réponse', address: 'reply@example.org' }],
      subject: '',
      inReplyTo: ['<one@x>', '<two@x>'],
      references: ['<r1@x>', '<r2@x>', '<r3@x>'],
      date: '2026-11-20T15:23:00Z',
    });
  });

  it.each([
    ['latin1-qp', 'Café'],
    ['windows1252', '“Quoted”'],
    ['iso2022jp', '会議の件'],
    ['gb18030', '会议通知'],
    ['koi8r-raw-headers', 'Привет'],
    ['eight-bit-utf8-headers', 'Überraschung ✓'],
    ['bare-lf', 'bare LF folded'],
    ['broken-header', 'spaced colon'],
    ['no-header', null],
    ['empty', null],
  ])('of %s has the subject %j', async (name, subject) => expect((await summaryOf(fixture(name))).subject).toBe(subject));

  it.each([
    ['plain-utf8', false],
    ['html-with-footer', false],
    ['alternative-related-mixed', true],
    ['calendar-invitation', true],
    ['nested-message', true],
    ['apple-mail', true],
    ['single-attachment', true],
    ['header-only', false],
  ])('of the whole of %s knows whether there are attachments: %s', async (name, expected) => {
    expect((await summaryOf(fixture(name))).hasAttachments).toBe(expected);
  });

  it('does not count pictures that the HTML shows itself', async () => {
    const message = octetsOf(
      'Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<img src="cid:a@b">\n--b\nContent-Type: image/png\nContent-ID: <a@b>\n\nx\n--b--\n',
    );
    expect((await summaryOf(message)).hasAttachments).toBe(false);
  });

  it.each([
    ['text/plain', false],
    ['text/html; charset=utf-8', false],
    ['multipart/alternative; boundary=x', false],
    ['multipart/related; boundary=x', false],
    ['multipart/mixed; boundary=x', true],
    ['multipart/signed; boundary=x', true],
    ['application/pdf', true],
    ['message/rfc822', true],
    ['nonsense', false],
  ])('of a header with %s forecasts attachments: %s', async (type, expected) => {
    expect((await summaryOf(octetsOf(`Content-Type: ${type}\n\n`), false)).hasAttachments).toBe(expected);
  });

  it('of the first lines has the preview that they allow', async () => {
    const message = fixture('alternative-related-mixed');
    const some = message.subarray(0, message.indexOf('the plan'));
    expect(await summaryOf(some, false)).toMatchObject({ preview: 'Hello Bob,', hasAttachments: true });
    const header = message.subarray(0, message.indexOf('This is a multi-part'));
    expect(await summaryOf(header, false)).toMatchObject({ preview: null, subject: 'The plan', hasAttachments: true });
  });

  it('takes the preview from HTML where there is no text, without its filler', async () => {
    expect((await summaryOf(fixture('html-only'))).preview).toBe('Big sale All shoes half price. - red - blue');
    const filled = `Content-Type: text/html\n\n<p>Hello</p>${'&nbsp;&zwnj;&#847;'.repeat(200)}<p>World</p>`;
    expect((await summaryOf(octetsOf(filled))).preview).toBe('Hello World');
    const empty = 'Content-Type: multipart/alternative; boundary=b\n\n--b\n\n \n--b\nContent-Type: text/html\n\n<p>HTML</p>\n--b--';
    expect((await summaryOf(octetsOf(empty))).preview).toBe('HTML');
  });

  it('takes the preview from behind filler of any length', async () => {
    const text = (filler: number): string =>
      `Content-Type: text/plain; charset=utf-8\n\nHello${'\u200c \u034f'.repeat(filler)}World ${'and on '.repeat(60)}`;
    const short = (await summaryOf(Buffer.from(text(1)))).preview;
    expect(short).toMatch(/^Hello World and on /);
    for (const filler of [100, 133, 134, 135, 266, 267, 268, 5_000])
      expect((await summaryOf(Buffer.from(text(filler)))).preview).toBe(short);
  });

  it('cuts the preview at a character', async () => {
    const preview = (await summaryOf(Buffer.from(`Content-Type: text/plain; charset=utf-8\n\nx${'😀'.repeat(300)}`))).preview ?? '';
    expect(preview.isWellFormed()).toBe(true);
    expect(preview.length).toBe(199);
  });

  it('keeps joiners that are spelling', async () => {
    const text = 'می\u200cخواهم 👩\u200d👩\u200d👧';
    expect((await summaryOf(Buffer.from(`Content-Type: text/plain; charset=utf-8\n\n${text}`))).preview).toBe(text);
  });
});

describe('the identity', () => {
  it('is the first Message-ID and Date as they stand', async () => {
    const message = octetsOf('Message-ID:\n <a@b>\nDate: Fri,  20 Nov 2026\nmessage-id: <c@d>\n\nx');
    expect(await identity(outlineOf(message), reader(message))).toEqual({ messageId: '<a@b>', date: 'Fri,  20 Nov 2026' });
    const nameless = octetsOf('Subject: x\n\n');
    expect(await identity(outlineOf(nameless), reader(nameless))).toEqual({ messageId: null, date: null });
  });
});

describe('the text', () => {
  it.each([
    ['plain-utf8', 'Grüße aus Köln — viel Spaß!\n'],
    ['latin1-qp', "Le café est très bon, n'est-ce pas ?\n"],
    ['windows1252', '“Smart quotes” cost 5 €\n'],
    ['iso2022jp', '明日の会議は10時からです。\n'],
    ['koi8r-raw-headers', 'Добрый день, встречаемся завтра.\n'],
    ['gb18030', '请于明天上午参加会议。\n'],
    ['utf16-base64', 'Žluťoučký kůň\nřádek\n'],
    ['no-charset-cp1252', 'Price: 5 €, café\n'],
    ['format-flowed', 'This paragraph was wrapped by the sender and is one line.\n\n> quoted text\n-- \nAnn\n'],
    ['alternative-related-mixed', 'Hello Bob,\nthe plan is attached.'],
    ['html-only', 'Big sale\n\nAll shoes half price.\n\n- red\n- blue'],
    ['html-with-footer', 'Body\n____\nlist <footer>'],
    ['apple-mail', 'before\n\nafter'],
    ['nested-message', 'See below.'],
    ['wrong-boundary', '--actual\nContent-Type: text/plain\n\nstill readable\n--actual--\n'],
    ['no-header', 'Hello,\nthis has no header at all.\n\nBye\n'],
    ['empty', ''],
    ['single-attachment', null],
    ['header-only', null],
  ])('of %s', async (name, text) => {
    expect(await contentOf(fixture(name))).toMatchObject({ text, textTruncated: false, htmlTruncated: false });
  });

  it('of a text of unknown kind is shown as it is', async () => {
    expect(await contentOf(octetsOf('Content-Type: text/x-patch\n\n+ <b>'))).toMatchObject({ text: '+ <b>', html: null });
  });

  it('is read in the charset that the HTML names, if the header names none', async () => {
    const html = '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r"><p>\xf0\xd2\xc9</p>';
    expect((await contentOf(octetsOf(`Content-Type: text/html\n\n${html}`))).text).toBe('При');
  });

  it('of an unknown charset is still text', async () => {
    expect((await contentOf(octetsOf('Content-Type: text/plain; charset=x-none\n\ncaf\xe9'))).text).toBe('café');
  });
});

describe('flowed text', () => {
  it.each([
    ['one \ntwo \nthree\nfour', false, 'one two three\nfour'],
    ['one \ntwo', true, 'onetwo'],
    ['> a \n> b\n>> c \n> d', false, '> a b\n>> c \n> d'],
    [' From \n stuffed', false, 'From stuffed'],
    ['text \n-- \nname', false, 'text \n-- \nname'],
    ['open ', false, 'open '],
    ['', false, ''],
  ])('%j (delsp %s) is %j', (text, delsp, expected) => expect(unflow(text, delsp)).toBe(expected));

  it('loses no word', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', ' ', '\n', '> ', '-- '), { maxLength: 60 }), (pieces) => {
        const words = (text: string): number => text.split('a').length;
        expect(words(unflow(pieces.join(''), false))).toBe(words(pieces.join('')));
      }),
    );
  });
});

describe('the HTML', () => {
  it('is sanitized and refers to the message itself by content id', async () => {
    expect(await contentOf(fixture('alternative-related-mixed'))).toMatchObject({
      html: '<p>Hello Bob,</p><p>the <b>plan</b> is attached. <img data-cid="logo@example.org" /></p>\n<img width="1" height="1" />',
      htmlMode: 'safe',
      remoteContent: { blocked: 1 },
      defects: [],
    });
  });

  it('joins parts in order and takes plain ones in as text', async () => {
    expect((await contentOf(fixture('html-with-footer'))).html).toBe('<p>Body</p>\n<div>____<br />\nlist &lt;footer&gt;</div>');
    expect((await contentOf(fixture('apple-mail'))).html).toBe('<div>before</div>\n<div>after</div>');
  });

  it('is null where there is none, or none is wanted', async () => {
    expect(await contentOf(fixture('plain-utf8'))).toMatchObject({ html: null, htmlMode: 'safe' });
    expect(await contentOf(fixture('html-only'), { html: 'none' })).toMatchObject({
      html: null,
      htmlMode: 'none',
      text: 'Big sale\n\nAll shoes half price.\n\n- red\n- blue',
    });
  });

  it('is the original on request, and says so', async () => {
    const content = await contentOf(fixture('html-only'), { html: 'original' });
    expect(content.htmlMode).toBe('original');
    expect(content.html).toContain('<script>alert(1)</script>');
    expect(content.html).toContain('https://cdn.example/x.png');
  });

  it('nested too deep is shown as text, with a defect', async () => {
    const content = await contentOf(octetsOf(`Content-Type: text/html\n\n${'<div>'.repeat(5000)}a &lt;b&gt;${'</div>'.repeat(5000)}`));
    expect(content).toMatchObject({ html: 'a &lt;b&gt;', text: 'a <b>', defects: ['html_unsafe'] });
  });

  it('of two parts is sanitized apart: what the first leaves open ends with it', async () => {
    const part = (html: string): string => `--b\nContent-Type: text/html\n\n${html}\n`;
    const message = octetsOf(`Content-Type: multipart/mixed; boundary=b\n\n${part('<script>')}${part('<p>shown</p>')}--b--`);
    expect((await contentOf(message)).html).toContain('<p>shown</p>');
  });
});

describe('a long body', () => {
  it.each([
    ['utf-8', '8bit', Buffer.from('äöü€😀'.repeat(50))],
    ['utf-8', 'base64', Buffer.from(Buffer.from('äöü€😀'.repeat(50)).toString('base64'))],
    ['utf-8', 'quoted-printable', Buffer.from('=C3=A4=E2=82=AC=\r\n'.repeat(100))],
    ['gb18030', '8bit', Buffer.from('c7ebd3da'.repeat(100), 'hex')],
    ['iso-8859-1', '8bit', Buffer.from('e4f6fc'.repeat(100), 'hex')],
  ])('in %s, %s, is cut at a character at every limit', async (charset, encoding, body) => {
    const message = Buffer.concat([
      Buffer.from(`Content-Type: text/plain; charset=${charset}\nContent-Transfer-Encoding: ${encoding}\n\n`),
      body,
    ]);
    const whole = (await contentOf(message)).text ?? '';
    for (let limit = 1; limit <= 40; limit++) {
      const { text, textTruncated } = await contentOf(message, { maxBodyBytes: limit });
      expect(textTruncated).toBe(true);
      expect(whole.startsWith(text ?? 'x')).toBe(true);
      expect(text?.length).toBeLessThanOrEqual(limit);
      if (charset === 'utf-8') expect(limit - Buffer.byteLength(text ?? '')).toBeLessThan(4);
    }
  });

  it('is cut before it is sanitized, text and HTML alike', async () => {
    const message = octetsOf(`Content-Type: text/html\n\n<p>${'word '.repeat(1000)}</p><script>`);
    const content = await contentOf(message, { maxBodyBytes: 103 });
    expect(content).toMatchObject({ textTruncated: true, htmlTruncated: true, html: `<p>${'word '.repeat(20)}</p>` });
  });

  it('shares its limit between its parts', async () => {
    const message = octetsOf('Content-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst\n--b\n\nsecond\n--b\n\nthird\n--b--');
    expect(await contentOf(message, { maxBodyBytes: 8 })).toMatchObject({ text: 'first\nsec', textTruncated: true });
    expect(await contentOf(message, { maxBodyBytes: 5 })).toMatchObject({ text: 'first', textTruncated: true });
    expect(await contentOf(message, { maxBodyBytes: 16 })).toMatchObject({ text: 'first\nsecond\nthird', textTruncated: false });
  });

  it('is never read beyond what may be used', async () => {
    const message = octetsOf(`Content-Type: text/plain\n\n${'x'.repeat(3_000_000)}`);
    let octets = 0;
    const counting = (start: number, end: number): Promise<Uint8Array> => {
      octets += end - start;
      return reader(message)(start, end);
    };
    await compose(outlineOf(message), counting, { html: 'safe', maxBodyBytes: 1000 });
    expect(octets).toBeLessThan(200_000);
  });
});

it('the headers are those of the root, in order, unfolded and not decoded', async () => {
  const { headers } = await contentOf(fixture('latin1-qp'));
  expect(headers.map(([name]) => name)).toEqual([
    'Received', 'From', 'To', 'Date', 'Message-ID', 'MIME-Version', 'Subject', 'Content-Type', 'Content-Transfer-Encoding',
  ]); // prettier-ignore
  expect(headers[0]?.[1]).toBe(
    'from mail.example.org (mail.example.org [192.0.2.1])\tby mx.example.com with ESMTPS id 4A1;\tFri, 20 Nov 2026 11:24:02 +0100 (CET)',
  );
  expect(headers[6]).toEqual(['Subject', '=?iso-8859-1?Q?Caf=E9?=']);
});

it('fails as the reading fails', async () => {
  const message = fixture('plain-utf8');
  const broken = (): Promise<Uint8Array> => Promise.reject(new Error('row is gone'));
  await expect(compose(outlineOf(message), broken, { html: 'safe', maxBodyBytes: 100 })).rejects.toThrow('row is gone');
  await expect(summarize(outlineOf(message), broken, { whole: true })).rejects.toThrow('row is gone');
});
