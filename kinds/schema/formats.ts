/**
 * The string formats that structural schemas know; an unknown one allows everything.
 * Source: kube-openapi `pkg/validation/strfmt`, apiextensions-apiserver `pkg/apiserver/validation/formats.go`.
 */
import { isIP } from 'node:net';

const uuid = (version: string): RegExp => new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, 'i');
const label = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const hostname =
  /^(?:[a-zA-Z0-9\p{S}\p{L}](?:-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?|(?:[a-zA-Z0-9\p{S}\p{L}](?:[a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?\.)+[a-zA-Z\p{L}]{2,63})$/u;
const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u0080-\\uffff-]+";
const address = `(?:${atom}(?:\\.${atom})*|"(?:[^"\\\\]|\\\\.)*")@(?:${atom}(?:\\.${atom})*|\\[[^\\]]*\\])`;
/** Plain, or behind a name in angle brackets. */
const email = new RegExp(`^(?:${address}|(?:(?:${atom}|\\.|"(?:[^"\\\\]|\\\\.)*")\\s*)*<${address}>)$`);
/** As older versions of Go took them, with zeros in front. */
const withoutZeros = (text: string): string => text.replace(/(^|\.)0+(?=\d)/g, '$1');
const digits = (text: string): string => text.replace(/[^0-9Xx]/g, '');

const pattern =
  (expression: RegExp) =>
  (text: string): boolean =>
    expression.test(text);

const isCidr = (text: string): boolean => {
  const [address = '', bits = '', ...rest] = text.split('/');
  const family = isIP(withoutZeros(address));
  return rest.length === 0 && family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
};
const isDate = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text) === true;
const isDateTime = (text: string): boolean => {
  const [, date = '', hour, minute, second] = /^(\d{4}-\d\d-\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  return isDate(date) && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
};
const isIsbn10 = (text: string): boolean => {
  const given = digits(text);
  if (!/^[0-9]{9}[0-9Xx]$/.test(given)) return false;
  const sum = [...given].reduce((total, digit, i) => total + (10 - i) * (/[xX]/.test(digit) ? 10 : Number(digit)), 0);
  return sum % 11 === 0;
};
const isIsbn13 = (text: string): boolean => {
  const given = digits(text);
  return /^[0-9]{13}$/.test(given) && [...given].reduce((total, digit, i) => total + Number(digit) * (i % 2 ? 3 : 1), 0) % 10 === 0;
};
const isCreditCard = (text: string): boolean => {
  const given = text.replace(/[^0-9]+/g, '');
  if (!/^[0-9]{13,19}$/.test(given)) return false;
  const sum = [...given].reverse().reduce((total, digit, i) => {
    const doubled = Number(digit) * (i % 2 ? 2 : 1);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
};
const isUri = (text: string): boolean => (/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text) || text.startsWith('/')) && !/[\s\p{Cc}]/u.test(text);

const goDuration = /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
/** The last of each unit's names need only begin like it. */
const unitNames = [
  'ns',
  'nano',
  'us',
  'µs',
  'micro',
  'ms',
  'milli',
  's',
  'sec',
  'm',
  'min',
  'h',
  'hr',
  'hour',
  'd',
  'day',
  'w',
  'wk',
  'week',
];
const beginsUnit = /^(?:nano|micro|milli|sec|min|hour|day|week)/;
/** Go's form, or numbers with the names of units wherever they stand: `2 days`. */
const isDuration = (text: string): boolean =>
  goDuration.test(text) ||
  [...text.matchAll(/\d+\s*([A-Za-zµ]+)/g)].some(
    ([, unit = '']) => unitNames.includes(unit.toLowerCase()) || beginsUnit.test(unit.toLowerCase()),
  );

const formats = new Map<string, (text: string) => boolean>([
  ['bsonobjectid', pattern(/^[0-9a-fA-F]{24}$/)],
  ['uri', isUri],
  ['email', text => email.test(text.trim())],
  ['hostname', text => text.length <= 255 && hostname.test(text) && text.split('.').every(part => Buffer.byteLength(part) <= 63)],
  ['ipv4', text => text.includes('.') && isIP(text.includes(':') ? text : withoutZeros(text)) !== 0],
  ['ipv6', text => isIP(text) === 6 && !text.includes('%')],
  ['cidr', isCidr],
  ['mac', pattern(/^(?:[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}|[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\.[0-9a-fA-F]{4})$/)],
  ['uuid', pattern(uuid('[0-9a-f]'))],
  ['uuid3', pattern(uuid('3'))],
  ['uuid4', pattern(/^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i)],
  ['uuid5', pattern(/^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i)],
  ['isbn', text => isIsbn10(text) || isIsbn13(text)],
  ['isbn10', isIsbn10],
  ['isbn13', isIsbn13],
  ['creditcard', isCreditCard],
  ['ssn', pattern(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/)],
  ['hexcolor', pattern(/^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  [
    'rgbcolor',
    pattern(/^rgb\(\s*(?:25[0-5]|2[0-4]\d|1?\d?\d)\s*,\s*(?:25[0-5]|2[0-4]\d|1?\d?\d)\s*,\s*(?:25[0-5]|2[0-4]\d|1?\d?\d)\s*\)$/),
  ],
  ['byte', text => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)],
  ['date', isDate],
  ['duration', isDuration],
  ['datetime', isDateTime],
  ['k8sshortname', text => text.length <= 63 && new RegExp(`^${label}$`).test(text)],
  ['k8slongname', text => text.length <= 253 && new RegExp(`^${label}(?:\\.${label})*$`).test(text)],
]);

/** Dashes in the names of formats mean nothing: `date-time` is `datetime`. */
export const matchesFormat = (format: string, text: string): boolean => formats.get(format.replaceAll('-', ''))?.(text) ?? true;

const numeric: Readonly<Record<string, readonly string[]>> = { integer: ['int32', 'int64'], number: ['float', 'double'] };
/** Whether values of the type are checked by the format, which a password is though everything passes. */
export const isKnownFormat = (format: string, type: string): boolean => {
  if (type !== '' && type !== 'string') return (Object.hasOwn(numeric, type) && numeric[type]?.includes(format)) || false;
  const name = format.replaceAll('-', '');
  return name === 'password' || formats.has(name);
};
