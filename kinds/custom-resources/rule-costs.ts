/** What the rules of a definition may cost together (apiextensions `pkg/apis/apiextensions/validation/{validation,cel_validation}.go`). */
import { forbidden, type Path } from '../field.ts';
import type { FieldError } from '../status.ts';
import type { SchemaProps } from './structural.ts';

const mostOfRule = 10_000_000;
const mostOfSchema = 100_000_000;
/** Of the rules that cost most, so many are told. */
const told = 4;

const excess = (name: string, cost: number, most: number): string => {
  const factor = cost / most;
  const shown = factor > 100 ? 'more than 100' : factor.toFixed(factor < 1.5 ? 6 : 1);
  return `${name} exceeds budget by factor of ${shown}x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
};

export class RuleCosts {
  #total = 0;
  #dearest: { readonly at: Path; readonly cost: number }[] = [];

  add(name: string, at: Path, cost: number): FieldError[] {
    this.#total += cost;
    if (cost >= mostOfSchema / 100) this.#dearest = [...this.#dearest, { at, cost }].sort((a, b) => b.cost - a.cost).slice(0, told);
    return cost > mostOfRule ? [forbidden(at, excess(`estimated ${name} cost`, cost, mostOfRule))] : [];
  }
  ofSchema(field: Path): FieldError[] {
    if (this.#total <= mostOfSchema) return [];
    const why = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
    const name = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
    return [...this.#dearest.map(({ at }) => forbidden(at, why)), forbidden(field, excess(name, this.#total, mostOfSchema))];
  }
}

/** How often the parts of a value may stand in it; undefined: nothing bounds it. */
export const mostParts = ({ type, additionalProperties, maxProperties, maxItems }: SchemaProps): number | undefined => {
  const given = type === 'array' ? maxItems : maxProperties;
  const counted = type === 'array' || (type === 'object' && additionalProperties !== undefined && additionalProperties !== null);
  if (!counted) return 1;
  return typeof given === 'number' ? Math.max(0, given) : undefined;
};
