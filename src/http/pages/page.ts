/**
 * The frame of the public pages: HTML made on the server, without scripts and without anything from elsewhere. Whatever is
 * put into a page is escaped by the template. The one style sheet is let in by its digest (W3C CSP 3 §2.3.1).
 */
import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';

/** What the template makes; its strings are escaped, what it made itself is not escaped again. */
export type Html = ReturnType<typeof html>;

const STYLE = `
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1, h2, h3 { line-height: 1.25; }
h2 { margin-top: 3rem; }
h3 { margin-top: 2rem; padding-top: 1rem; border-top: 1px solid #8888; font-size: 1rem; }
code, pre { font: 0.875rem/1.45 ui-monospace, monospace; }
pre { padding: 0.75rem; border: 1px solid #8888; border-radius: 4px; overflow-x: auto; overflow-wrap: normal; }
table { border-collapse: collapse; }
th, td { padding: 0.25rem 1rem 0.25rem 0; text-align: left; vertical-align: top; }
`;

const DIGEST = createHash('sha256').update(STYLE, 'utf8').digest('base64');

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'Cache-Control': 'public, max-age=300',
} as const;

/** Text in which backticks stand around code. */
export function prose(text: string): (string | Html)[] {
  return text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}

/** A whole page as an answer. */
export async function page(title: string, body: Html): Promise<Response> {
  // The element of the style sheet stays out of the template: one space more and its digest would be another.
  const text = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Popgate</title>
        ${raw(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html> `;
  return new Response(String(text), { headers: HEADERS });
}
