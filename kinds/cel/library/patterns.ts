import type { CelInput } from '@bufbuild/cel';
import { RE2JS } from 're2js';
import { type Declare, stringOf } from '../library.ts';

const all = (text: string, pattern: string, limit: number): string[] => {
  const matcher = RE2JS.compile(pattern).matcher(text);
  const found: string[] = [];
  while (found.length < limit && matcher.find()) found.push(matcher.group() ?? '');
  return found;
};

export const patterns = ({ func, method }: Declare): void => {
  // In paths of JSON patches.
  func('jsonpatch.escapeKey', 1, (key = null) => stringOf(key).replaceAll('~', '~0').replaceAll('/', '~1'));
  method('find', 'string', 1, (target, pattern = null) => all(stringOf(target), stringOf(pattern), 1)[0] ?? '');
  method(
    'findAll',
    'string',
    1,
    (target, pattern = null) => all(stringOf(target), stringOf(pattern), Number.POSITIVE_INFINITY) as CelInput,
  );
  method('findAll', 'string', 2, (target, pattern = null, limit = -1n) => {
    const most = Number(limit);
    return all(stringOf(target), stringOf(pattern), most < 0 ? Number.POSITIVE_INFINITY : most) as CelInput;
  });
};
