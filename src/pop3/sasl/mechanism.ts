/**
 * The shape of a SASL mechanism (RFC 4422 §3), one file each. A mechanism sees decoded challenges and gives raw
 * responses; base64, lines, bounds and cancelling are the session's. One object serves one exchange.
 */
export interface Mechanism {
  /** As CAPA announces it, upper case. */
  readonly name: string;
  /** The initial response, or null where the server speaks first. */
  start(): Uint8Array | null;
  /** The answer to a challenge, or null to give up: it can't be answered, or the server failed to prove itself. */
  respond(challenge: Uint8Array): Uint8Array | null | Promise<Uint8Array | null>;
}
