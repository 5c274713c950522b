/**
 * zod as this room uses it: its issues become the `errors` of a problem, in words of our own. Neither a value nor a name that the
 * caller sent gets into them: an unknown member is reported at its parent, with the names that are known there.
 * Pointers are JSON pointers (RFC 6901); they consist of names from our schemas and of array indexes only.
 */
import { z } from '@hono/zod-openapi';
import { HTTP } from '../limits.ts';
import type { InvalidInput } from './problem.ts';

type RawIssue = Parameters<NonNullable<ReturnType<typeof z.config>['customError']>>[0];

/** "a string", "a whole number" …: what zod calls the expected type, for people. */
const EXPECTED: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'an array',
};

/** The names that the strict object which refused a member does know. They are ours, so they may be said. */
function knownNames(issue: RawIssue): string {
  const definition: unknown = issue.inst?._zod.def;
  if (typeof definition !== 'object' || definition === null || !('shape' in definition)) return 'none';
  const names = Object.keys(definition.shape as object);
  return names.length === 0 ? 'none' : names.join(', ');
}

/** "at least 1 character", "60 or more", "no more than 20 entries" … */
function boundSentence(issue: Extract<RawIssue, { code: 'too_small' | 'too_big' }>): string {
  const least = issue.code === 'too_small';
  const bound = String(issue.code === 'too_small' ? issue.minimum : issue.maximum);
  const unit = issue.origin === 'string' ? (bound === '1' ? ' character' : ' characters') : bound === '1' ? ' entry' : ' entries';
  if (issue.origin === 'string' || issue.origin === 'array') return `Must have ${least ? 'at least' : 'at most'} ${bound}${unit}.`;
  return `Must be ${bound} or ${least ? 'more' : 'less'}.`;
}

/** The sentence for an issue whose schema brings none of its own. */
function sentence(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'Is required.';
      return `Must be ${EXPECTED[issue.expected] ?? 'of another type'}.`;
    case 'unrecognized_keys':
      return `Has a member or parameter that is not known. Known here: ${knownNames(issue)}.`;
    case 'invalid_value':
      return issue.input === undefined ? 'Is required.' : `Must be one of: ${issue.values.map(String).join(', ')}.`;
    case 'too_small':
    case 'too_big':
      return boundSentence(issue);
    default:
      return 'Is not valid.';
  }
}

// Once for every schema, because each takes its `z` from here: zod's own messages, some of which quote the input, are never used.
z.config({ customError: (issue) => sentence(issue) });

export { z };

/** RFC 6901 §3: `~` and `/` are escaped. The root is the empty string. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** What is wrong with a value that a schema refused, the first `HTTP.errors` of it. */
export function inputErrors(error: z.core.$ZodError): InvalidInput[] {
  return error.issues.slice(0, HTTP.errors).map((issue) => ({ pointer: pointerOf(issue.path), detail: issue.message }));
}
