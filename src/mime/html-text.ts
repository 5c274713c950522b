/**
 * HTML as readable text: blocks and list items begin lines, cells are set apart, links keep their text; scripts, styles and
 * titles are left out. Works on tokens, not on a tree: linear however deep the elements are nested.
 */
import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2';

/** Elements whose content isn't text. The tokenizer knows them to hold no markup. */
const HIDDEN: ReadonlySet<string> = new Set(['script', 'style', 'title', 'textarea', 'xmp', 'noembed', 'noframes', 'iframe']);
/** Elements that stand apart from what surrounds them by an empty line. */
const PARAGRAPHS: ReadonlySet<string> = new Set('p h1 h2 h3 h4 h5 h6 blockquote ul ol dl pre table figure section article'.split(' '));
/** Elements that begin and end a line. */
const BLOCKS: ReadonlySet<string> = new Set(
  'div li tr dt dd address aside center fieldset figcaption footer form header main nav caption body hr'.split(' '),
);

/** The text of an HTML document or fragment, lines ended by LF. Never fails. */
export function textFromHtml(html: string): string {
  const writer = new Writer();
  let hidden: string | null = null;
  let preformatted = 0;
  const name = (start: number, end: number): string => html.slice(start, end).toLowerCase();
  const text = (value: string): void => {
    if (hidden === null) writer.text(value, preformatted > 0);
  };
  const callbacks: TokenizerCallbacks = {
    ...SILENT,
    onopentagname(start, end) {
      const tag = name(start, end);
      if (hidden !== null) return;
      if (HIDDEN.has(tag)) hidden = tag;
      else if (tag === 'pre') preformatted++;
      writer.open(tag);
    },
    onclosetag(start, end) {
      const tag = name(start, end);
      if (hidden === tag) hidden = null;
      if (hidden !== null) return;
      if (tag === 'pre' && preformatted > 0) preformatted--;
      writer.close(tag);
    },
    ontext: (start, end) => text(html.slice(start, end)),
    ontextentity: (codepoint) => text(String.fromCodePoint(codepoint)),
  };
  const tokenizer = new Tokenizer({ decodeEntities: true }, callbacks);
  tokenizer.write(html);
  tokenizer.end();
  return writer.finish();
}

const ignore = (): void => undefined;

/** Tokens that hold no text. */
const SILENT = {
  onattribdata: ignore,
  onattribentity: ignore,
  onattribend: ignore,
  onattribname: ignore,
  oncdata: ignore,
  oncomment: ignore,
  ondeclaration: ignore,
  onend: ignore,
  onopentagend: ignore,
  onprocessinginstruction: ignore,
  onselfclosingtag: ignore,
};

/** Puts words and line breaks together; white space in HTML is one blank, and none at the ends of lines. */
class Writer {
  readonly #pieces: string[] = [];
  /** Line breaks that stand before the next word. */
  #breaks = 0;
  #blank = false;
  /** An item's text stands beside its bullet, whatever blocks it is wrapped in. */
  #afterBullet = false;

  open(tag: string): void {
    this.close(tag);
    if (tag === 'br') this.#breaks++;
    else if (tag === 'li') {
      this.#put('-');
      this.#afterBullet = true;
    } else if (tag === 'hr') {
      this.#put('---');
      this.#atLeast(1);
    }
  }

  close(tag: string): void {
    if (PARAGRAPHS.has(tag)) this.#atLeast(2);
    else if (BLOCKS.has(tag)) this.#atLeast(1);
    else if (tag === 'td' || tag === 'th') this.#blank = true;
  }

  text(value: string, preformatted: boolean): void {
    const text = value.replace(/\u00a0/g, ' ');
    if (preformatted) {
      for (const [index, line] of text.split(/\r?\n/).entries()) {
        if (index > 0) this.#breaks++;
        if (line !== '') this.#put(line);
      }
      return;
    }
    const words = text.replace(/[ \t\r\n\f]+/g, ' ');
    const trimmed = words.trim();
    if (words.startsWith(' ')) this.#blank = true;
    if (trimmed === '') return;
    this.#put(trimmed);
    this.#blank = words.endsWith(' ');
  }

  finish(): string {
    const lines = this.#pieces.join('').split('\n');
    return lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trim();
  }

  #atLeast(breaks: number): void {
    this.#breaks = Math.max(this.#breaks, breaks);
  }

  #put(text: string): void {
    if (this.#pieces.length > 0) {
      if (this.#afterBullet) this.#pieces.push(' ');
      else if (this.#breaks > 0) this.#pieces.push('\n'.repeat(Math.min(this.#breaks, 3)));
      else if (this.#blank) this.#pieces.push(' ');
    }
    this.#breaks = 0;
    this.#blank = false;
    this.#afterBullet = false;
    this.#pieces.push(text);
  }
}
