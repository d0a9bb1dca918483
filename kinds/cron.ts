/** Cron schedules in the dialect of `github.com/robfig/cron`, whose texts clients see in refusals. */
import { quote } from './field.ts';

export class CronError extends Error {
  override readonly name = 'CronError';
}

interface Bounds {
  readonly low: number;
  readonly high: number;
  readonly names?: ReadonlyMap<string, number>;
}
const numbered = (names: string, first: number) => new Map(names.split(' ').map((name, i) => [name, first + i]));
const bounds = {
  minute: { low: 0, high: 59 },
  hour: { low: 0, high: 23 },
  dayOfMonth: { low: 1, high: 31 },
  month: { low: 1, high: 12, names: numbered('jan feb mar apr may jun jul aug sep oct nov dec', 1) },
  dayOfWeek: { low: 0, high: 6, names: numbered('sun mon tue wed thu fri sat', 0) },
} as const satisfies Record<string, Bounds>;
type Part = keyof typeof bounds;
const parts = Object.keys(bounds) as Part[];

/** The values one field admits. `any`: it was `*`, which matters for how the two day fields combine. */
export interface CronField {
  readonly values: ReadonlySet<number>;
  readonly any: boolean;
}
export type Schedule = { readonly every: number } | Readonly<Record<Part, CronField>>;

const readInteger = (text: string): number => {
  const value = Number(text);
  if (!/^[+-]?[0-9]+$/.test(text))
    throw new CronError(`failed to parse int from ${text}: strconv.Atoi: parsing ${quote(text)}: invalid syntax`);
  if (!Number.isSafeInteger(value))
    throw new CronError(`failed to parse int from ${text}: strconv.Atoi: parsing ${quote(text)}: value out of range`);
  if (value < 0) throw new CronError(`negative number (${value}) not allowed: ${text}`);
  return value;
};
const readValue = (text: string, { names }: Bounds): number => names?.get(text.toLowerCase()) ?? readInteger(text);

const readRange = (text: string, limits: Bounds): { from: number; to: number; step: number; any: boolean } => {
  const [range = '', stepText, ...moreSteps] = text.split('/');
  const [first = '', last, ...moreEnds] = range.split('-');
  const star = first === '*' || first === '?';
  let from = limits.low;
  let to = limits.high;
  if (!star) {
    from = readValue(first, limits);
    if (moreEnds.length) throw new CronError(`too many hyphens: ${text}`);
    to = last === undefined ? from : readValue(last, limits);
  }
  if (moreSteps.length) throw new CronError(`too many slashes: ${text}`);
  const step = stepText === undefined ? 1 : readInteger(stepText);
  if (stepText !== undefined && last === undefined) to = limits.high;
  if (from < limits.low) throw new CronError(`beginning of range (${from}) below minimum (${limits.low}): ${text}`);
  if (to > limits.high) throw new CronError(`end of range (${to}) above maximum (${limits.high}): ${text}`);
  if (from > to) throw new CronError(`beginning of range (${from}) beyond end of range (${to}): ${text}`);
  if (step === 0) throw new CronError(`step of range should be a positive number: ${text}`);
  return { from, to, step, any: star && step === 1 };
};
const readField = (text: string, limits: Bounds): CronField => {
  const values = new Set<number>();
  let any = false;
  for (const expression of text.split(',')) {
    if (!expression) continue;
    const range = readRange(expression, limits);
    any ||= range.any;
    for (let value = range.from; value <= range.to; value += range.step) values.add(value);
  }
  return { values, any };
};

const named: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const durationPart = /([0-9]*\.?[0-9]*)(ns|us|µs|μs|ms|s|m|h)/y;
/** A Go duration in ms. */
const readDuration = (text: string): number => {
  const fail = () => new CronError(`failed to parse duration @every ${text}: time: invalid duration ${quote(text)}`);
  const unsigned = /^[+-]/.test(text) ? text.slice(1) : text;
  if (unsigned === '0') return 0;
  let total = 0;
  durationPart.lastIndex = 0;
  if (!unsigned) throw fail();
  while (durationPart.lastIndex < unsigned.length) {
    const [, number = '', unit = ''] = durationPart.exec(unsigned) ?? [];
    if (!/[0-9]/.test(number)) throw fail();
    total += Number(number) * (units[unit] ?? 0);
  }
  return text.startsWith('-') ? -total : total;
};

/** Five fields, or a name like `@daily` or `@every 1h30m`. Throws `CronError`. A time zone in front is only looked over. */
export const parseCron = (text: string): Schedule => {
  if (!text) throw new CronError('empty spec string');
  let spec = text;
  if (/^(?:CRON_)?TZ=/.test(spec)) {
    const space = spec.indexOf(' ');
    if (space < 0) throw new CronError('invalid schedule format: runtime error: slice bounds out of range [:-1]');
    spec = spec.slice(space).trim();
  }
  if (spec.startsWith('@every ')) return { every: Math.max(1000, readDuration(spec.slice('@every '.length))) };
  if (spec.startsWith('@')) {
    const known = Object.hasOwn(named, spec) ? named[spec] : undefined;
    if (!known) throw new CronError(`unrecognized descriptor: ${spec}`);
    spec = known;
  }
  const fields = spec.split(/\s+/).filter(Boolean);
  if (fields.length !== 5) throw new CronError(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  return Object.fromEntries(parts.map((part, i) => [part, readField(fields[i] ?? '', bounds[part])])) as unknown as Schedule;
};
/** Why `text` is no schedule; undefined where it is one. */
export const cronProblem = (text: string): string | undefined => {
  try {
    parseCron(text);
    return undefined;
  } catch (error) {
    if (error instanceof CronError) return error.message;
    throw error;
  }
};
