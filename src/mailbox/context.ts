/** What the rooms of one open account share. Made once the account is loaded, gone when it is removed. */
import type { Account } from './account.ts';
import type { Checks } from './checks.ts';
import type { Copies } from './copies.ts';
import type { Deps } from './deps.ts';
import type { Line } from './line.ts';
import type { Store } from './store.ts';
import type { Uidls } from './uidls.ts';

export interface Context {
  readonly deps: Deps;
  readonly store: Store;
  readonly account: Account;
  readonly checks: Checks;
  readonly line: Line;
  readonly copies: Copies;
  readonly uidls: Uidls;
}
