/**
 * `npm run bench -- NAME`: one of the benchmarks, each a script of its own that takes the options behind its name.
 * Without a name: `reading`.
 */
const BENCHES = ['reading', 'framing', 'sessions', 'polls', 'fleet'];

const given = process.argv[2];
const named = given !== undefined && !given.startsWith('-');
if (named) process.argv.splice(2, 1);
const name = named ? given : 'reading';
if (BENCHES.includes(name)) await import(`./${name}.ts`);
else {
  console.error(`There is no benchmark "${name}"; there are: ${BENCHES.join(', ')}.`);
  process.exitCode = 2;
}
