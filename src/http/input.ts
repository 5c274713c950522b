/**
 * A request's query and body, read strictly and within limits before any handler sees them: unknown and
 * repeated parameters are refused, a body is counted while it arrives (its Content-Length is only a claim)
 * and must be JSON in UTF-8 (RFC 8259 §8.1). Nothing of what was sent is quoted in a refusal.
 */
import { inputErrors, z } from './zod.ts';
import { HTTP } from '../limits.ts';
import type { InvalidInput } from './problem.ts';

export type Input =
  | { ok: true; value: unknown }
  | { ok: false; problem: 'invalid_request'; errors: readonly InvalidInput[] }
  | { ok: false; problem: 'request_too_large' | 'unsupported_media_type' };

const refused = (pointer: string, detail: string): Input => ({ ok: false, problem: 'invalid_request', errors: [{ pointer, detail }] });

/** Names that a strict object schema knows; unknown ones must not get into a pointer. */
function knownNames(schema: z.ZodType): ReadonlySet<string> {
  return new Set(schema instanceof z.ZodObject ? Object.keys(schema.shape) : []);
}

/** Judges `value` by `schema`. */
async function judged(schema: z.ZodType, value: unknown): Promise<Input> {
  const result = await schema.safeParseAsync(value);
  return result.success ? { ok: true, value: result.data } : { ok: false, problem: 'invalid_request', errors: inputErrors(result.error) };
}

/** Reads the query of `url` by a strict object schema of strings; a parameter that comes twice is refused. */
export async function readQuery(url: string, schema: z.ZodType): Promise<Input> {
  const known = knownNames(schema);
  const values: Record<string, string> = {};
  for (const [name, value] of new URL(url).searchParams) {
    if (!known.has(name)) {
      return refused('', `Has a parameter that is not known. Known here: ${known.size === 0 ? 'none' : [...known].join(', ')}.`);
    }
    if (Object.hasOwn(values, name)) return refused(`/${name}`, 'Must be given once only.');
    if (value.length > HTTP.parameterCharacters) return refused(`/${name}`, `Must have at most ${HTTP.parameterCharacters} characters.`);
    values[name] = value;
  }
  return judged(schema, values);
}

/** One of `types`, all of them JSON, with no other charset than UTF-8 named (RFC 8259 §11 defines none; many clients send one). */
function isJson(contentType: string, types: readonly string[]): boolean {
  const [, type = ''] = /^([^\s;]+)[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*(?:utf-8|"utf-8")[ \t]*)?;?$/i.exec(contentType.trim()) ?? [];
  return types.includes(type.toLowerCase());
}

/** The body's octets, or null as soon as they are more than `HTTP.bodyOctets`. */
async function readOctets(request: Request): Promise<Uint8Array | null> {
  if (Number(request.headers.get('Content-Length') ?? 0) > HTTP.bodyOctets) return null;
  if (request.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > HTTP.bodyOctets) {
      await reader.cancel();
      return null;
    }
    chunks.push(value);
  }
  const octets = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    octets.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return octets;
}

/** Reads a JSON body of one of `types` by `schema`. Where the body is not `required`, an empty one of whatever type counts as `{}`. */
export async function readBody(request: Request, schema: z.ZodType, required: boolean, types: readonly string[]): Promise<Input> {
  const contentType = request.headers.get('Content-Type');
  const octets = await readOctets(request);
  if (octets === null) return { ok: false, problem: 'request_too_large' };
  if (octets.byteLength === 0 && !required) return judged(schema, {});
  if (octets.byteLength === 0 && contentType === null) return refused('', 'A JSON body is required.');
  if (contentType === null || !isJson(contentType, types)) return { ok: false, problem: 'unsupported_media_type' };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(octets));
  } catch {
    return refused('', 'The body is not JSON in UTF-8.');
  }
  return judged(schema, value);
}
