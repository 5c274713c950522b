/**
 * Which listed message is which of the ledger's: by UIDL, and where that doesn't tell or tells wrongly, by what else is known of
 * them. Whoever goes by a full listing for good asks here: a sync that creates and destroys, a deletion before it writes DELE.
 */
import type { Context } from './context.ts';
import { isConclusive, type Judgement } from './ledger.ts';
import type { OpenSession } from './line.ts';
import type { Listing } from './listing.ts';
import { judgeAll } from './numbering.ts';
import { recognise } from './recognition.ts';
import { regroup } from './regrouping.ts';

/** A listing judged, once messages under other UIDLs have been found. */
export interface Identified {
  readonly judgement: Judgement;
  /** Whether messages have other UIDLs now. */
  readonly renumbered: boolean;
  /** Whether some of what it lists is not known yet for what it is. */
  readonly more: boolean;
}

/** Judges a full listing with sizes, after the ledger's rows were given the UIDLs that their messages have now. */
export async function identify(open: OpenSession, listing: Listing, context: Context): Promise<Identified> {
  const { table, drop, named } = listing;
  let judgement = judgeAll(open, table, context);
  const recognised = await recognise(open, listing, judgement, context);
  if (recognised) judgement = judgeAll(open, table, context);
  const regrouped = named ? await regroup(open, table, judgement, context) : null;
  if (regrouped !== null) {
    judgement = judgeAll(open, table, context);
    judgement = { ...judgement, arrived: judgement.arrived.filter((rank) => !regrouped.undecided.has(rank)) };
  }
  const more = regrouped?.more === true;
  open.listed = !more && isConclusive(judgement, table.count, drop.messages);
  // An arrival may stand under the UIDL of a message that the ledger has under it alone.
  open.identified = !more && !judgement.arrived.some((rank) => table.occurrenceAt(rank) > 0);
  return { judgement, renumbered: recognised || regrouped?.renamed === true, more };
}
