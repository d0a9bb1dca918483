/** IPv4 ranges, as far as handing them out to nodes and well-known services needs. */

const toNumber = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const toText = (address: number): string => [24, 16, 8, 0].map(shift => Math.floor(address / 2 ** shift) % 256).join('.');

/** The /24 of node `index` (from 0) within the cluster's range. */
export const podRange = (clusterCidr: string, index: number): string =>
  `${toText(toNumber(clusterCidr.split('/')[0] ?? '') + index * 256)}/24`;

/** The address `offset` places behind the start of the service range: 1 is the API's, 10 the cluster DNS. */
export const serviceAddress = (serviceCidr: string, offset: number): string => toText(toNumber(serviceCidr.split('/')[0] ?? '') + offset);
