/**
 * Which parts are a message's body: what a person is shown as the message, as opposed to its attachments (RFC 2046 §5.1,
 * RFC 2387). The outline alone decides, so that the list of attachments and the shown text can't disagree.
 */
import type { Outline, Part } from './part.ts';

/** Leaves in the order in which they are shown. A text may hold HTML leaves (to be read as text), an HTML plain ones (to be escaped). */
export interface Body {
  /** Empty if no part is plain text. */
  text: Part[];
  /** Empty if no part is HTML. */
  html: Part[];
}

export class PartIndex {
  readonly #children = new Map<string | null, Part[]>();
  readonly #byPath = new Map<string, Part>();

  constructor(outline: Outline) {
    for (const part of outline.parts) {
      this.#byPath.set(part.path, part);
      const siblings = this.#children.get(part.parent);
      if (siblings) siblings.push(part);
      else this.#children.set(part.parent, [part]);
    }
  }

  /** The root of the message (`within` null) or of the nested message at that path. */
  root(within: string | null): Part | null {
    return this.#children.get(within)?.[0] ?? null;
  }

  children(part: Part): Part[] {
    return this.#children.get(part.path) ?? [];
  }

  parent(part: Part): Part | null {
    return part.parent === null ? null : (this.#byPath.get(part.parent) ?? null);
  }

  /** Whether a multipart of that type holds the part, however deep, in the same message. */
  isWithin(part: Part, contentType: string): boolean {
    let parent = this.parent(part);
    while (parent?.kind === 'multipart') {
      if (parent.contentType === contentType) return true;
      parent = this.parent(parent);
    }
    return false;
  }
}

/** The body of the message, or of the nested message whose path is `within`. */
export function bodyOf(index: PartIndex, within: string | null): Body {
  const root = index.root(within);
  return root ? select(index, root, true) : { text: [], html: [] };
}

function select(index: PartIndex, part: Part, isRoot: boolean): Body {
  if (part.kind === 'message') return { text: [], html: [] };
  if (part.kind === 'leaf') return leaf(index, part, isRoot);
  const bodies = index.children(part).map((child) => select(index, child, false));
  return part.contentType === 'multipart/alternative' ? alternative(bodies) : concatenation(bodies);
}

function leaf(index: PartIndex, part: Part, isRoot: boolean): Body {
  if (!isBodyText(part, isRoot, index.parent(part)?.contentType === 'multipart/alternative')) return { text: [], html: [] };
  return part.contentType === 'text/html' ? { text: [], html: [part] } : { text: [part], html: [] };
}

/** A name makes a text an attachment, but not where the text is the message itself or one of its alternatives. */
function isBodyText(part: Part, isRoot: boolean, isAlternative: boolean): boolean {
  if (part.disposition === 'attachment') return false;
  const isKnown = part.contentType === 'text/plain' || part.contentType === 'text/html';
  // RFC 2046 §4.1.4: a text of unknown kind is shown as plain text; where there is a choice, the known one is shown.
  if (isRoot) return isKnown || (part.contentType.startsWith('text/') && part.contentType !== 'text/calendar');
  return isKnown && (part.filename === null || (isAlternative && part.disposition === null));
}

/** RFC 2046 §5.1.4: the last alternative that is understood, one for each kind; a text of its own before one made of HTML and text. */
function alternative(bodies: Body[]): Body {
  const html = bodies.findLast((body) => body.html.length > 0)?.html ?? [];
  const plain = bodies.findLast((body) => body.text.length > 0 && body.html.length === 0);
  return { html, text: (plain ?? bodies.findLast((body) => body.text.length > 0))?.text ?? [] };
}

function concatenation(bodies: Body[]): Body {
  const joined = (kind: 'text' | 'html', other: 'text' | 'html'): Part[] => {
    if (bodies.every((body) => body[kind].length === 0)) return [];
    return bodies.flatMap((body) => (body[kind].length > 0 ? body[kind] : body[other]));
  };
  return { text: joined('text', 'html'), html: joined('html', 'text') };
}
