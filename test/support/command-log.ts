/** The commands that a POP3 server was given, the newest of them, fit to be printed: secrets are never in it. */

const MOST_LOGGED = 10_000;
const SHOWN = new Set(['CAPA', 'DELE', 'LIST', 'NOOP', 'QUIT', 'RETR', 'RSET', 'STAT', 'STLS', 'TOP', 'UIDL', 'USER']);

export class CommandLog {
  readonly entries: string[] = [];

  /** Keeps a command; what isn't known to be harmless could be a secret sent out of turn and becomes `***`. */
  add(verb: string, argument: string): void {
    this.entries.push(redacted(verb, argument));
    if (this.entries.length > MOST_LOGGED) this.entries.splice(0, MOST_LOGGED / 2);
  }
}

function redacted(verb: string, argument: string): string {
  if (SHOWN.has(verb)) return argument === '' ? verb : `${verb} ${argument}`;
  if (verb === 'AUTH') return argument.includes(' ') ? `AUTH ${argument.slice(0, argument.indexOf(' '))} ***` : `AUTH ${argument}`;
  return verb === 'PASS' ? 'PASS ***' : '***';
}
