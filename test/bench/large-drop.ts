/**
 * A Dovecot with one maildrop of very many small messages, in its own format for that (mdbox), its index built and warm.
 * Messages are imported rather than delivered, so that a hundred thousand take seconds, not hours.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ServerCertificate } from '../support/certificates.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';

/** `nobody` of Debian, to whom the mail belongs. */
const MAIL_ID = 65_534;
const SETTINGS = ['mail_location = mdbox:%h/mdbox'];
const LONGEST = 600_000;

export class LargeDrop {
  readonly dovecot: Dovecot;
  readonly user: string;
  readonly password: string;
  readonly #dir: string;
  #count = 0;

  private constructor(dovecot: Dovecot, user: string, password: string, dir: string) {
    this.dovecot = dovecot;
    this.user = user;
    this.password = password;
    this.#dir = dir;
  }

  /** A maildrop of `count` messages; `dir` is for what is needed on the way. */
  static async make(count: number, tls: ServerCertificate, password: string, dir: string): Promise<LargeDrop> {
    const user = `drop${count}`;
    const dovecot = await startDovecot({ users: { [user]: password }, tls, settings: SETTINGS });
    const drop = new LargeDrop(dovecot, user, password, dir);
    await drop.add(count);
    return drop;
  }

  /** How many messages it has. */
  get count(): number {
    return this.#count;
  }

  /** Adds messages as they would come in: behind those that are there. */
  async add(count: number): Promise<void> {
    const source = join(this.#dir, `${this.user}-${this.#count}`);
    await mkdir(source);
    const letters = Array.from({ length: count }, (_, n) => letter(this.#count + n));
    await writeFile(join(source, 'inbox'), letters.join(''));
    // What is imported is read as the user of the mail, who writes an index beside it.
    for (const path of [source, join(source, 'inbox')]) await chown(path, MAIL_ID, MAIL_ID);
    await chmod(this.#dir, 0o755);
    const args = ['-c', this.dovecot.config, '-o', 'mail_fsync=never', 'import', '-u', this.user];
    await promisify(execFile)('doveadm', [...args, `mbox:${source}:INBOX=${source}/inbox`, '', 'ALL'], { timeout: LONGEST });
    this.#count += count;
  }

  async stop(): Promise<void> {
    await this.dovecot.stop();
  }
}

/** One message of an mbox file. */
function letter(n: number): string {
  const head = `From: Ann <ann@example.com>\nTo: bob@example.com\nSubject: message ${n}\nMessage-ID: <${n}@example.com>\nDate: Fri, 20 Nov 2026 10:23:45 +0000\n`;
  return `From ann@example.com Fri Nov 20 10:23:45 2026\n${head}\nText of message ${n}.\n\n`;
}
