/**
 * What Go's zero value of a kind looks like on the wire: the object a creation is compared with. It matters because a struct
 * held by value (`spec`, `template.metadata`) is there before anything is in it, so nobody comes to own it by creating it.
 * Custom resources begin with nothing.
 */
import type { Schema } from '../schema/schema.ts';
import { shapeOfDefinition } from '../schema/shape.ts';
import { zeroStruct } from '../schema/zero.ts';

const zeros = new WeakMap<Schema, Readonly<Record<string, unknown>>>();
export const zeroObject = (schema: Schema): Readonly<Record<string, unknown>> => {
  const known = zeros.get(schema);
  if (known) return known;
  const shape = shapeOfDefinition(schema.definition);
  const zero = shape?.struct ? zeroStruct(shape.struct) : {};
  zeros.set(schema, zero);
  return zero;
};

/** Its types come with this build and never change while objects of it exist. */
export const isBuiltIn = (schema: Schema): boolean => shapeOfDefinition(schema.definition) !== undefined;
