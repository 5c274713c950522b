/** Pictures: which of them the HTML of a message shows, by what URLs, and what is served to a page when it asks. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAILBOX } from '../../src/limits.ts';
import { OPERATOR_KEY } from '../support/node-gateway.ts';
import { octetsOf, type OctetsWorld } from './octets-world.ts';
import { bare, expectRefused, PNG, ticketFor, withPictures } from './tickets-world.ts';

let world: OctetsWorld;
beforeEach(async () => {
  world = await withPictures();
});
afterEach(() => world.close());

interface Shown {
  html: string;
  remoteContent: { blocked: number };
}

describe('the HTML of a message', () => {
  const shown = async (query: string, asking = { as: world.account.token }): Promise<Shown> =>
    (await (await world.get(world.message('first', query), {}, 'GET', asking)).json()) as Shown;
  const sources = (html: string) => [...html.matchAll(/ src="([^"]*)"/g)].map(([, source]) => (source ?? '').replaceAll('&amp;', '&'));

  test('has no source of a picture unless one is asked for', async () => {
    const { html, remoteContent } = await shown('');
    expect(sources(html)).toEqual([]);
    expect(html.match(/data-cid="logo@x"/g)).toHaveLength(2);
    expect(remoteContent.blocked).toBe(4);
  });

  test('with remote=allowed has the https: sources of images, and counts the others', async () => {
    const { html, remoteContent } = await shown('?remote=allowed');
    expect(sources(html)).toEqual(['https://tracker.example/a.gif']);
    expect(html).not.toContain('url(');
    expect(remoteContent.blocked).toBe(3);
  });

  test('with inline=tickets has the pictures of the message itself', async () => {
    const { html, remoteContent } = await shown('?inline=tickets');
    const urls = sources(html);
    expect(urls).toHaveLength(2);
    expect(new Set(urls).size).toBe(1);
    expect(urls[0]).toMatch(/^http:\/\/localhost\/v1\/accounts\/.*\/attachments\/2\?disposition=inline&ticket=t1\./);
    const response = await bare(world, urls[0]!.replace('http://localhost', ''));
    expect(response.headers.get('Content-Type')).toBe('image/png');
    expect((await octetsOf(response)).equals(PNG)).toBe(true);
    expect(html).toContain('data-cid="nothing@x"');
    expect(remoteContent.blocked).toBe(4);
  });

  test('is the same for a while, so that it need not be sent again, and its tickets are good for a while more', async () => {
    // To the beginning of a span.
    world.gateway.advance(MAILBOX.ticketSpan - (Date.now() % MAILBOX.ticketSpan));
    const ask = (headers: Record<string, string> = {}) => world.get(world.message('first', '?inline=tickets'), headers);
    const first = await ask();
    const etag = first.headers.get('ETag') ?? '';
    const { html }: Shown = await first.json();
    const url = sources(html)[0]!.replace('http://localhost', '');
    world.gateway.advance(10 * 60_000);
    expect((await ask({ 'If-None-Match': etag })).status).toBe(304);
    world.gateway.advance(10 * 60_000);
    expect((await ask({ 'If-None-Match': etag })).status).toBe(200);
    expect((await bare(world, url)).status).toBe(200);
    world.gateway.advance(15 * 60_000);
    await expectRefused(await bare(world, url));
  });

  test('that came by a ticket has none that lives longer than that one', async () => {
    const { url } = await ticketFor(world, world.message('first', '?inline=tickets'), { ttlSeconds: 60 });
    const { html } = (await (await bare(world, url)).json()) as Shown;
    const picture = sources(html)[0]!.replace('http://localhost', '');
    expect((await bare(world, picture)).status).toBe(200);
    world.gateway.advance(60_000);
    await expectRefused(await bare(world, picture));
  });

  test('has other tickets for another caller', async () => {
    const mine = await shown('?inline=tickets');
    expect(sources((await shown('?inline=tickets', { as: OPERATOR_KEY })).html)).not.toEqual(sources(mine.html));
  });
});

describe('an attachment asked for inline', () => {
  test.each([
    ['2', 'image/png', 'inline'],
    // What it claims to be doesn't count, neither way.
    ['3', 'image/png', 'attachment'],
    ['4', 'image/png', 'inline'],
    ['5', 'application/pdf', 'inline'],
  ])('%s is served as %s, %s', async (part, type, how) => {
    for (const headers of [{}, { Range: 'bytes=5-6' }] as Record<string, string>[]) {
      const response = await world.get(world.message('first', `/attachments/${part}?disposition=inline`), headers);
      expect(response.headers.get('Content-Type')).toBe(type);
      expect(response.headers.get('Content-Disposition')).toBe(`${how}; filename="part"`);
      expect(response.headers.get('Content-Security-Policy')).toBe("sandbox; default-src 'none'");
      expect(response.headers.get('X-Content-Type-Options')).toBe('nosniff');
      await octetsOf(response);
    }
  });

  test.each(['', '?disposition=attachment'])('is a download without that, of its own type at most (%j)', async (query) => {
    const types = await Promise.all(
      ['2', '4', '5'].map(async (part) => {
        const response = await world.get(world.message('first', `/attachments/${part}${query}`));
        expect(response.headers.get('Content-Disposition')).toBe('attachment; filename="part"');
        return response.headers.get('Content-Type');
      }),
    );
    expect(types).toEqual(['image/png', 'application/octet-stream', 'application/octet-stream']);
  });
});
