/**
 * IP addresses and CIDR blocks as Kubernetes accepts them: strictly (no leading zeros, no IPv4 in IPv6), with the canonical
 * form of RFC 5952 beside them (apimachinery `pkg/util/validation/ip.go`).
 */
import { type Field, invalid, quote } from './field.ts';
import type { FieldError } from './status.ts';

export interface Address {
  readonly family: 'IPv4' | 'IPv6';
  /** 32 or 128 bits. */
  readonly bits: bigint;
  /** Written with leading zeros in an octet; other software might read it as octal. */
  readonly leadingZeros: boolean;
  /** An IPv4 address in IPv6 clothing (`::ffff:10.0.0.1`); its family is IPv4, as Go has it. */
  readonly mapped: boolean;
}
export interface Block {
  readonly family: 'IPv4' | 'IPv6';
  readonly bits: bigint;
  readonly length: number;
  readonly address: Address;
  readonly leadingZeros: boolean;
}

const parseV4 = (text: string): { bits: bigint; leadingZeros: boolean } | undefined => {
  const octets = text.split('.');
  if (octets.length !== 4) return undefined;
  let bits = 0n;
  let leadingZeros = false;
  for (const octet of octets) {
    if (!/^[0-9]{1,10}$/.test(octet)) return undefined;
    const value = Number(octet);
    if (value > 255) return undefined;
    if (octet.length > 1 && octet.startsWith('0')) leadingZeros = true;
    bits = (bits << 8n) | BigInt(value);
  }
  return { bits, leadingZeros };
};

const group = /^[0-9a-fA-F]{1,4}$/;
const parseV6 = (text: string): { bits: bigint; leadingZeros: boolean } | undefined => {
  if (text.length > 64) return undefined;
  let leadingZeros = false;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const read = (half: string, last: boolean): bigint[] | undefined => {
    if (half === '') return [];
    const parts = half.split(':');
    const groups: bigint[] = [];
    for (const [i, part] of parts.entries()) {
      if (last && i === parts.length - 1 && part.includes('.')) {
        const v4 = parseV4(part);
        if (!v4) return undefined;
        leadingZeros ||= v4.leadingZeros;
        groups.push(v4.bits >> 16n, v4.bits & 0xffffn);
      } else if (group.test(part)) groups.push(BigInt(`0x${part}`));
      else return undefined;
    }
    return groups;
  };
  const head = read(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? read(halves[1] ?? '', true) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<bigint>(missing).fill(0n), ...tail];
  return { bits: groups.reduce((bits, value) => (bits << 16n) | value, 0n), leadingZeros };
};

/** As forgiving as Go's `ParseIPSloppy`; the strict checks look at what it found. */
export const parseAddress = (text: string): Address | undefined => {
  if (!text.includes(':')) {
    const v4 = parseV4(text);
    return v4 && { family: 'IPv4', mapped: false, ...v4 };
  }
  const v6 = parseV6(text);
  if (!v6) return undefined;
  if (v6.bits >> 32n === 0xffffn) return { family: 'IPv4', mapped: true, bits: v6.bits & 0xffffffffn, leadingZeros: v6.leadingZeros };
  return { family: 'IPv6', mapped: false, ...v6 };
};

const formatV6 = (bits: bigint): string => {
  const groups = Array.from({ length: 8 }, (_, i) => Number((bits >> BigInt(16 * (7 - i))) & 0xffffn));
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    if (end > i) i = end;
  }
  const text = (part: number[]) => part.map(value => value.toString(16)).join(':');
  return start < 0 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
};
export const formatAddress = ({ family, bits }: Pick<Address, 'family' | 'bits'>): string =>
  family === 'IPv6' ? formatV6(bits) : [24n, 16n, 8n, 0n].map(shift => String((bits >> shift) & 0xffn)).join('.');

export const parseBlock = (text: string): Block | undefined => {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const mask = text.slice(slash + 1);
  if (!address || !/^[0-9]{1,10}$/.test(mask)) return undefined;
  const wide = address.family === 'IPv6' || address.mapped;
  const written = Number(mask);
  if (written > (wide ? 128 : 32)) return undefined;
  const length = address.mapped ? Math.max(0, written - 96) : written;
  const rest = BigInt((address.family === 'IPv6' ? 128 : 32) - length);
  const leadingZeros = address.leadingZeros || (mask.length > 1 && mask.startsWith('0'));
  return { family: address.family, bits: (address.bits >> rest) << rest, length, address, leadingZeros };
};
export const formatBlock = (block: Pick<Block, 'family' | 'bits' | 'length'>): string => `${formatAddress(block)}/${block.length}`;
export const contains = (block: Block, address: Pick<Address, 'family' | 'bits'>): boolean => {
  const rest = BigInt((block.family === 'IPv6' ? 128 : 32) - block.length);
  return block.family === address.family && address.bits >> rest === block.bits >> rest;
};

