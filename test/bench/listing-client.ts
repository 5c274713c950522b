/**
 * The least that a client can do who wants to know a whole maildrop: log in, STAT, UIDL, LIST, QUIT, with Python's poplib.
 * What the first page of a large account is held against; it also tells the other clients' records what there is.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Maildrop, runPeer } from './peers.ts';

const SCRIPT = [
  'import poplib, ssl, sys',
  'port, ca, user, password, out = sys.argv[1:]',
  'box = poplib.POP3_SSL("localhost", int(port), context=ssl.create_default_context(cafile=ca))',
  'box.user(user); box.pass_(password)',
  'count, _ = box.stat()',
  'uidls = box.uidl()[1]; sizes = box.list()[1]',
  'assert count == len(uidls) == len(sizes)',
  'box.quit()',
  'open(out, "wb").write(b"\\n".join(line.split(b" ")[1] for line in uidls))',
];

/** Lists the whole maildrop: milliseconds from the start of Python to its end, and the UIDLs in order. */
export async function listWhole(drop: Maildrop, dir: string): Promise<{ milliseconds: number; uidls: string[] }> {
  const script = join(dir, 'list.py');
  const out = join(dir, 'uidls');
  await writeFile(script, `${SCRIPT.join('\n')}\n`);
  const start = performance.now();
  await runPeer('python3', [script, String(drop.port), drop.caFile, drop.user, drop.password, out], {}, dir);
  const milliseconds = performance.now() - start;
  return { milliseconds, uidls: (await readFile(out, 'latin1')).split('\n') };
}
