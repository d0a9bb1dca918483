/** An IPv4 range as numbered addresses; network and broadcast address are never handed out. */

export interface AddressRange {
  readonly cidr: string;
  contains(address: string): boolean;
  /** Network or broadcast address. */
  isEdge(address: string): boolean;
  /** The address at an offset from the network address. */
  at(offset: number): string;
  /** First offset and count of what is handed out by itself, and of what is kept for those who ask (KEP-3070: 16 to 256 addresses). */
  readonly dynamicPart: readonly [first: number, count: number];
  readonly staticPart: readonly [first: number, count: number];
}

const toNumber = (address: string): number | undefined => {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some(part => !Number.isInteger(part) || part < 0 || part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
};

export function addressRange(cidr: string): AddressRange {
  const [address = '', bits = ''] = cidr.split('/');
  const base = toNumber(address);
  const size = 2 ** (32 - Number(bits));
  if (base === undefined || !Number.isInteger(size) || size < 4 || base % size !== 0) throw new Error(`${cidr} is not an IPv4 range`);
  // Usable: 1 .. size - 2.
  const reserved = Math.min(Math.max(16, Math.floor(size / 16)), 256);
  const split = Math.min(reserved, size - 2);
  return {
    cidr,
    contains: one => {
      const value = toNumber(one);
      return value !== undefined && value > base && value < base + size - 1;
    },
    isEdge: one => toNumber(one) === base || toNumber(one) === base + size - 1,
    at: offset => [24, 16, 8, 0].map(shift => Math.floor((base + offset) / 2 ** shift) % 256).join('.'),
    dynamicPart: [split + 1, size - 2 - split],
    staticPart: [1, split],
  };
}
