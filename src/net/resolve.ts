/**
 * Where a name points to, asked over DNS over HTTPS in the JSON form that public resolvers share (`application/dns-json`;
 * RFC 8484 has only the binary one): A and AAAA, every answer judged by the address policy. What is not an answer beyond
 * doubt is none: an error, a malformed or oversized body, a redirect, silence. Free of the platform: `fetch` is handed in.
 */
import { DNS } from '../limits.ts';
import { isPublic, parseAddress } from './address.ts';

export interface Resolver {
  /** Its URL without the question. */
  readonly url: string;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds for the whole look-up. */
  readonly deadline: number;
}

/** `public`: every address is. `private`: at least one isn't. `absent`: there is none. `unknown`: the resolver didn't say. */
export type Whereabouts = 'public' | 'private' | 'absent' | 'unknown';

/** Record types (RFC 1035 §3.2.2, RFC 3596 §2.1) and the codes of an answer (RFC 1035 §4.1.1). */
const A = 1;
const AAAA = 28;
const NO_ERROR = 0;
const NAME_ERROR = 3;

/** Looks up `name`, a host name in canonical form. Never throws. */
export async function whereabouts(name: string, resolver: Resolver): Promise<Whereabouts> {
  const late = Promise.withResolvers<null>();
  const controller = new AbortController();
  const timer = setTimeout(() => {
    late.resolve(null);
    controller.abort();
  }, resolver.deadline);
  const questions = [A, AAAA].map((type) => Promise.race([addressesOf(name, type, resolver, controller.signal), late.promise]));
  const found = await Promise.all(questions);
  clearTimeout(timer);
  const addresses = found.flatMap((some) => some ?? []);
  // One forbidden address is enough, even where the other question failed.
  if (!addresses.every(isPublicText)) return 'private';
  if (found.includes(null)) return 'unknown';
  return addresses.length === 0 ? 'absent' : 'public';
}

function isPublicText(text: string): boolean {
  const address = parseAddress(text);
  return address !== null && isPublic(address);
}

/** The addresses of one type, as texts; null where the resolver gave no answer that can be relied on. */
async function addressesOf(name: string, type: number, resolver: Resolver, signal: AbortSignal): Promise<string[] | null> {
  const url = new URL(resolver.url);
  url.searchParams.set('name', name);
  url.searchParams.set('type', String(type));
  try {
    const headers = { Accept: 'application/dns-json' };
    const response = await resolver.fetch(url.href, { headers, redirect: 'manual', signal });
    if (response.status === 200) return read(await boundedText(response));
    await response.body?.cancel();
    return null;
  } catch {
    // Unreachable, too late, too long or not UTF-8.
    return null;
  }
}

/** The body as text. Throws where it is longer than any answer is. */
async function boundedText(response: Response): Promise<string> {
  if (response.body === null) return '';
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  let octets = 0;
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    octets += value.byteLength;
    if (octets > DNS.answerOctets) {
      await reader.cancel();
      throw new RangeError('The answer is too long.');
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** The addresses in an answer, of either type; aliases on the way are of no interest. Null for what is no answer. */
function read(text: string): string[] | null {
  const body: unknown = JSON.parse(text);
  if (!isRecord(body) || body.TC === true) return null;
  if (body.Status === NAME_ERROR) return [];
  if (body.Status !== NO_ERROR) return null;
  const answers: unknown = body.Answer ?? [];
  if (!Array.isArray(answers) || !answers.every(isRecord)) return null;
  const data = answers.filter(({ type }) => type === A || type === AAAA).map((answer) => answer.data);
  return data.every((entry) => typeof entry === 'string') ? data : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
