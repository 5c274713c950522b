/** A mail server, real or scripted, behind a gateway that is asked to diagnose it; every diagnosis is held to what all of them must be. */
import { expect } from 'vitest';
import { DIAGNOSIS } from '../../src/limits.ts';
import type { Diagnosis, DiagnosisStep } from '../../src/mailbox/rpc.ts';
import { createAuthority, type ServerCertificate } from '../support/certificates.ts';
import { NodeGateway, type NodeGatewayOptions, OPERATOR_KEY } from '../support/node-gateway.ts';
import type { Pop3Server, Pop3ServerOptions } from '../support/pop3-server.ts';
import { type PeerOptions, ScriptedPeer, type Step } from '../support/scripted-peer.ts';
import { MailWorld } from './mailbox-world.ts';

export const AUTH = { username: 'ann', password: 'secret' };

/** The steps up to the login, and all of them. */
export const BEFORE_LOGIN = ['policy', 'connect', 'greeting', 'capabilities'];
export const ALL = [...BEFORE_LOGIN, 'login', 'stat', 'uidl', 'top', 'pipelining', 'loginDelay'];

type Security = 'tls' | 'starttls' | 'none';

export class DiagnosisWorld {
  readonly mail = new MailWorld();
  readonly peers: { close(): Promise<void> }[] = [];
  server!: Pop3Server;
  gateway!: NodeGateway;

  async serve(options: Partial<Pop3ServerOptions> = {}, mailbox: NodeGatewayOptions['mailbox'] = {}): Promise<void> {
    this.server = await this.mail.serve(options);
    this.gateway = new NodeGateway({ ports: [this.server.port], mailbox });
  }

  /** A scripted peer as the server. */
  async follow(script: readonly Step[], deadlines = {}, options: PeerOptions = {}): Promise<number> {
    const peer = await ScriptedPeer.listen([script], options);
    this.peers.push(peer);
    this.gateway = new NodeGateway({ ports: [peer.port], mailbox: { deadlines } });
    return peer.port;
  }

  ask(json: unknown, as = OPERATOR_KEY): Promise<Response> {
    return this.gateway.ask('POST', '/v1/diagnose', { as, json });
  }

  async diagnose(json: unknown, as = OPERATOR_KEY): Promise<Diagnosis> {
    const response = await this.ask(json, as);
    const text = await response.text();
    expect(response.status, text).toBe(200);
    const diagnosis = JSON.parse(text) as Diagnosis;
    const code = diagnosis.steps.find((taken) => taken.code !== undefined)?.code ?? 'ok';
    expect(diagnosis.verdict).toBe(code.replace(/^upstream_/, ''));
    expect(diagnosis.advice).toMatch(/^[A-Z].*\.$/);
    expect(diagnosis.transcript.length).toBeLessThanOrEqual(DIAGNOSIS.lines);
    for (const line of diagnosis.transcript) {
      expect(line).toMatch(/^[CS]: ?/);
      expect(line.length).toBeLessThanOrEqual(DIAGNOSIS.lineCharacters);
    }
    return diagnosis;
  }

  async close(): Promise<void> {
    await this.mail.close();
    for (const peer of this.peers.splice(0)) await peer.close();
  }
}

let issued: Promise<ServerCertificate> | null = null;

/** A certificate for the loopback address. */
export function certificate(): Promise<ServerCertificate> {
  issued ??= createAuthority().then((authority) => authority.issue());
  return issued;
}

export function place(port: number, security: Security = 'none') {
  return { server: { host: '127.0.0.1', port, security }, auth: AUTH };
}

/** The steps as "name" or, where not ok, "name: code". */
export function course({ steps }: Diagnosis): string[] {
  return steps.map(({ name, ok, code }) => (ok ? name : `${name}: ${code ?? 'lacking'}`));
}

export function step({ steps }: Diagnosis, name: DiagnosisStep['name']): DiagnosisStep | undefined {
  return steps.find((each) => each.name === name);
}
