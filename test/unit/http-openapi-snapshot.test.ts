/** The OpenAPI document is a promise to those who call: no change of it goes unseen. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { NodeGateway } from '../support/node-gateway.ts';

const FILE = join(import.meta.dirname, '..', 'fixtures', 'http', 'openapi.json');
const UPDATE = 'UPDATE_OPENAPI=1 npm test -- --project unit http-openapi-snapshot';

test('the document is the one that is kept', async () => {
  const response = await new NodeGateway().ask('GET', '/openapi.json');
  const document = (await response.json()) as { info: { version?: string }; components: { examples: unknown } };
  // Each release has another one.
  delete document.info.version;
  const text = `${JSON.stringify(document, null, 2).replaceAll(/"version": "\d+\.\d+\.\d+"/g, '"version": "…"')}\n`;
  if (process.env['UPDATE_OPENAPI'] === '1') {
    await mkdir(dirname(FILE), { recursive: true });
    await writeFile(FILE, text);
  }
  const kept = await readFile(FILE, 'utf8').catch(() => '{}');
  expect(JSON.parse(text), `The OpenAPI document has changed. If that is meant, keep the new one: ${UPDATE}`).toEqual(JSON.parse(kept));
});
