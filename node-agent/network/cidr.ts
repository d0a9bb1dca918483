/** IPv4 addresses and ranges as numbers. */

export const parseAddress = (address: string): number | undefined => {
  const parts = address.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
};

export const formatAddress = (value: number): string => [24, 16, 8, 0].map(shift => Math.floor(value / 2 ** shift) % 256).join('.');

export interface Range {
  readonly first: number;
  readonly size: number;
}

export function parseRange(cidr: string): Range {
  const [address = '', bits = ''] = cidr.split('/');
  const base = parseAddress(address);
  const prefix = Number(bits);
  if (base === undefined || !Number.isInteger(prefix) || prefix < 8 || prefix > 30)
    throw new Error(`${cidr} is not an IPv4 range of /8 to /30`);
  const size = 2 ** (32 - prefix);
  return { first: base - (base % size), size };
}

export const contains = ({ first, size }: Range, address: string): boolean => {
  const value = parseAddress(address);
  return value !== undefined && value >= first && value < first + size;
};
