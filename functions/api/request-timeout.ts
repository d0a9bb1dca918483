/** The `timeout` of a request is checked before anything else is; what it asks for is never shorter than an answer takes. */
import { quote } from '../../kinds/field.ts';
import { badRequest } from '../../kinds/status.ts';
import type { RequestInfo } from './types.ts';

const units = new Set(['ns', 'us', 'µs', 'μs', 'ms', 's', 'm', 'h']);
const part = /(\d*\.?\d*)([^\d.]*)/y;

/** What Go's `time.ParseDuration` has against a text; undefined: nothing. */
export const durationProblem = (text: string): string | undefined => {
  const unsigned = text.replace(/^[+-]/, '');
  if (unsigned === '0') return undefined;
  const invalid = `time: invalid duration ${quote(text)}`;
  if (unsigned === '') return invalid;
  part.lastIndex = 0;
  while (part.lastIndex < unsigned.length) {
    const [, number = '', unit = ''] = part.exec(unsigned) ?? [];
    if (!/\d/.test(number)) return invalid;
    if (unit === '') return `time: missing unit in duration ${quote(text)}`;
    if (!units.has(unit)) return `time: unknown unit ${quote(unit)} in duration ${quote(text)}`;
  }
  return undefined;
};

/** Watches last as long as they say elsewhere. */
export const checkTimeout = ({ query, verb }: RequestInfo): void => {
  const text = query.size > 0 && verb !== 'watch' ? query.get('timeout') : undefined;
  const problem = text ? durationProblem(text) : undefined;
  if (problem !== undefined) throw badRequest(`invalid timeout specified in the request URL - ${problem}`);
};
