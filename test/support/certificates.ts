/**
 * A certificate authority for tests and for the demo: ECDSA P-256, made in the process (RFC 5280).
 * Server certificates name localhost, 127.0.0.1 and ::1, and whatever else is asked for; they satisfy
 * OpenSSL (Node, Dovecot) and BoringSSL (workerd, once the authority is in NODE_EXTRA_CA_CERTS).
 * Private keys are written with mode 0600 and never leave the directory they were made for.
 */
import { X509Certificate as NodeCertificate, createPrivateKey } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
// Needed by @peculiar/x509's dependency injection, and so imported before it.
import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate and its private key (PKCS #8), both PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface IssueOptions {
  /** DNS names or IP addresses beside the loopback ones. */
  readonly names?: readonly string[];
  /** Leaves out the loopback names: a certificate for somebody else. */
  readonly onlyNames?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export interface Authority {
  /** The authority's own certificate, PEM. */
  readonly ca: string;
  issue(options?: IssueOptions): Promise<ServerCertificate>;
}

/** What `loadOrCreate` hands back: the PEM texts and where they lie. */
export interface CertificateFiles extends ServerCertificate {
  readonly ca: string;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const LOOPBACK = ['localhost', '127.0.0.1', '::1'];
const DAY = 86_400_000;
const YEARS = 3 * 365 * DAY;

/** Makes a new authority. Its key stays in memory. */
export async function createAuthority(): Promise<Authority> {
  const keys = await newKeys();
  const name = 'CN=Popgate test authority';
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    notBefore: new Date(Date.now() - YEARS),
    notAfter: new Date(Date.now() + YEARS),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { ca: certificate.toString('pem') + '\n', issue: (options = {}) => issue(name, keys, options) };
}

async function issue(issuer: string, authority: CryptoKeyPair, options: IssueOptions): Promise<ServerCertificate> {
  const keys = await newKeys();
  const names = [...(options.onlyNames ? [] : LOOPBACK), ...(options.names ?? [])];
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${names[0] ?? 'nobody'}`,
    issuer,
    notBefore: options.notBefore ?? new Date(Date.now() - YEARS + DAY),
    notAfter: options.notAfter ?? new Date(Date.now() + YEARS - DAY),
    publicKey: keys.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }))),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  return { cert: certificate.toString('pem') + '\n', key: await privateKeyPem(keys.privateKey) };
}

/**
 * The certificates kept in `dir` as ca.pem, cert.pem and key.pem (0600); made when they are absent, don't
 * belong together, lack one of `names`, or end within a day.
 */
export async function loadOrCreate(dir: string, names: readonly string[] = []): Promise<CertificateFiles> {
  const files = { caFile: join(dir, 'ca.pem'), certFile: join(dir, 'cert.pem'), keyFile: join(dir, 'key.pem') };
  const kept = await read(files);
  if (kept !== null && stillGood(kept, [...LOOPBACK, ...names])) return { ...kept, ...files };
  const authority = await createAuthority();
  const made = { ca: authority.ca, ...(await authority.issue({ names })) };
  await mkdir(dir, { recursive: true });
  await writeFile(files.keyFile, made.key, { mode: 0o600 });
  await writeFile(files.certFile, made.cert);
  await writeFile(files.caFile, made.ca);
  return { ...made, ...files };
}

type Pems = ServerCertificate & { ca: string };

async function read(files: { caFile: string; certFile: string; keyFile: string }): Promise<Pems | null> {
  try {
    const [ca, cert, key] = await Promise.all([files.caFile, files.certFile, files.keyFile].map((file) => readFile(file, 'utf8')));
    return ca === undefined || cert === undefined || key === undefined ? null : { ca, cert, key };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function stillGood(pems: Pems, names: readonly string[]): boolean {
  try {
    const ca = new NodeCertificate(pems.ca);
    const leaf = new NodeCertificate(pems.cert);
    const ends = Math.min(ca.validToDate.getTime(), leaf.validToDate.getTime());
    const named = names.every((name) => (isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)) !== undefined);
    return ends > Date.now() + DAY && named && leaf.verify(ca.publicKey) && leaf.checkPrivateKey(createPrivateKey(pems.key));
  } catch {
    // Not certificates at all (a truncated write, an edited file): make new ones.
    return false;
  }
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']) as Promise<CryptoKeyPair>;
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}