/** An address in any notation, but not an ambiguous one. `known`: values the object had before, which stay allowed. */
export const validateAddress = (text: string, field: Field, known?: readonly string[]): FieldError[] => {
  if (known?.includes(text)) return [];
  const address = parseAddress(text);
  if (!address) return [invalid(field, text, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
  if (address.leadingZeros) return [invalid(field, text, 'must not have leading 0s')];
  return address.mapped ? [invalid(field, text, 'must not be an IPv4-mapped IPv6 address')] : [];
};
export const validateCanonicalAddress = (text: string, field: Field): FieldError[] => {
  const errors = validateAddress(text, field);
  const address = errors.length ? undefined : parseAddress(text);
  if (!address || formatAddress(address) === text) return errors;
  return [invalid(field, text, `must be in canonical form (${quote(formatAddress(address))})`)];
};
export const validateBlock = (text: string, field: Field, known?: readonly string[]): FieldError[] => {
  if (known?.includes(text)) return [];
  const block = parseBlock(text);
  if (!block) return [invalid(field, text, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
  if (block.leadingZeros) return [invalid(field, text, 'must not have leading 0s in IP or prefix length')];
  if (block.address.mapped) return [invalid(field, text, 'must not have an IPv4-mapped IPv6 address')];
  return block.bits === block.address.bits ? [] : [invalid(field, text, 'must not have bits set beyond the prefix length')];
};
export const validateCanonicalBlock = (text: string, field: Field): FieldError[] => {
  const errors = validateBlock(text, field);
  const block = errors.length ? undefined : parseBlock(text);
  if (!block || formatBlock(block) === text) return errors;
  return [invalid(field, text, `must be in canonical form (${quote(formatBlock(block))})`)];
};

const linkLocalV4 = { family: 'IPv4', bits: 0xa9fe0000n } as const;
/** Addresses that no endpoint can have: unspecified, loopback, link-local. */
export const validateEndpointAddress = (text: string, field: Field): FieldError[] => {
  const address = parseAddress(text);
  if (!address) return [invalid(field, text, 'must be a valid IP address')];
  const { family, bits } = address;
  const v4 = family === 'IPv4';
  const errors: FieldError[] = [];
  if (bits === 0n) errors.push(invalid(field, text, `may not be unspecified (${text})`));
  if (v4 ? bits >> 24n === 127n : bits === 1n) errors.push(invalid(field, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'));
  if (v4 ? bits >> 16n === linkLocalV4.bits >> 16n : bits >> 118n === 0xfe80n >> 6n)
    errors.push(invalid(field, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'));
  if (v4 ? bits >> 8n === 0xe00000n : bits >> 112n === 0xff02n)
    errors.push(invalid(field, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'));
  return errors;
};

/** A warning where an address is valid, but not written as it should be. */
export const addressWarnings = (text: string, field: Field): string[] => {
  const address = parseAddress(text);
  if (!address) return [];
  const canonical = formatAddress(address);
  if (address.leadingZeros || address.mapped)
    return [`${field}: non-standard IP address ${quote(text)} is invalid: use ${quote(canonical)}`];
  if (address.family === 'IPv6' && canonical !== text)
    return [`${field}: IPv6 address ${quote(text)} should be in RFC 5952 canonical format (${quote(canonical)})`];
  return [];
};
export const blockWarnings = (text: string, field: Field): string[] => {
  const block = parseBlock(text);
  if (!block) return [];
  const warnings: string[] = [];
  if (block.bits !== block.address.bits) {
    const single = `${formatAddress(block.address)}/${block.family === 'IPv6' ? 128 : 32}`;
    warnings.push(
      `${field}: CIDR value ${quote(text)} is ambiguous in this context (should be ${quote(formatBlock(block))} or ${quote(single)}?)`,
    );
  }
  if (block.leadingZeros || block.address.mapped)
    warnings.push(`${field}: non-standard CIDR value ${quote(text)} is invalid: use ${quote(formatBlock(block))}`);
  if (warnings.length === 0 && block.family === 'IPv6' && formatBlock(block) !== text)
    warnings.push(`${field}: IPv6 CIDR value ${quote(text)} should be in RFC 5952 canonical format (${quote(formatBlock(block))})`);
  return warnings;
};
