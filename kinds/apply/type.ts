/**
 * What a schema means to those who merge and own: which values are leaves, which lists are keyed and by what. Derived from a
 * `Schema` once and kept. Rules: kube-openapi `pkg/schemaconv`, structured-merge-diff `schema/elements.go`.
 */
import type { Schema } from '../schema/schema.ts';
import { fieldElement, keyElement, valueElement } from './path-element.ts';

/** A value that does not fit its type; the message is upstream's. */
export class TypeMismatch extends Error {
  override readonly name = 'TypeMismatch';
}

export type Scalar = 'numeric' | 'string' | 'boolean' | 'untyped';

/** A type may allow several forms; a value decides which of them applies. */
export interface Type {
  readonly scalar?: Scalar;
  readonly list?: ListType;
  readonly map?: MapType;
}

export interface Member {
  /** The field's path element. */
  readonly element: string;
  /** Undefined: the schema does not know the field. */
  readonly type: Type | undefined;
  /** A field of a struct, rather than an entry of a map. */
  readonly declared: boolean;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

export class MapType {
  readonly atomic: boolean;
  readonly #schema: Schema;
  readonly #open: boolean;
  #members: Map<string, Member> | undefined;
  #values: Type | undefined;

  constructor(schema: Schema, open: boolean) {
    this.atomic = schema.mapType === 'atomic';
    this.#schema = schema;
    this.#open = open;
  }

  /** What undeclared fields are. */
  get values(): Type | undefined {
    const { additionalProperties, properties } = this.#schema;
    if (this.#values) return this.#values;
    if (additionalProperties) this.#values = typeOf(additionalProperties, this.#open);
    else if (this.#open || !properties?.size) this.#values = deduced;
    return this.#values;
  }

  /** A field that the schema names. */
  field(name: string): Member | undefined {
    this.#members ??= new Map();
    const known = this.#members.get(name);
    if (known) return known;
    const schema = this.#schema.properties?.get(name);
    if (!schema) return undefined;
    const member: Member = { element: fieldElement(name), type: typeOf(schema, this.#open), declared: true };
    this.#members.set(name, member);
    return member;
  }

  member(name: string): Member {
    return this.field(name) ?? { element: fieldElement(name), type: this.values, declared: false };
  }

  /** Only for entries of a deduced map, which has no schema. */
  defaultOf(name: string): unknown {
    return this.#schema.properties?.get(name)?.default;
  }
}

export class ListType {
  /** Keyed lists and sets; others are leaves. */
  readonly associative: boolean;
  /** In the order of their names; none in a set. */
  readonly keys: readonly string[];
  readonly #schema: Schema;
  readonly #open: boolean;
  #item: Type | undefined;

  constructor(schema: Schema, open: boolean) {
    const { listType, listMapKeys, patchStrategy, patchMergeKey } = schema;
    const merges = listType === undefined && patchStrategy?.includes('merge') === true;
    this.associative = listType === 'map' || listType === 'set' || merges;
    this.keys = listType === 'map' ? [...(listMapKeys ?? [])].sort() : merges && patchMergeKey ? [patchMergeKey] : [];
    this.#schema = schema;
    this.#open = open;
  }

  get item(): Type {
    this.#item ??= this.#schema.items ? typeOf(this.#schema.items, this.#open) : untyped;
    return this.#item;
  }

  /** The path element of an item. Throws `TypeMismatch` for one that has none. */
  elementOf(item: unknown): string {
    if (this.keys.length === 0) {
      if (isObject(item)) throw new TypeMismatch("associative list without keys has an element that's a map type");
      if (Array.isArray(item)) throw new TypeMismatch('not supported: associative list with lists as elements');
      if (item === null) throw new TypeMismatch("associative list without keys has an element that's an explicit null");
      return valueElement(item);
    }
    if (item === null) throw new TypeMismatch('associative list with keys may not have a null element');
    if (!isObject(item)) throw new TypeMismatch('associative list with keys may not have non-map elements');
    const key: [string, unknown][] = [];
    for (const name of this.keys) {
      const value = Object.hasOwn(item, name) ? item[name] : this.item.map?.defaultOf(name);
      if (value !== undefined) key.push([name, value]);
    }
    if (key.length === 0) {
      const names = this.keys.map(name => JSON.stringify(name)).join(' ');
      throw new TypeMismatch(
        `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
      );
    }
    return keyElement(key);
  }
}

/** Anything, owned as one. */
const untyped: Type = { scalar: 'untyped', list: new ListType({}, false), map: new MapType({ mapType: 'atomic' }, false) };
/** Anything; of objects each field on its own. */
export const deduced: Type = { scalar: 'untyped', list: new ListType({}, false), map: new MapType({}, false) };

const rawExtension = 'io.k8s.apimachinery.pkg.runtime.RawExtension';

const derive = (schema: Schema, open: boolean): Type => {
  if (schema.definition === rawExtension) return untyped;
  if (schema.intOrString) return { scalar: 'untyped' };
  switch (schema.type) {
    case 'object':
      return { map: new MapType(schema, open) };
    case 'array':
      return { list: new ListType(schema, open) };
    case 'integer':
    case 'number':
      return { scalar: 'numeric' };
    case 'boolean':
      return { scalar: 'boolean' };
    case 'string':
      return { scalar: schema.format === undefined || schema.format === '' || schema.format === 'byte' ? 'string' : 'untyped' };
    default:
      return schema.properties || schema.items || schema.additionalProperties
        ? { scalar: 'untyped', list: new ListType(schema, open), map: new MapType(schema, open) }
        : deduced;
  }
};

const closedTypes = new WeakMap<Schema, Type>();
const openTypes = new WeakMap<Schema, Type>();
/** `open`: something above keeps unknown fields, and so does everything below it. */
export const typeOf = (schema: Schema, open = false): Type => {
  const opens = open || schema.preserveUnknownFields === true;
  const types = opens ? openTypes : closedTypes;
  const known = types.get(schema);
  if (known) return known;
  const type = derive(schema, opens);
  types.set(schema, type);
  return type;
};

export type Form = 'map' | 'list' | 'scalar';
/** The form of its type that a value takes. Null, absent and unfit values take the first that the type allows. */
export const formOf = (type: Type, value: unknown): Form => {
  if (value !== null && value !== undefined) {
    if (Array.isArray(value)) {
      if (type.list) return 'list';
    } else if (typeof value === 'object') {
      if (type.map) return 'map';
    } else if (type.scalar) return 'scalar';
  }
  return type.map ? 'map' : type.scalar ? 'scalar' : 'list';
};

export const asObject = (value: unknown): Readonly<Record<string, unknown>> | undefined => (isObject(value) ? value : undefined);
export const asList = (value: unknown): readonly unknown[] | undefined => (Array.isArray(value) ? value : undefined);

export const hasNoFields = (fields: object): boolean => {
  for (const _ in fields) return false;
  return true;
};
