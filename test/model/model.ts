/**
 * What a mailbox must look like through the gateway: which id belongs to which message, what the client of the feed was
 * told, which deletions were asked for, and since when listings have lacked a message. It knows the maildrop, which the
 * gateway can only ask, and says in sentences what doesn't fit.
 */
import { FeedClient } from '../support/feed-client.ts';
import { movedBack } from '../support/faults/invariants.ts';
import type { NodeMailbox } from '../support/node-mailbox.ts';
import type { ShiftingDrop } from '../support/shifting-drop.ts';
import type { ListItem } from '../../src/mailbox/rpc.ts';

/** From this many messages on, a listing that lacks more than half of them needs a second one, so many milliseconds later. */
const MANY = 20;
const SECOND_LOOK = 30_000;

type Row = { id: string; destroyed: number | null; gone_why: string | null; missed_at: number | null };

export class Model {
  readonly violations: string[] = [];
  readonly client = new FeedClient();
  /** Keys of the messages whose deletion was asked for and not refused. */
  readonly asked = new Set<string>();
  readonly #drop: ShiftingDrop;
  readonly #box: NodeMailbox;
  readonly #ids = new Map<string, Set<string>>();
  readonly #keys = new Map<string, string>();
  /** When a full listing first lacked a message, since the ledger last had it for there. */
  readonly #lacked = new Map<string, number>();
  #live = new Set<string>();
  #place = 0;

  constructor(drop: ShiftingDrop, box: NodeMailbox) {
    this.#drop = drop;
    this.#box = box;
  }

  keyOf(id: string): string | undefined {
    return this.#keys.get(id);
  }

  /** Whether the ledger waits for a second listing before it believes that something is gone, or that there is no more. */
  get suspects(): boolean {
    const waiting = `SELECT 1 FROM messages WHERE missed_at IS NOT NULL AND destroyed IS NULL UNION ALL SELECT 1 FROM hint WHERE full_at IS NULL`;
    return this.#box.sql.exec(waiting).length > 0;
  }

  /** Whether the ledger holds the message to be there. */
  isLive(id: string): boolean {
    return this.#box.sql.exec(`SELECT 1 FROM messages WHERE id = ? AND destroyed IS NULL`, id).length > 0;
  }

  /** An item was shown. */
  note({ id, uidl, subject, detail }: ListItem): void {
    // Where a UIDL doesn't name one message, its headers do once they are known.
    const named = uidl === null ? null : this.#drop.keyOf(uidl);
    const key = named === null ? subject : named;
    if (key === null) return;
    if (key === undefined) return this.#wrong(`a UIDL that the server never gave: ${uidl}`);
    const before = this.#keys.get(id);
    // A message that was hidden while all were renumbered is another one from then on, and may take over the name.
    if (before !== undefined && before !== key) this.#wrong(`I2: ${id} was ${before} and is ${key}`);
    this.#keys.set(id, key);
    const ids = this.#ids.get(key) ?? new Set();
    this.#ids.set(key, ids.add(id));
    if (ids.size > 1) this.#wrong(`I2: ${key} has ${ids.size} ids`);
    if (detail !== 'uidl' && subject !== key.split('~')[0]) this.#wrong(`I1: ${key} is shown as ${subject}`);
  }

  /** A session has listed the maildrop. */
  listed(uidls: readonly string[]): void {
    const there = new Set(uidls.map((uidl) => this.#drop.keyOf(uidl)));
    for (const key of this.#drop.everyKey) if (!there.has(key) && !this.#lacked.has(key)) this.#lacked.set(key, this.#box.now());
  }

  /** Why a session may not delete the message with this UIDL, or null. */
  mayDelete(uidl: string): string | null {
    const shown = this.#drop.shownAs(uidl);
    if (shown.length > 1) return 'it is not the only one with this UIDL';
    const key = this.#drop.keyOf(uidl) ?? shown[0];
    if (key === undefined || !this.asked.has(key)) return 'I3: nobody asked for that';
    const ids = [...(this.#ids.get(key) ?? [])];
    const intents = this.#box.sql.exec(
      `SELECT 1 FROM deletions JOIN messages ON created = message WHERE id IN (SELECT value FROM json_each(?)) AND written = 1`,
      JSON.stringify(ids),
    );
    return intents.length > 0 ? null : 'I3: no intent was stored';
  }

  /** What must hold after each step. */
  check(): void {
    const moved = movedBack(this.#box, this.#place);
    if (moved.back) this.#wrong('I5: a state moved back');
    this.#place = moved.place;
    this.#checkDestroyed();
    for (const key of this.#drop.deleted) if (!this.asked.has(key)) this.#wrong(`I3: ${key} was deleted and nobody asked for that`);
  }

  /** What must hold in the end: `shown` is every message of the list. */
  judge(shown: readonly ListItem[]): void {
    for (const item of shown) this.note(item);
    this.#compare('the list', shown, this.#drop.shown);
    this.#compare('the feed', [...this.client.live.values()], this.#drop.shown);
    for (const item of shown) if (item.detail === 'uidl') this.#wrong(`I1: nothing is known of ${item.uidl}`);
    for (const text of this.client.violations) this.#wrong(`I2: ${text}`);
  }

  #compare(name: string, items: readonly ListItem[], keys: readonly string[]): void {
    const found = items.map(({ uidl, subject }) => (uidl === null ? null : this.#drop.keyOf(uidl)) ?? subject ?? '?').sort();
    const expected = [...keys].sort();
    const lost = expected.filter((key) => !found.includes(key));
    const extra = found.filter((key, index) => !expected.includes(key) || found[index - 1] === key);
    if (lost.length > 0) this.#wrong(`I1: ${name} lacks ${lost.join(', ')}`);
    if (extra.length > 0) this.#wrong(`I2: ${name} has too many of ${extra.join(', ')}`);
  }

  /** Most of a mailbox may be gone only once two listings, some time apart, have lacked it. */
  #checkDestroyed(): void {
    if (this.#place === 0) return;
    const rows = this.#box.sql.exec<Row>(`SELECT id, destroyed, gone_why, missed_at FROM messages`);
    const gone = rows.filter((row) => row.destroyed !== null && row.gone_why === 'server' && this.#live.has(row.id));
    const there = gone.map(({ id }) => this.#keys.get(id) ?? '').filter((key) => this.#drop.shown.includes(key));
    if (there.length > 0) this.#wrong(`I1: destroyed and still there: ${there.join(', ')}`);
    if (this.#live.size >= MANY && 2 * gone.length > this.#live.size) {
      const early = gone.filter(({ id }) => (this.#lacked.get(this.#keys.get(id) ?? '') ?? 0) > this.#box.now() - SECOND_LOOK);
      if (early.length > 0) this.#wrong(`a single listing destroyed ${gone.length} of ${this.#live.size} messages`);
    }
    for (const row of rows) if (row.destroyed === null && row.missed_at === null) this.#lacked.delete(this.#keys.get(row.id) ?? '');
    this.#live = new Set(rows.filter(({ destroyed }) => destroyed === null).map(({ id }) => id));
  }

  #wrong(text: string): void {
    this.violations.push(text);
  }
}
