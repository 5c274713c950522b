/** A request as tests put it, and as the app takes it. */

export interface Asking {
  /** The bearer credential. */
  readonly as?: string;
  /** A JSON body. */
  readonly json?: unknown;
  readonly body?: BodyInit;
  readonly headers?: Readonly<Record<string, string>>;
}

export function initOf(method: string, { as, json, body, headers }: Asking): RequestInit {
  const all = new Headers(headers);
  if (as !== undefined) all.set('Authorization', `Bearer ${as}`);
  if (json !== undefined && !all.has('Content-Type')) all.set('Content-Type', 'application/json');
  const sent = json === undefined ? body : JSON.stringify(json);
  return { method, headers: all, ...(sent === undefined ? {} : { body: sent, duplex: 'half' as const }) };
}
