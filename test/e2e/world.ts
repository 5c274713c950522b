/**
 * What a test over HTTP has around it: a gateway as `wrangler dev` runs it, an authority that it trusts, and mail servers.
 * Every answer that a client gets is held against what is promised of all answers, and against the gateway's own OpenAPI
 * document; all that the gateway prints is kept, to be searched for what must never be there.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, createAuthority, type ServerCertificate } from '../support/certificates.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { OpenApi } from '../support/openapi.ts';
import { Client, type Guards } from './client.ts';

export const OPERATOR_KEY = 'operator-key-of-the-e2e-suite-Qm7vT2xL9c';
const MASTER_KEY = `k1:${Buffer.alloc(32, 0x5e).toString('base64')}`;

/** What a server needs to have before the gateway is started: it must be on the list. */
interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

export class World implements Guards {
  readonly certificate: ServerCertificate;
  readonly authority: Authority;
  /** Everything that all gateways of this world have printed, line by line. */
  readonly lines: string[] = [];
  /** Texts that no problem may repeat and no line may have. */
  readonly secrets = new Set([OPERATOR_KEY, MASTER_KEY]);
  readonly #dir: string;
  readonly #peers: Listening[] = [];
  readonly #targets: string[] = [];
  #gateway: Gateway | null = null;
  #openApi: OpenApi | null = null;

  private constructor(dir: string, authority: Authority, certificate: ServerCertificate) {
    this.#dir = dir;
    this.authority = authority;
    this.certificate = certificate;
  }

  /** A world with nothing running in it yet. */
  static async make(): Promise<World> {
    const dir = await mkdtemp(join(tmpdir(), 'popgate-e2e-'));
    const authority = await createAuthority();
    await writeFile(join(dir, 'ca.pem'), authority.ca);
    return new World(dir, authority, await authority.issue());
  }

  /** Puts a mail server on the list of allowed targets, and ends it with the world. */
  async add<Peer extends Listening>(starting: Promise<Peer>): Promise<Peer> {
    const peer = await starting;
    this.#peers.push(peer);
    this.allow(`localhost:${peer.port}`);
    return peer;
  }

  /** Puts `host:port` on the list of allowed targets. */
  allow(target: string): void {
    this.#targets.push(target);
  }

  /** Starts the gateway on what an earlier one has left. `vars` are beside or in place of the usual ones. */
  async start(vars: Readonly<Record<string, string>> = {}): Promise<Gateway> {
    const usual = { OPERATOR_KEY, MASTER_KEY, ALLOWED_TARGETS: this.#targets.join(',') };
    const gateway = await startGateway({
      persistTo: join(this.#dir, 'state'),
      caFile: join(this.#dir, 'ca.pem'),
      vars: { ...usual, ...vars },
      onLine: (line) => this.lines.push(line),
    });
    this.#gateway = gateway;
    const { configured } = (await (await fetch(`${gateway.url}/healthz`)).json()) as { configured: boolean };
    // A gateway without its secrets doesn't serve the document either; the one it served before is the same.
    if (configured) this.#openApi = await OpenApi.of(gateway.url);
    return gateway;
  }

  get gateway(): Gateway {
    if (this.#gateway === null) throw new Error('No gateway is running.');
    return this.#gateway;
  }

  get url(): string {
    return this.gateway.url;
  }

  get openApi(): OpenApi {
    if (this.#openApi === null) throw new Error('No gateway has served its document yet.');
    return this.#openApi;
  }

  /** The operator. */
  get operator(): Client {
    return this.as(OPERATOR_KEY);
  }

  /** Who has this credential, or none. */
  as(credential: string | null): Client {
    return new Client(this, credential);
  }

  /** Which of the secrets, and of `more`, the gateways have printed. */
  printed(...more: string[]): string[] {
    const output = this.lines.join('\n');
    return [...this.secrets, ...more].filter((text) => output.includes(text));
  }

  async end(): Promise<void> {
    await this.#gateway?.stop();
    await Promise.all(this.#peers.map((peer) => peer.close()));
    await rm(this.#dir, { recursive: true, force: true });
  }
}
