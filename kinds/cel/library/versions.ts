/** Semantic versions, as blang/semver reads them (apiserver `pkg/cel/library/semverlib.go`). */
import type { CelInput, CelValue } from '@bufbuild/cel';
import { type Declare, opaque, stringOf, textOf } from '../library.ts';

const form =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;
const leadingZero = /(?:^|\.)0\d+(?:\.|$)/;

interface Version {
  readonly numbers: readonly bigint[];
  readonly before: readonly string[];
}

const parse = (text: string): Version | undefined => {
  const [, major, minor, patch, before] = form.exec(text) ?? [];
  if (major === undefined || (before !== undefined && leadingZero.test(before))) return undefined;
  const numbers = [major, minor, patch].map(part => BigInt(part ?? 0));
  if (numbers.some(part => part >= 2n ** 64n)) return undefined;
  return { numbers, before: before?.split('.') ?? [] };
};

const problemOf = (text: string): string => {
  if (text === '') return 'Version string empty';
  const parts = text.split('.');
  if (parts.length < 3) return 'No Major.Minor.Patch elements found';
  for (const [i, name] of (['major', 'minor', 'patch'] as const).entries()) {
    const part = i < 2 ? (parts[i] ?? '') : (/^[^-+]*/.exec(parts.slice(2).join('.'))?.[0] ?? '');
    if (!/^\d+$/.test(part)) return `Invalid character(s) found in ${name} number ${JSON.stringify(part)}`;
    if (/^0\d/.test(part))
      return `${name[0]?.toUpperCase()}${name.slice(1)} number must not contain leading zeroes ${JSON.stringify(part)}`;
  }
  return 'Invalid character(s) found in prerelease';
};

/** `v1.2` is taken for `1.2.0`. */
const normalized = (text: string): string => {
  const [major = '', minor, ...rest] = text.replace(/^v/, '').split('.');
  const plain = (part: string): string => {
    if (part.length < 2) return part;
    const stripped = part.replace(/^0+/, '');
    return /^\d/.test(stripped) ? stripped : `0${stripped}`;
  };
  const parts = [major, ...(minor === undefined ? [] : [minor]), ...(rest.length > 0 ? [rest.join('.')] : [])].map(plain);
  if (parts.length === 3) return parts.join('.');
  if (/[+-]/.test(parts.at(-1) ?? '')) throw new Error('Short version cannot contain PreRelease/Build meta data');
  while (parts.length < 3) parts.push('0');
  return parts.join('.');
};

const orderOf = <T>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
const comparePart = (a: string, b: string): number => {
  const [numeric, other] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (numeric && other) return orderOf(BigInt(a), BigInt(b));
  return numeric !== other ? (numeric ? -1 : 1) : orderOf(a, b);
};
const compareVersions = (a: Version, b: Version): number => {
  for (let i = 0; i < 3; i++) {
    const order = orderOf(a.numbers[i] ?? 0n, b.numbers[i] ?? 0n);
    if (order !== 0) return order;
  }
  if (a.before.length === 0 || b.before.length === 0) return orderOf(b.before.length > 0 ? 1 : 0, a.before.length > 0 ? 1 : 0);
  for (let i = 0; i < Math.max(a.before.length, b.before.length); i++) {
    const [one, other] = [a.before[i], b.before[i]];
    if (one === undefined || other === undefined) return one === undefined ? -1 : 1;
    const order = comparePart(one, other);
    if (order !== 0) return order;
  }
  return 0;
};

const of = (value: CelValue): Version => parse(textOf('semver', value)) ?? { numbers: [], before: [] };
export const compareSemver = (a: CelValue, b: CelValue): number => compareVersions(of(a), of(b));

const read = (value: CelValue, tolerant: CelValue): string => {
  const text = tolerant === true ? normalized(stringOf(value)) : stringOf(value);
  if (!parse(text)) throw new Error(problemOf(text));
  return text;
};
const isVersion = (value: CelValue, tolerant: CelValue): boolean => {
  try {
    read(value, tolerant);
    return true;
  } catch {
    // Which is what was asked.
    return false;
  }
};

export const versions = ({ func, method }: Declare): void => {
  func('semver', 1, (text = null) => opaque('semver', read(text, false)));
  func('semver', 2, (text = null, tolerant = null) => opaque('semver', read(text, tolerant)));
  func('isSemver', 1, (text = null) => isVersion(text, false));
  func('isSemver', 2, (text = null, tolerant = null) => isVersion(text, tolerant));
  for (const [i, name] of ['major', 'minor', 'patch'].entries())
    method(name, 'map', 0, target => (of(target).numbers[i] ?? 0n) as CelInput);
};
