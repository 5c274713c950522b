/**
 * Which IP addresses may be connected to: globally reachable unicast only (RFC 6890 and IANA's special-purpose
 * registries, v4 and v6). Pure. Parsed, never matched as text; one spelling for each address is accepted.
 * IPv6 addresses that carry an IPv4 address are refused whatever they carry: the inner one has a spelling of its own.
 */
import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

const DOTTED_QUAD = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;
const HEX_GROUPS = /^[0-9a-f:]{2,39}$/i;

/** Global unicast as far as IANA has opened it (RFC 4291 §2.4); all special ranges outside are refused with the rest. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/** ::/96 (compatible, RFC 4291 §2.5.5.1), mapped, RFC 2765, NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380). */
const CARRY_V4 = ['::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '2001::/32'].map((range) =>
  ipaddr.IPv6.parseCIDR(range),
);

/**
 * Where clouds answer any program on their machines with that machine's secrets: link-local (AWS, Google, Azure and most
 * others), Alibaba, Oracle, Azure's platform address; in IPv6 AWS, Google, Scaleway, Linode and OpenStack.
 */
const METADATA_V4 = ['169.254.0.0/16', '100.100.100.200/32', '192.0.0.192/32', '168.63.129.16/32'].map((range) =>
  ipaddr.IPv4.parseCIDR(range),
);
const METADATA_V6 = ['fd00:ec2::/32', 'fd20:ce::/32', 'fd00:42::/32', 'fd00:a9fe:a9fe::/48', 'fe80::/10'].map((range) =>
  ipaddr.IPv6.parseCIDR(range),
);

/** The address that `text` spells canonically (a dotted quad, or IPv6 groups without a zone), or null. */
export function parseAddress(text: string): Address | null {
  if (DOTTED_QUAD.test(text)) return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text) : null;
  if (HEX_GROUPS.test(text) && text.includes(':') && ipaddr.IPv6.isValid(text)) return ipaddr.IPv6.parse(text);
  return null;
}

/** One spelling for each address (RFC 5952). */
export function formatAddress(address: Address): string {
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}

/** Whether the address is one that no list may allow: it carries another one, or answers with a cloud's secrets. */
export function isNeverAllowed(address: Address): boolean {
  if (address instanceof ipaddr.IPv4) return METADATA_V4.some((range) => address.match(range));
  const loopback = address.range() === 'loopback';
  return !loopback && [...CARRY_V4, ...METADATA_V6].some((range) => address.match(range));
}

/** Whether the address is reachable for everybody: no special purpose, v4 or v6. */
export function isPublic(address: Address): boolean {
  if (isNeverAllowed(address) || address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST);
}
