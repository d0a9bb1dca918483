/** The functions that Kubernetes adds to CEL (apiserver `pkg/cel/library`). What they give that CEL has no type for is a map with one marked key. */
import type { CelFunc, CelInput, CelMap, CelValue } from '@bufbuild/cel';
import { addresses } from './library/addresses.ts';
import { authorization } from './library/authorization.ts';
import { lists } from './library/lists.ts';
import { loops } from './library/loops.ts';
import { namedFormats } from './library/named-formats.ts';
import { optionals } from './library/optionals.ts';
import { patterns } from './library/patterns.ts';
import { quantities } from './library/quantities.ts';
import { urls } from './library/urls.ts';
import { versions } from './library/versions.ts';
import type { Evaluator } from './load.ts';

/** Functions are declared by name and types of arguments; `target` undefined: not a method. */
export type Implementation = (target: CelValue, ...args: readonly CelValue[]) => CelInput;
export interface Declare {
  func(name: string, arity: number, call: (...args: readonly CelValue[]) => CelInput): void;
  method(name: string, target: 'string' | 'list' | 'map' | 'dyn', arity: number, call: Implementation): void;
}

/** A value of a type of its own. Equal ones have equal texts. */
const marker = '\u0000';
export const opaque = (kind: string, text: string): CelInput => new Map([[marker + kind, text]]) as CelInput;
export const textOf = (kind: string, value: CelValue): string => {
  const text = typeof value === 'object' && value !== null && 'get' in value ? (value as CelMap).get(marker + kind) : undefined;
  if (typeof text !== 'string') throw new Error('no such overload');
  return text;
};
export const isOpaque = (kind: string, value: CelValue): boolean =>
  typeof value === 'object' && value !== null && 'get' in value && typeof (value as CelMap).get(marker + kind) === 'string';
export const stringOf = (value: CelValue): string => {
  if (typeof value !== 'string') throw new Error('no such overload');
  return value;
};

export const library = ({ cel, strings }: Evaluator): CelFunc[] => {
  const { CelScalar, celFunc, celMethod, listType, mapType } = cel;
  const targets = {
    string: CelScalar.STRING,
    list: listType(CelScalar.DYN),
    map: mapType(CelScalar.DYN, CelScalar.DYN),
    dyn: CelScalar.DYN,
  } as const;
  const funcs: CelFunc[] = [...strings];
  const dyns = (arity: number) => Array.from({ length: arity }, () => CelScalar.DYN);
  const declare: Declare = {
    func(name, arity, call) {
      funcs.push(celFunc(name, dyns(arity), CelScalar.DYN, (...args: CelValue[]) => call(...args)));
    },
    method(name, target, arity, call) {
      funcs.push(
        celMethod(name, targets[target], dyns(arity), CelScalar.DYN, function (this: CelValue, ...args: CelValue[]) {
          return call(this, ...args);
        }),
      );
    },
  };
  for (const part of [addresses, authorization, lists, loops, namedFormats, optionals, patterns, quantities, urls, versions])
    part(declare, cel);
  return funcs;
};
