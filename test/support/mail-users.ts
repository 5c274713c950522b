/** Users of a test's mail server, each with a maildrop of their own: two sessions on one maildrop would meet its lock. */
import { Maildrop } from './maildrop.ts';

export interface MailUsers {
  /** For `startPop3Server`. */
  readonly users: ReadonlyMap<string, { readonly password: string; readonly maildrop: Maildrop }>;
  /** The credentials of a user that nobody has used yet. */
  next(): { readonly username: string; readonly password: string };
}

/** So many users, each with these messages. */
export function mailUsers(count: number, messages: readonly string[] = []): MailUsers {
  const password = 'secret';
  const maildrop = (): Maildrop => {
    const made = new Maildrop();
    for (const message of messages) made.add(Buffer.from(message));
    return made;
  };
  const users = new Map(Array.from({ length: count }, (_, n) => [`user${n}`, { password, maildrop: maildrop() }]));
  let used = 0;
  return {
    users,
    next: () => {
      if (used === count) throw new Error(`There are only ${count} users.`);
      return { username: `user${used++}`, password };
    },
  };
}
