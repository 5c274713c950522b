/** An account with a message full of pictures, tickets for what is in it, and URLs that are opened with nothing but those. */
import { expect } from 'vitest';
import type { Ticket } from '../../src/mailbox/rpc.ts';
import { type MadeAccount, problemOf } from '../support/node-gateway.ts';
import { type KnownPart, messageOf, noise, OctetsWorld } from './octets-world.ts';

export const PNG = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), noise(2000)]);
const PARTS: KnownPart[] = [
  { type: 'image/png', encoding: 'base64', content: PNG, contentId: 'logo@x' },
  { type: 'image/png', encoding: 'base64', content: Buffer.from('<svg onload="alert(1)"/>'), contentId: 'svg@x' },
  { type: 'text/html', encoding: 'base64', content: PNG },
  { type: 'application/octet-stream', encoding: '8bit', content: Buffer.from('%PDF-1.7\r\nand so on') },
];
const HTML =
  '<img src="cid:logo@x"><img src="CID:logo%40x"><img src="cid:nothing@x"><img src="https://tracker.example/a.gif">' +
  '<img src="http://tracker.example/b.gif"><img src="//tracker.example/c.gif"><p style="background:url(https://tracker.example/d)">x</p>';

/** The messages `first`, with the pictures, and `second`, without. */
export function withPictures(): Promise<OctetsWorld> {
  return OctetsWorld.of({ first: messageOf('first', PARTS, HTML), second: messageOf('second', []) });
}

/** Asks for a ticket; `path` is under the account's. */
export async function ticketFor(
  world: OctetsWorld,
  path: string,
  asking: { of?: MadeAccount; as?: string; ttlSeconds?: number } = {},
): Promise<Ticket> {
  const { of = world.account, ttlSeconds = 300 } = asking;
  const { as = of.token } = asking;
  const json = { path: of.path + path, ttlSeconds };
  const response = await world.gateway.ask('POST', `${of.path}/tickets`, { as, json });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  expect(response.headers.get('Cache-Control')).toBe('no-store');
  return (await response.json()) as Ticket;
}

/** Opens a URL without any credential beside it. */
export function bare(world: OctetsWorld, url: string, method = 'GET', headers: Record<string, string> = {}): Promise<Response> {
  return world.gateway.ask(method, url, { headers });
}

export async function expectRefused(response: Response): Promise<void> {
  expect(response.status).toBe(401);
  if (response.body !== null) expect(await problemOf(response)).toMatchObject({ code: 'unauthorized' });
}
