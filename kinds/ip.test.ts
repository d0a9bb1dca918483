import { describe, expect, test } from '@jest/globals';
import * as ip from './ip.ts';

const texts = (errors: { field: string; message: string }[]) => errors.map(e => `${e.field}: ${e.message}`);

describe('addresses', () => {
  test.each<[string, string | undefined]>([
    ['10.0.0.1', '10.0.0.1'],
    ['010.0.0.1', '10.0.0.1'],
    ['10.0.0', undefined],
    ['10.0.0.256', undefined],
    ['10.0.0.1 ', undefined],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:0DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
    ['1::2::3', undefined],
    ['1:2:3:4:5:6:7', undefined],
    ['12345::', undefined],
    ['', undefined],
  ])('%p is %p', (text, canonical) => {
    const address = ip.parseAddress(text);
    expect(address && ip.formatAddress(address)).toBe(canonical);
  });

  test.each<[string, string[]]>([
    ['10.0.0.1', []],
    ['10.0.0.01', ['ip: Invalid value: "10.0.0.01": must not have leading 0s']],
    ['::ffff:10.0.0.1', ['ip: Invalid value: "::ffff:10.0.0.1": must not be an IPv4-mapped IPv6 address']],
    ['x', ['ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
  ])('%p is judged', (text, expected) => {
    expect(texts(ip.validateAddress(text, 'ip'))).toEqual(expected);
  });

  test('what was there before stays allowed', () => {
    expect(ip.validateAddress('010.0.0.1', 'ip', ['010.0.0.1'])).toEqual([]);
  });
  test('the canonical form is named', () => {
    expect(texts(ip.validateCanonicalAddress('2001:DB8::0', 'ip'))).toEqual([
      'ip: Invalid value: "2001:DB8::0": must be in canonical form ("2001:db8::")',
    ]);
  });
  test.each(['0.0.0.0', '127.0.0.1', '169.254.1.1', '224.0.0.1', '::', '::1', 'fe80::1', 'ff02::1'])('%p is no endpoint', text => {
    expect(ip.validateEndpointAddress(text, 'ip')).toHaveLength(1);
  });
  test('hostile input is judged in linear time', () => {
    expect(ip.parseAddress('1:'.repeat(500_000))).toBeUndefined();
    expect(ip.parseAddress('1.'.repeat(500_000))).toBeUndefined();
  });
});

describe('blocks', () => {
  test.each<[string, string | undefined]>([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.0.0.0/0', '0.0.0.0/0'],
    ['2001:db8::1/32', '2001:db8::/32'],
    ['10.0.0.0', undefined],
    ['10.0.0.0/33', undefined],
    ['10.0.0.0/-1', undefined],
    ['::/129', undefined],
  ])('%p is %p', (text, canonical) => {
    const block = ip.parseBlock(text);
    expect(block && ip.formatBlock(block)).toBe(canonical);
  });
  test.each<[string, string, boolean]>([
    ['10.96.0.0/16', '10.96.255.255', true],
    ['10.96.0.0/16', '10.97.0.0', false],
    ['::/0', '10.0.0.1', false],
    ['2001:db8::/32', '2001:db8:ffff::', true],
  ])('%p contains %p: %p', (block, address, expected) => {
    const [outer, inner] = [ip.parseBlock(block), ip.parseAddress(address)];
    expect(outer && inner && ip.contains(outer, inner)).toBe(expected);
  });
  test.each<[string, string[]]>([
    ['10.0.0.0/8', []],
    ['10.0.0.1/8', ['b: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length']],
    ['10.0.0.0/08', ['b: Invalid value: "10.0.0.0/08": must not have leading 0s in IP or prefix length']],
  ])('%p is judged', (text, expected) => {
    expect(texts(ip.validateBlock(text, 'b'))).toEqual(expected);
  });
  test('warnings say what to write', () => {
    expect(ip.blockWarnings('10.0.0.1/8', 'b')).toEqual([
      'b: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
    ]);
    expect(ip.addressWarnings('2001:DB8::0', 'a')).toEqual([
      'a: IPv6 address "2001:DB8::0" should be in RFC 5952 canonical format ("2001:db8::")',
    ]);
  });
});
