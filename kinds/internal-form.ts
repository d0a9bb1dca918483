/**
 * Objects as upstream's internal types write themselves. Error texts that repeat a whole struct show these: fields in the order
 * of their declaration, under the names they have in Go, those not set included.
 */
import { readInternalTypes } from './schema/data.ts';
import { emptyAsGiven } from './schema/given.ts';
import type { Shape } from './schema/shape.ts';
import { shapeOfDefinition } from './schema/shape.ts';
import { zeroOf } from './schema/zero.ts';

type Members = Readonly<Record<string, unknown>>;

/** One field of an internal type. */
interface Field {
  readonly name: string;
  /** Where it stands in the served form. */
  readonly from: string;
  /** That of the struct around this one: a few fields live one level deeper in Go. */
  readonly outside: boolean;
  /** Null when not set (pointers, lists, maps). */
  readonly nullable: boolean;
  readonly omitEmpty: boolean;
  /** Embedded: its own fields stand in its place. */
  readonly embedded: boolean;
}

/** `?` left out when empty, `*` null when not set, `+` embedded; `=` the served name, where it is not the Go name in camel case; `^` of the struct around. */
const readField = (text: string): Field => {
  const [, marks = '', name = '', served] = /^([?*+]*)([^=]*)(?:=(.*))?$/.exec(text) ?? [];
  const embedded = marks.includes('+');
  const from = served ?? (embedded ? name : name.slice(0, 1).toLowerCase() + name.slice(1));
  return {
    name,
    from: from.replace('^', ''),
    outside: from.startsWith('^'),
    nullable: marks.includes('*'),
    omitEmpty: marks.includes('?'),
    embedded,
  };
};

let types: Readonly<Record<string, readonly string[]>> | undefined;
const read = new Map<string, readonly Field[] | undefined>();
const fieldsOf = (definition: string): readonly Field[] | undefined => {
  if (!read.has(definition)) {
    types ??= readInternalTypes();
    read.set(definition, Object.hasOwn(types, definition) ? types[definition]?.map(readField) : undefined);
  }
  return read.get(definition);
};

const isMembers = (value: unknown): value is Members => typeof value === 'object' && value !== null && !Array.isArray(value);
const sorted = (value: Members): Members =>
  Object.fromEntries(
    Object.keys(value)
      .sort()
      .map(key => [key, value[key]]),
  );

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  value === 0 ||
  value === false ||
  (Array.isArray(value) && value.length === 0) ||
  (isMembers(value) && Object.keys(value).length === 0);

const write = (shape: Shape | undefined, value: unknown, around: Members): unknown => {
  if (Array.isArray(value)) return value.map(item => write(shape?.item, item, around));
  if (!isMembers(value)) return value;
  if (shape?.kind === 'map') {
    const made: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(sorted(value))) made[key] = write(shape.item, item, around);
    return made;
  }
  const fields = shape?.struct && fieldsOf(shape.struct.definition);
  return fields ? writeFields(shape, fields, value, around) : value;
};

const writeFields = (shape: Shape, fields: readonly Field[], value: Members, around: Members): Members => {
  const made: Record<string, unknown> = {};
  for (const field of fields) {
    const { name, from, nullable } = field;
    const declared = shape.struct?.fields.get(from)?.shape;
    const given = (field.outside ? around : value)[from];
    if (field.embedded) Object.assign(made, write(declared, given ?? {}, value));
    else if (field.omitEmpty && isEmpty(given)) continue;
    else if (given !== undefined && given !== null) made[name] = write(declared, given, value);
    else if (nullable) made[name] = emptyAsGiven(value, from) ?? null;
    else if (declared?.kind === 'struct') made[name] = write(declared, {}, value);
    else made[name] = declared ? zeroOf(declared) : false;
  }
  return made;
};

/** Of a value of the definition `name`, in full or without `io.k8s.api.` (`resource.v1.ResourceClaimSpec`), or of a list of such. */
export const internalForm = (name: string, value: unknown): unknown => {
  const shape = shapeOfDefinition(name.startsWith('io.k8s.') ? name : `io.k8s.api.${name}`);
  return Array.isArray(value) ? value.map(item => write(shape, item, {})) : write(shape, value, {});
};
