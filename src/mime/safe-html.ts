/**
 * HTML of a stranger made safe to show: what an allow-list of elements, attributes and CSS lets through, nothing that runs,
 * nothing that loads from elsewhere, nothing that poses as part of the page around it (ids, classes and names are dropped).
 * Pictures of the message itself (`cid:`, RFC 2392) become `data-cid`. What the sanitizer can't cope with is shown as text.
 */
import sanitizeHtml from 'sanitize-html';
import { MIME } from '../limits.ts';
import { textFromHtml } from './html-text.ts';
import { type Attributes, isRemote, normalized, remoteInStyleSheets, remoteReferences } from './remote.ts';
import { safeStyle } from './style.ts';
import { cut, escapeText } from './text.ts';

export interface SafeHtml {
  html: string;
  /** References to something outside that were removed. */
  blocked: number;
  /** Whether the sanitizer gave up and `html` is escaped text. */
  unsafe: boolean;
}

/** `blocked`: no reference to anything outside is left. `allowed`: `https:` sources of pictures stay. */
export type Remote = 'blocked' | 'allowed';

const TAGS = (
  'a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em ' +
  'figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q rp rt ruby s samp section ' +
  'small span strike strong sub sup table tbody td tfoot th thead time tr tt u ul var wbr'
).split(' ');

/** Dropped with all that they hold. */
const DROPPED = 'script style title textarea option xmp noembed noframes iframe template svg math'.split(' ');

const COMMON = ['title', 'dir', 'lang', 'align', 'valign', 'width', 'height', 'bgcolor', 'style'];
const OWN: Readonly<Record<string, readonly string[]>> = {
  a: ['href', 'target', 'rel'],
  img: ['src', 'data-cid', 'alt', 'border', 'hspace', 'vspace'],
  font: ['color', 'face', 'size'],
  table: ['border', 'cellpadding', 'cellspacing'],
  td: ['colspan', 'rowspan', 'nowrap'],
  th: ['colspan', 'rowspan', 'nowrap', 'scope'],
  col: ['span'],
  colgroup: ['span'],
  ol: ['start', 'type'],
  ul: ['type'],
  li: ['value', 'type'],
  hr: ['size', 'noshade'],
};

/** Pictures written into the HTML itself: only kinds that hold no markup. */
const PICTURE = /^data:image\/(?:png|gif|jpe?g|webp);base64,[a-z0-9+/=]*$/i;

/** Stops the sanitizer, whose time grows with the square of the depth. */
class TooDeep extends Error {}

/** Where the picture of a content id (RFC 2392) is to be had, by an address that may be shown as it is; null: not known. */
export type Sources = (contentId: string) => string | null;

/**
 * Sanitizes an HTML document or fragment. Never fails; at most `MIME.bodyOctets` characters are looked at. With `sources`
 * pictures of the message itself get theirs.
 */
export function safeHtml(html: string, remote: Remote = 'blocked', sources: Sources | null = null): SafeHtml {
  const input = cut(html, MIME.bodyOctets);
  let depth = 0;
  let blocked = remoteInStyleSheets(input);
  try {
    const output = sanitizeHtml(input, {
      ...RULES,
      // The first barrier lets no other `http:` through than that of `sources`: a gateway on a developer's own machine.
      ...(sources === null ? {} : { allowedSchemesByTag: { img: ['http', 'https', 'data'] } }),
      transformTags: { '*': (tagName, attribs) => ({ tagName, attribs: safeAttributes(tagName, attribs, remote, sources) }) },
      onOpenTag: (tag, attribs) => {
        if (++depth > MIME.htmlDepth) throw new TooDeep();
        blocked += remoteReferences(tag, attribs) - (keepsSource(tag, attribs, remote) ? 1 : 0);
      },
      onCloseTag: () => {
        depth--;
      },
    });
    return { html: output, blocked, unsafe: false };
  } catch {
    // Too deep, or an input that the sanitizer throws at: either way nothing of it is trusted.
    return { html: escapeText(textFromHtml(input)), blocked, unsafe: true };
  }
}

/** The second of two barriers: `safeAttributes` has already left nothing else. */
const RULES: sanitizeHtml.IOptions = {
  allowedTags: TAGS,
  allowedAttributes: { '*': COMMON, ...Object.fromEntries(Object.entries(OWN).map(([tag, names]) => [tag, [...names]])) },
  allowedSchemes: ['http', 'https', 'mailto'],
  allowedSchemesByTag: { img: ['https', 'data'] },
  allowedSchemesAppliedToAttributes: ['href', 'src'],
  allowProtocolRelative: false,
  disallowedTagsMode: 'discard',
  nonTextTags: DROPPED,
  parseStyleAttributes: false,
  enforceHtmlBoundary: false,
};

function safeAttributes(tag: string, attributes: Attributes, remote: Remote, sources: Sources | null): Record<string, string> {
  const safe: Record<string, string> = {};
  for (const name of [...COMMON, ...(Object.hasOwn(OWN, tag) ? (OWN[tag] ?? []) : [])]) {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    if (value !== undefined && value.length <= MIME.addressCharacters) safe[name] = value;
  }
  if (safe['style'] !== undefined) safe['style'] = safeStyle(safe['style']);
  if (safe['style'] === '') delete safe['style'];
  if (tag === 'a') link(safe, attributes);
  if (tag === 'img') picture(safe, attributes, remote, sources);
  return safe;
}

/** Links go to the web or to a mail address, in a window of their own that knows nothing of this one. */
function link(safe: Record<string, string>, attributes: Attributes): void {
  delete safe['href'];
  delete safe['target'];
  delete safe['rel'];
  const href = attributes['href']?.trim() ?? '';
  if (href.length > MIME.addressCharacters || !/^(?:https?:\/\/|mailto:)/.test(normalized(href)) || href.includes('<!--')) return;
  safe['href'] = href;
  safe['target'] = '_blank';
  safe['rel'] = 'noopener noreferrer nofollow';
}

function picture(safe: Record<string, string>, attributes: Attributes, remote: Remote, sources: Sources | null): void {
  delete safe['src'];
  delete safe['data-cid'];
  const source = attributes['src']?.trim() ?? '';
  if (/^cid:/i.test(source)) embedded(safe, contentId(source.slice(4)), sources);
  else if (keepsSource('img', attributes, remote) || PICTURE.test(source)) safe['src'] = source;
}

function embedded(safe: Record<string, string>, id: string, sources: Sources | null): void {
  const source = sources?.(id) ?? null;
  if (source === null) safe['data-cid'] = id;
  else safe['src'] = source;
}

/** RFC 2392 §2: a content id is percent-encoded in a `cid:` address. */
function contentId(encoded: string): string {
  try {
    return cut(decodeURIComponent(encoded), MIME.filenameCharacters);
  } catch {
    return cut(encoded, MIME.filenameCharacters);
  }
}

function keepsSource(tag: string, attributes: Attributes, remote: Remote): boolean {
  const source = attributes['src'] ?? '';
  if (tag !== 'img' || remote !== 'allowed' || source.length > MIME.addressCharacters || source.includes('<!--')) return false;
  return isRemote(source) && normalized(source).startsWith('https://');
}
