/**
 * Inline CSS of HTML mail, cut down to looks: listed properties with values of plain words, numbers and colours. No function
 * but colours, no quotes, escapes or comments: so no reference to anything outside, no script, and nothing that is laid
 * over the page around it (no position, no negative margins). Linear.
 */
import { MIME } from '../limits.ts';

const PROPERTIES: ReadonlySet<string> = new Set(
  (
    'background background-color border-collapse border-spacing caption-side clear color direction display empty-cells float ' +
    'font font-family font-size font-style font-variant font-weight height letter-spacing line-height list-style list-style-type ' +
    'max-height max-width min-height min-width overflow-wrap table-layout text-align text-decoration text-indent text-transform ' +
    'vertical-align white-space width word-break word-spacing word-wrap ' +
    'margin margin-top margin-right margin-bottom margin-left padding padding-top padding-right padding-bottom padding-left ' +
    'border border-top border-right border-bottom border-left border-color border-style border-width border-radius ' +
    'border-top-color border-top-style border-top-width border-right-color border-right-style border-right-width ' +
    'border-bottom-color border-bottom-style border-bottom-width border-left-color border-left-style border-left-width'
  ).split(' '),
);

const COLOUR = /\b(?:rgb|hsl)a?\([0-9.,%/\s]*\)/gi;
const VALUE = /^[a-z0-9#%.,!+\s-]+$/i;
const NEGATIVE = /(?:^|\s)-[\d.]/;
/** What loads something, or may once it is unescaped. */
const LOADS = /url\s*\(|image-set\s*\(|image\s*\(|@import|\\/i;

/** The declarations of a `style` attribute that may stay, or ''. */
export function safeStyle(style: string): string {
  if (style.length > MIME.styleCharacters) return '';
  return style
    .split(';')
    .map(safeDeclaration)
    .filter((declaration) => declaration !== '')
    .join(';');
}

/** Whether CSS refers to something that would be loaded. */
export function loadsRemote(css: string): boolean {
  return LOADS.test(css) && !/^[^(]*url\s*\(\s*(?:["']\s*)?(?:data|cid):[^(]*$/i.test(css);
}

function safeDeclaration(declaration: string): string {
  const colon = declaration.indexOf(':');
  const property = declaration.slice(0, Math.max(colon, 0)).trim().toLowerCase();
  if (!PROPERTIES.has(property)) return '';
  // Quotes only ever hold names of fonts, which need none.
  const value = declaration
    .slice(colon + 1)
    .replace(/["']/g, '')
    .trim();
  if (value === '' || value.length > MIME.styleValueCharacters) return '';
  if (!VALUE.test(value.replace(COLOUR, 'colour')) || NEGATIVE.test(value)) return '';
  return `${property}:${value}`;
}
