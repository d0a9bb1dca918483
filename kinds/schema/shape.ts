/**
 * What Go type a value of a built-in kind is read into. Beside the schema, because Go's types decide what OpenAPI does not
 * say: error texts, the range of integers, and what becomes of zero values. Built per definition when first used.
 */
import type { CompiledField, CompiledNode } from './compiled.ts';
import { compiledDefinition } from './data.ts';

export type ShapeKind =
  | 'struct'
  | 'list'
  | 'map'
  | 'string'
  | 'boolean'
  | 'integer'
  | 'float'
  | 'bytes'
  | 'quantity'
  | 'time'
  | 'micro-time'
  | 'int-or-string'
  | 'raw'
  | 'schema-or-bool'
  | 'schema-or-list'
  | 'schema-or-strings';

export interface Shape {
  readonly kind: ShapeKind;
  /** The Go type as error texts name it: `int32`, `[]v1.Container`. */
  readonly go: string;
  /** Items of a list, values of a map. */
  readonly item?: Shape;
  readonly struct?: Struct;
  /** Bounds of an integer. */
  readonly lowest?: number;
  readonly highest?: number;
}

export interface StructField {
  readonly name: string;
  /** Struct that declares the field, in error texts. */
  readonly owner: string;
  /** Embedded structs on the way to it, outermost first; Go's error texts count them in. */
  readonly through: readonly string[];
  readonly shape: Shape;
  /** A zero value is not written (`omitempty` on a value type). */
  readonly dropZero: boolean;
  /** Written even when it is not set: a zero value, or null. */
  readonly fill: boolean;
  readonly fillNull: boolean;
}

const intBounds: Record<string, [number, number]> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  uint8: [0, 2 ** 8 - 1],
  uint16: [0, 2 ** 16 - 1],
  uint32: [0, 2 ** 32 - 1],
};
const int64Bounds: [number, number] = [-(2 ** 63), 2 ** 63 - 1024];

const scalarDefinitions: Record<string, ShapeKind> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'micro-time',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'int-or-string',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': 'raw',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': 'raw',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'raw',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': 'raw',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': 'schema-or-bool',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': 'schema-or-list',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': 'schema-or-strings',
};
/** Kinds that Go holds in structs: never empty to `omitempty`, whatever they hold. */
const structLike: ReadonlySet<ShapeKind> = new Set([
  'struct',
  'quantity',
  'time',
  'micro-time',
  'int-or-string',
  'raw',
  'schema-or-bool',
  'schema-or-list',
  'schema-or-strings',
]);

export class Struct {
  readonly definition: string;
  readonly name: string;
  readonly #fields: Readonly<Record<string, CompiledField>>;
  #byName: ReadonlyMap<string, StructField> | undefined;
  #filled: readonly StructField[] | undefined;

  constructor(definition: string, fields: Readonly<Record<string, CompiledField>>) {
    this.definition = definition;
    this.name = definition.slice(definition.lastIndexOf('.') + 1);
    this.#fields = fields;
  }

  get fields(): ReadonlyMap<string, StructField> {
    this.#byName ??= new Map(Object.entries(this.#fields).map(([name, field]) => [name, toField(this.name, name, field)]));
    return this.#byName;
  }

  /** The fields that are written whether set or not. */
  get filled(): readonly StructField[] {
    this.#filled ??= [...this.fields.values()].filter(field => field.fill);
    return this.#filled;
  }
}

const pointee = (go: string): string => (go.startsWith('*') ? go.slice(1) : go);

const toField = (owner: string, name: string, field: CompiledField): StructField => {
  const [declared = '', ...through] = field.g.split(' in ');
  const [type = '', ...flags] = declared.split(',');
  const pointer = type.startsWith('*');
  const shape = shapeOf(field, pointee(type));
  const omitempty = flags.includes('omitempty');
  const asStruct = !pointer && structLike.has(shape.kind);
  return {
    name,
    owner,
    through: through.reverse(),
    shape,
    dropZero: (omitempty && !pointer && !asStruct) || flags.includes('omitzero'),
    fill: !flags.includes('omitzero') && (!omitempty || asStruct),
    fillNull: pointer || shape.kind === 'list' || shape.kind === 'map' || shape.kind === 'bytes',
  };
};

const structs = new Map<string, Struct>();
export const structOf = (definition: string): Struct | undefined => {
  const known = structs.get(definition);
  if (known) return known;
  const fields = compiledDefinition(definition)?.p ?? (scalarDefinitions[definition] ? undefined : {});
  if (!fields || !compiledDefinition(definition)) return undefined;
  const struct = new Struct(definition, fields);
  structs.set(definition, struct);
  return struct;
};

const raw: Shape = { kind: 'raw', go: 'interface {}' };
const shared = new Map<string, Shape>();

/** `go` without pointer and flags; of named lists and maps it holds the name and what they are (`Name=[]Item`). */
const shapeOf = (node: CompiledNode, go: string): Shape => {
  const [name = '', made = name] = go.split('=');
  if (node.t === 'array' && node.i) return { kind: 'list', go: name, item: shapeOf(node.i, pointee(made.slice(2))) };
  if (node.t === 'object' && node.v) return { kind: 'map', go: name, item: shapeOf(node.v, pointee(made.slice(made.indexOf(']') + 1))) };
  const key = `${node.r ?? node.t} ${node.f === 'byte'} ${name}`;
  const known = shared.get(key);
  if (known) return known;
  const shape = leafOf(node, name);
  shared.set(key, shape);
  return shape;
};

const leafOf = (node: CompiledNode, go: string): Shape => {
  if (go === 'v1.JSONSchemaPropsOrStringArray') return { kind: 'schema-or-strings', go };
  if (node.r) {
    const kind = scalarDefinitions[node.r];
    if (kind) return { kind, go };
    const struct = structOf(node.r);
    return struct ? { kind: 'struct', go, struct } : raw;
  }
  if (node.t === 'string') return { kind: node.f === 'byte' ? 'bytes' : 'string', go };
  if (node.t === 'boolean') return { kind: 'boolean', go };
  if (node.t === 'number') return { kind: 'float', go };
  if (node.t === 'integer') {
    const [lowest, highest] = intBounds[node.f === 'int32' ? 'int32' : go] ?? int64Bounds;
    return { kind: 'integer', go, lowest, highest };
  }
  return raw;
};

const roots = new Map<string, Shape | undefined>();
/** The shape of a built-in definition; undefined for anything else (CustomResourceDefinitions). */
export const shapeOfDefinition = (definition: string | undefined): Shape | undefined => {
  if (definition === undefined) return undefined;
  if (!roots.has(definition)) {
    if (!compiledDefinition(definition)) return undefined;
    roots.set(definition, shapeOf({ r: definition }, definition.split('.').slice(-2).join('.')));
  }
  return roots.get(definition);
};
