/** One account with messages whose octets are known: large ones, parts in every encoding, pictures and what only poses as one. */
import { createHash, randomBytes } from 'node:crypto';
import { Maildrop } from '../support/maildrop.ts';
import { type Asking, type MadeAccount, NodeGateway } from '../support/node-gateway.ts';
import { type Pop3Server, startPop3Server } from '../support/pop3-server.ts';

/** A part of a message: what it decodes to, and how it is written. */
export interface KnownPart {
  readonly type: string;
  readonly encoding: 'base64' | 'quoted-printable' | '8bit';
  readonly content: Buffer;
  readonly contentId?: string;
}

function written({ encoding, content }: KnownPart): string {
  if (encoding === 'base64') return content.toString('base64').replaceAll(/.{76}/g, '$&\r\n');
  if (encoding === '8bit') return content.toString('latin1');
  return Array.from(content, (octet) => `=${octet.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('')
    .replaceAll(/.{72}/g, '$&=\r\n');
}

/** A message with a text and these parts, which get the paths `2`, `3` … */
export function messageOf(subject: string, parts: readonly KnownPart[], html = '<p>Hello</p>'): Buffer {
  const sections = parts.map(
    (part) =>
      `Content-Type: ${part.type}; name="part"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: ${part.encoding}\r\n` +
      `${part.contentId === undefined ? '' : `Content-ID: <${part.contentId}>\r\n`}\r\n${written(part)}`,
  );
  const head = `From: ann@example.com\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n`;
  const all = [`Content-Type: text/html\r\n\r\n${html}`, ...sections];
  return Buffer.from(`${head}\r\n${all.map((section) => `--x\r\n${section}\r\n`).join('')}--x--\r\n`, 'latin1');
}

export function sha256(octets: Uint8Array): Buffer {
  return createHash('sha256').update(octets).digest();
}

export class OctetsWorld {
  readonly drop = new Maildrop();
  server!: Pop3Server;
  gateway!: NodeGateway;
  account!: MadeAccount;
  /** Message ids by subject. */
  readonly ids = new Map<string, string>();

  /** Serves the messages, by subject, to one account, and lists them. */
  static async of(messages: Readonly<Record<string, Uint8Array>>): Promise<OctetsWorld> {
    const world = new OctetsWorld();
    for (const octets of Object.values(messages)) world.drop.add(octets);
    world.server = await startPop3Server({ users: new Map([['ann', { password: 'secret', maildrop: world.drop }]]) });
    world.gateway = new NodeGateway({ ports: [world.server.port] });
    world.account = await world.gateway.account(world.server.port);
    const { data } = (await (await world.get('/messages?maxAge=0')).json()) as { data: { id: string; subject: string }[] };
    for (const { id, subject } of data) world.ids.set(subject, id);
    return world;
  }

  /** The path of a message under the account's, with `rest`. */
  message(subject: string, rest = ''): string {
    return `/messages/${this.ids.get(subject) ?? ''}${rest}`;
  }

  /** Asks for a path under the account's, as its token unless told otherwise. */
  get(path: string, headers: Record<string, string> = {}, method = 'GET', asking: Asking = { as: this.account.token }): Promise<Response> {
    return this.gateway.ask(method, this.account.path + path, { ...asking, headers });
  }

  /** Forgets all copies of messages, as eviction does, so that nothing but the ledger is left. */
  forgetCopies(): void {
    for (const table of ['octets', 'copies']) this.account.box.sql.exec(`DELETE FROM ${table}`);
  }

  async close(): Promise<void> {
    await this.server.close();
  }
}

export async function octetsOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

export const noise = (size: number): Buffer => randomBytes(size);
