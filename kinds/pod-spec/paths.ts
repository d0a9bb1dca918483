/** Rules for paths inside volumes. */
import { invalid, type Path } from '../field.ts';
import { rangeText } from '../metadata.ts';
import type { Errors } from './check.ts';

const backstep = /(?:^|\/)\.\.(?:\/|$)/;
export const hasBackstep = (path: string): boolean => path.includes('..') && backstep.test(path);
export const checkNoBacksteps = (value: string, path: Path, errors: Errors): void => {
  if (hasBackstep(value)) errors.push(invalid(path, value, "must not contain '..'"));
};
export const checkDescendingPath = (value: string, path: Path, errors: Errors): void => {
  if (value.startsWith('/')) errors.push(invalid(path, value, 'must be a relative path'));
  checkNoBacksteps(value, path, errors);
};
/** Names that begin with two dots are the kubelet's own, for the atomic swap of a volume's files. */
export const checkFilePath = (value: string, path: Path, errors: Errors): void => {
  checkDescendingPath(value, path, errors);
  if (value.startsWith('..') && !value.startsWith('../')) errors.push(invalid(path, value, "must not start with '..'"));
};
export const checkMode = (mode: number | undefined, path: Path, errors: Errors): void => {
  if (mode !== undefined && (mode < 0 || mode > 0o777))
    errors.push(invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive'));
};
export const checkRange = (value: number | undefined, low: number, high: number, path: Path, errors: Errors): void => {
  if (value !== undefined && (value < low || value > high)) errors.push(invalid(path, value, rangeText(low, high)));
};
