/** The password that the server takes and the one that the account has: they may part, and are brought together again. */
import { OPERATOR } from '../support/node-mailbox.ts';
import type { Platform } from '../support/faults/platform.ts';
import type { Pop3Server } from '../support/pop3-server.ts';

export class Credentials {
  readonly user: string;
  /** How often either side has been given a password, new or not. */
  changes = 1;
  readonly #first: string;
  #server: string;
  #account: string;

  constructor(user: string, password: string) {
    this.user = user;
    this.#first = password;
    this.#server = password;
    this.#account = password;
  }

  get agree(): boolean {
    return this.#server === this.#account;
  }

  /** What an account is made or changed with. */
  get auth() {
    return { username: this.user, password: this.#server, accessToken: null, method: 'auto' as const };
  }

  /** The server wants another password from now on. */
  lockOut(server: Pop3Server): void {
    this.changes += 1;
    this.#server = `${this.#first}-${this.changes}`;
    server.setPassword(this.user, this.#server);
  }

  /** The server takes the account's password again. */
  restore(server: Pop3Server): void {
    this.#server = this.#account;
    server.setPassword(this.user, this.#server);
  }

  /** The account is told of the server's password, which it tries first. */
  async tell(platform: Platform): Promise<void> {
    this.changes += 1;
    const { auth } = this;
    const outcome = await platform.call((service) => service.update(OPERATOR, { auth }, true));
    if (outcome.ok) this.#account = auth.password;
  }
}
