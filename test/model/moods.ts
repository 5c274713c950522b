/**
 * What a mail server does now and then, once each: it lists a part of the maildrop as if that were all, refuses to list at
 * all, or ends at QUIT without having deleted what was marked (RFC 1939 §6 lets it).
 */
import type { Answer } from '../support/pop3-host.ts';
import type { ShiftingDrop } from '../support/shifting-drop.ts';

export type Mood = 'listShort' | 'refuseListing' | 'forgetDeletes';

export class ServerMoods {
  readonly #drop: ShiftingDrop;
  readonly #armed = new Set<Mood>();
  /**
   * Whether the gateway has heard UIDLs. Before that a bare refusal would be taken for their absence wherever the answer to CAPA got
   * lost, so it has a reason then.
   */
  named = false;
  /** Whether something was marked in the session that is open. */
  #marked = false;

  constructor(drop: ShiftingDrop) {
    this.#drop = drop;
  }

  arm(mood: Mood): void {
    this.#armed.add(mood);
  }

  /** From here on the server is as it should be. */
  end(): void {
    this.#armed.clear();
  }

  readonly answer: Answer = ({ verb, argument }) => {
    if (verb === 'STAT') this.#marked = false;
    if (verb === 'DELE') this.#marked = true;
    if (verb === 'UIDL' && argument === '') {
      if (this.#armed.delete('refuseListing')) return this.named ? '-ERR Not now.\r\n' : '-ERR [SYS/TEMP] Not now.\r\n';
      if (this.#armed.delete('listShort')) return this.#shortListing();
    }
    return verb === 'QUIT' && this.#marked && this.#armed.delete('forgetDeletes') ? 'close' : null;
  };

  /** The first half. A session sees what was there when it began, and nothing else has happened since then. */
  #shortListing(): string {
    const mails = this.#drop.list();
    const lines = mails.slice(0, Math.ceil(mails.length / 2)).map(({ uidl }, index) => `${index + 1} ${uidl}\r\n`);
    return `+OK\r\n${lines.join('')}.\r\n`;
  }
}
