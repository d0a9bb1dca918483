/**
 * What storing changes. Upstream stores built-in kinds in protobuf, which cannot tell an empty list or map from none: those that
 * are written even when not set come back as null, also from a dry run, which goes the same way but for the last step.
 */
import type { Shape, Struct } from './shape.ts';
import { shapeOfDefinition } from './shape.ts';

/** The fields of a struct that may change, and those that lead to such. */
interface Plan {
  readonly emptied: readonly string[];
  readonly below: readonly (readonly [string, Shape])[];
}

const plans = new Map<Struct, Plan>();
const nothing: Plan = { emptied: [], below: [] };

const structIn = (shape: Shape): Struct | undefined => (shape.item ? structIn(shape.item) : shape.struct);

const isEmptied = ({ fill, fillNull, shape }: { fill: boolean; fillNull: boolean; shape: Shape }): boolean =>
  fill && fillNull && (shape.kind === 'list' || shape.kind === 'map');

/** A cycle met half-way must not be remembered as leading nowhere, so each search begins afresh. */
const leads = (shape: Shape, seen = new Set<Struct>()): boolean => {
  const struct = structIn(shape);
  if (!struct || seen.has(struct)) return false;
  seen.add(struct);
  for (const field of struct.fields.values()) if (isEmptied(field) || leads(field.shape, seen)) return true;
  return false;
};

const planOf = (struct: Struct): Plan => {
  let plan = plans.get(struct);
  if (!plan) {
    const emptied: string[] = [];
    const below: [string, Shape][] = [];
    for (const field of struct.fields.values()) {
      if (isEmptied(field)) emptied.push(field.name);
      if (leads(field.shape)) below.push([field.name, field.shape]);
    }
    plan = emptied.length + below.length > 0 ? { emptied, below } : nothing;
    plans.set(struct, plan);
  }
  return plan;
};

const isEmpty = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
};

const walk = (shape: Shape, value: unknown): void => {
  if (typeof value !== 'object' || value === null) return;
  if (shape.item) {
    const { item } = shape;
    for (const one of Array.isArray(value) ? value : Object.values(value)) walk(item, one);
  } else if (shape.struct) {
    const members = value as Record<string, unknown>;
    const { emptied, below } = planOf(shape.struct);
    for (const name of emptied) if (isEmpty(members[name])) members[name] = null;
    for (const [name, inner] of below) if (Object.hasOwn(members, name)) walk(inner, members[name]);
  }
};

/** Changes `object` in place; `definition` is that of its kind. Objects of other kinds than the built-in ones stay as they are. */
export const settle = (definition: string | undefined, object: object): void => {
  const shape = shapeOfDefinition(definition);
  if (shape) walk(shape, object);
};
