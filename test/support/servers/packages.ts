/** Debian's packages that the interop suite wants, and where those go that can't be installed side by side. */
import { join } from 'node:path';

/** What is installed as usual. */
export const INSTALLED = ['dovecot-pop3d', 'openssl'] as const;

/** What is unpacked: each server, its own package first. The libraries that these depend on come with them. */
export const PACKAGES = {
  courier: ['courier-pop', 'courier-base', 'courier-authlib', 'courier-authdaemon', 'libpam-modules'],
  cyrus: ['cyrus-pop3d', 'cyrus-common', 'libsasl2-modules', 'sasl2-bin', 'tzdata'],
  mailutils: ['mailutils-pop3d', 'mailutils-common'],
  popa3d: ['popa3d', 'libpam-modules'],
  'solid-pop3d': ['solid-pop3d'],
} as const;

export type PackagedServer = keyof typeof PACKAGES;

const BASE = join(import.meta.dirname, '..', '..', '..', '.build', 'pop3-servers');

/** Where packages are downloaded to before they are unpacked. */
export const POOL = join(BASE, 'packages');

/** The directory that a server is unpacked into: the root of its file system. `.complete` in it says that all is there. */
export function rootOf(server: PackagedServer): string {
  return join(BASE, server);
}

/** Where servers are run. */
export const CELLS = join(BASE, 'cells');
