/** How Go reads the scalars that have a text form of their own: times and base64. */
import { quote } from '../field.ts';

/** A value that its type refuses to read; the message is Go's. */
export class GoError extends Error {
  override readonly name = 'GoError';
}

const plainTime = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
const layoutParts: readonly [string, RegExp][] = [
  ['2006', /^\d{4}/],
  ['-', /^-/],
  ['01', /^\d\d/],
  ['-', /^-/],
  ['02', /^\d\d/],
  ['T', /^T/],
  ['15', /^\d\d/],
  [':', /^:/],
  ['04', /^\d\d/],
  [':', /^:/],
  ['05', /^\d\d/],
  ['.000000', /^[.,]\d{6}/],
  ['Z07:00', /^(?:Z|[+-]\d\d:\d\d)/],
];
const anyFraction = /^[.,]\d+/;

const daysIn = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate();

/** Checks as `time.Parse` does, part by part, and answers milliseconds and the digits after the point. */
const parseTime = (text: string, micro: boolean): { ms: number; fraction: string } => {
  const layout = micro ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
  const failed = (why: string): GoError => new GoError(`parsing time ${quote(text)}${why}`);
  const found: string[] = [];
  let fraction = '';
  let rest = text;
  for (const [name, pattern] of layoutParts) {
    if (name === '.000000' && !micro) {
      fraction = anyFraction.exec(rest)?.[0] ?? '';
      rest = rest.slice(fraction.length);
      continue;
    }
    const part = pattern.exec(rest)?.[0];
    if (part === undefined) throw failed(` as ${quote(layout)}: cannot parse ${quote(rest)} as ${quote(name)}`);
    if (name === '.000000') fraction = part;
    else found.push(part);
    rest = rest.slice(part.length);
  }
  if (rest) throw failed(`: extra text: ${quote(rest)}`);
  const [year = 0, , month = 0, , day = 0, , hour = 0, , minute = 0, , second = 0] = found.map(Number);
  if (month < 1 || month > 12) throw failed(': month out of range');
  if (day < 1 || day > daysIn(year, month)) throw failed(': day out of range');
  if (hour > 23) throw failed(': hour out of range');
  if (minute > 59) throw failed(': minute out of range');
  if (second > 59) throw failed(': second out of range');
  const zone = found.at(-1) ?? 'Z';
  const offset = zone === 'Z' ? 0 : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute - offset, second);
  return { ms: date.getTime(), fraction: fraction.slice(1) };
};

const seconds = (ms: number): string => new Date(ms).toISOString().slice(0, 19);
/** Midnight of January 1 of the year 1, Go's zero time. */
const year1 = new Date(0).setUTCFullYear(1, 0, 1);

/** `metav1.Time` as it is written again: UTC, whole seconds; null for the zero time. */
export const canonicalTime = (text: string): string | null => {
  if (plainTime.test(text) && Number(text.slice(8, 10)) <= 28 && !text.startsWith('0')) return text;
  const { ms } = parseTime(text, false);
  return ms === year1 ? null : `${seconds(ms)}Z`;
};

/** `metav1.MicroTime`: exactly six digits after the point. */
export const canonicalMicroTime = (text: string): string | null => {
  const { ms, fraction } = parseTime(text, true);
  return ms === year1 && /^0*$/.test(fraction) ? null : `${seconds(ms)}.${fraction}Z`;
};

const plainBase64 = /^[A-Za-z0-9+/]*={0,2}$/;
const base64Digit = /^[A-Za-z0-9+/]$/;

/** Base64 as Go writes it again, after Go's checks: line breaks are skipped, padding is due. */
export const canonicalBase64 = (text: string): string => {
  if (text.length % 4 === 0 && plainBase64.test(text)) {
    if (!text.endsWith('=')) return text;
    return text.slice(0, -4) + Buffer.from(text.slice(-4), 'base64').toString('base64');
  }
  const corrupt = (at: number): GoError => new GoError(`illegal base64 data at input byte ${at}`);
  let inGroup = 0;
  let padded = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? '';
    if (character === '\n' || character === '\r') continue;
    if (padded) throw corrupt(i);
    if (base64Digit.test(character)) {
      inGroup = (inGroup + 1) % 4;
      continue;
    }
    if (character !== '=' || inGroup < 2) throw corrupt(i);
    if (inGroup === 2) {
      do i++;
      while (text[i] === '\n' || text[i] === '\r');
      if (i >= text.length) throw corrupt(text.length);
      if (text[i] !== '=') throw corrupt(i);
    }
    padded = true;
    inGroup = 0;
  }
  if (inGroup > 0) throw corrupt(text.length - inGroup);
  return Buffer.from(text, 'base64').toString('base64');
};
