/**
 * A client of the change feed that keeps what it is told, as an app would: it applies a page whole, and goes on from its
 * new state. What it was told twice, or out of turn, it says.
 */
import type { ChangesPage, ListItem } from '../../src/mailbox/rpc.ts';

export class FeedClient {
  /** The messages that are there, by id. */
  readonly live = new Map<string, ListItem>();
  readonly violations: string[] = [];
  /** How often each id came as created. */
  readonly created = new Map<string, number>();
  state: string | null = null;
  /** Whether any page said that UIDLs were renumbered. */
  renumbered = false;

  apply(page: ChangesPage): void {
    for (const item of page.created as ListItem[]) {
      const times = (this.created.get(item.id) ?? 0) + 1;
      this.created.set(item.id, times);
      if (times > 1) this.violations.push(`created ${times} times: ${item.subject ?? item.id}`);
      this.live.set(item.id, item);
    }
    // What was gone while its creation was read, and then came back, is heard of as an update alone.
    for (const item of page.updated as ListItem[]) this.live.set(item.id, item);
    for (const { id } of page.destroyed) this.live.delete(id);
    this.renumbered ||= page.renumbered;
    this.state = page.newState;
  }
}
