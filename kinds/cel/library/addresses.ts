import type { CelInput, CelValue } from '@bufbuild/cel';
import { type Address, type Block, contains, formatAddress, formatBlock, parseAddress, parseBlock } from '../../ip.ts';
import { type Declare, opaque, stringOf, textOf } from '../library.ts';

const ip = (address: Pick<Address, 'family' | 'bits'>): CelInput => opaque('ip', formatAddress(address));
const cidr = (block: Pick<Block, 'address' | 'length'>): CelInput => opaque('cidr', `${formatAddress(block.address)}/${block.length}`);
const addressIn = (value: CelValue): Address => {
  const text = typeof value === 'string' ? value : textOf('ip', value);
  const found = parseAddress(text);
  if (!found)
    throw new Error(
      `IP Address ${JSON.stringify(text)} parse error during conversion from string: ParseAddr(${JSON.stringify(text)}): unable to parse IP`,
    );
  return found;
};
const blockIn = (value: CelValue): Block => {
  const text = typeof value === 'string' ? value : textOf('cidr', value);
  const found = parseBlock(text);
  if (!found)
    throw new Error(
      `network address parse error during conversion from string: network address parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): no '/'`,
    );
  return found;
};
/** The network's own address. */
const masked = (block: Block): CelInput => opaque('cidr', formatBlock(block));
const within = (text: string, address: Address): boolean => {
  const block = parseBlock(text);
  return block !== undefined && block.family === address.family && contains(block, address);
};
const inAny = (value: CelValue, ...blocks: string[]): boolean => blocks.some(text => within(text, addressIn(value)));

export const addresses = ({ func, method }: Declare): void => {
  func('isIP', 1, text => parseAddress(stringOf(text)) !== undefined);
  func('ip', 1, text => ip(addressIn(stringOf(text))));
  func('ip.isCanonical', 1, text => formatAddress(addressIn(stringOf(text))) === text);
  method('family', 'map', 0, target => (addressIn(target).family === 'IPv4' ? 4n : 6n));
  method('isUnspecified', 'map', 0, target => addressIn(target).bits === 0n);
  method('isLoopback', 'map', 0, target => inAny(target, '127.0.0.0/8', '::1/128'));
  method('isLinkLocalMulticast', 'map', 0, target => inAny(target, '224.0.0.0/24', 'ff02::/16'));
  method('isLinkLocalUnicast', 'map', 0, target => inAny(target, '169.254.0.0/16', 'fe80::/10'));
  method('isGlobalUnicast', 'map', 0, target => {
    const { bits } = addressIn(target);
    const others = ['127.0.0.0/8', '::1/128', '224.0.0.0/4', 'ff00::/8', '169.254.0.0/16', 'fe80::/10', '255.255.255.255/32'];
    return bits !== 0n && !inAny(target, ...others);
  });
  func('isCIDR', 1, text => parseBlock(stringOf(text)) !== undefined);
  func('cidr', 1, text => cidr(blockIn(stringOf(text))));
  method('containsIP', 'map', 1, (target, address = null) => {
    const block = blockIn(target);
    const inner = addressIn(address);
    return block.family === inner.family && contains(block, inner);
  });
  method('containsCIDR', 'map', 1, (target, other = null) => {
    const block = blockIn(target);
    const inner = blockIn(other);
    return block.family === inner.family && inner.length >= block.length && contains(block, inner.address);
  });
  method('ip', 'map', 0, target => ip(blockIn(target).address));
  method('masked', 'map', 0, target => masked(blockIn(target)));
  method('prefixLength', 'map', 0, target => BigInt(blockIn(target).length));
};
