/** Go's zero values on the wire. */
import type { Json, JsonObject } from '../object.ts';
import type { Shape, Struct } from './shape.ts';

/** What a field that is not set is written as. */
export const zeroOf = (shape: Shape): Json => {
  switch (shape.kind) {
    case 'struct':
      return shape.struct ? zeroStruct(shape.struct) : {};
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'integer':
    case 'float':
    case 'int-or-string':
      return 0;
    case 'quantity':
      return '0';
    case 'schema-or-bool':
      return false;
    default:
      return null;
  }
};
/** A struct held by value, with what Go writes of it although nothing is set. */
export const zeroStruct = (struct: Struct): JsonObject => {
  const object: JsonObject = {};
  for (const field of struct.filled) object[field.name] = field.fillNull ? null : zeroOf(field.shape);
  return object;
};
