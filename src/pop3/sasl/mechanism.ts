/**
 * The shape of a SASL mechanism (RFC 4422 §3), one file each. A mechanism sees decoded challenges and gives raw
 * responses; base64, lines, bounds and cancelling are the session's. One object serves one exchange.
 */
export interface Mechanism {
  /** As CAPA announces it, upper case. */
  readonly name: string;
  /** Whether the server has nothing to ask after the initial response, so that commands may be written behind it. */
  readonly oneStep: boolean;
  /** The initial response, or null where the server speaks first. */
  start(): Uint8Array | null;
  /** The answer to a challenge, or null to give up: it can't be answered, or the server failed to prove itself. */
  respond(challenge: Uint8Array): Uint8Array | null | Promise<Uint8Array | null>;
  /** Whether the server may accept the login now. If it does before, it has left out its own part of the exchange. */
  complete(): boolean;
  /** Whether the server has proved itself, and nothing is left to write but the empty line that takes note of it. */
  proved?(): boolean;
}

/** UTF-8, as every mechanism here writes text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(text));
}
