/** What the benchmark of a fleet counts, counted where it counts it: in the storage of an object, through the product's own `Sql`. */
/// <reference types="@cloudflare/vitest-plugin/types" />
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { newAccountId } from '../../src/crypto/ids.ts';
import { platformRandom } from '../../src/crypto/random.ts';
import { durableSql } from '../../src/mailbox/sql.ts';
import { counted } from '../bench/counted-storage.ts';

it('counts the rows that statements write, entries of indexes too, and settings of the alarm', async () => {
  const written = { rowsWritten: 0, alarmsSet: 0 };
  const stub = env.MAILBOX.getByName(newAccountId(platformRandom, null));
  await runInDurableObject(stub, async (_object, state) => {
    const { storage } = counted(state, () => written);
    const sql = durableSql(storage);
    sql.exec(`CREATE TABLE counted (n INTEGER PRIMARY KEY, twice INTEGER)`);
    sql.exec(`CREATE INDEX counted_twice ON counted (twice)`);
    written.rowsWritten = 0;
    sql.exec(`INSERT INTO counted (n, twice) VALUES (1, 2), (2, 4) RETURNING n`);
    expect(written.rowsWritten).toBe(4);
    sql.exec(`SELECT n FROM counted`);
    expect(written.rowsWritten).toBe(4);
    await storage.setAlarm(Date.now() + 60_000);
    await storage.deleteAlarm();
  });
  expect(written.alarmsSet).toBe(2);
});
