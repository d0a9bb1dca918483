/**
 * The compiled tables at run time. The file is parsed once, when first asked for; each definition becomes a `Schema` when
 * something first looks at it, so that a process pays for the kinds it touches.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { KubeObject } from '../object.ts';
import type { CompiledDefinition, CompiledDescriptions, CompiledKinds, CompiledMessages, CompiledNode } from './compiled.ts';
import type { Schema } from './schema.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Beside the bundle in `dist/`, or there as seen from the sources. */
const load = <T>(name: string): T => {
  for (const place of [`./${name}`, `../../dist/${name}`]) {
    const path = fileURLToPath(new URL(place, import.meta.url));
    if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'));
  }
  throw new Error(`${name} has not been built: run \`node build.mjs --schemas\``);
};

let kindsFile: CompiledKinds | undefined;
export const compiledKinds = (): CompiledKinds => {
  kindsFile ??= load<CompiledKinds>('kinds.json');
  return kindsFile;
};

/** Not kept: whoever builds an OpenAPI document keeps that, or its bytes. */
export const readDescriptions = (): CompiledDescriptions => load('descriptions.json');

/** Not kept here: the codec, which alone asks, keeps it. */
export const readMessages = (): CompiledMessages => load('protobuf.json');

/** Not kept here either: only error texts ask. */
export const readInternalTypes = (): Readonly<Record<string, readonly string[]>> => load('internal-types.json');

/** The objects that a fresh cluster starts with; `*` stands for what differs between clusters. */
export const bootstrapObjects = (): readonly KubeObject[] => compiledKinds().bootstrap;

export const compiledDefinition = (name: string): CompiledDefinition | undefined => {
  const { definitions } = compiledKinds();
  return Object.hasOwn(definitions, name) ? definitions[name] : undefined;
};

/** What the scalars and free-form types of the machinery are, to those who merge and validate. */
const special: Record<string, Schema> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { type: 'string', format: 'quantity' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': { type: 'string', format: 'date-time' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': { type: 'string', format: 'date-time' },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { intOrString: true, format: 'int-or-string' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': { type: 'object', preserveUnknownFields: true },
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': { type: 'object', preserveUnknownFields: true },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': { type: 'object', preserveUnknownFields: true },
};
const anyJson: Schema = { preserveUnknownFields: true };

const schemas = new Map<string, Schema>();

/** Replaces itself by its value when first read; an own property, so copies of the schema have it too. */
const lazily = (target: object, key: keyof Schema, compute: () => unknown): void => {
  Object.defineProperty(target, key, {
    configurable: true,
    enumerable: true,
    get() {
      const value = compute();
      Object.defineProperty(target, key, { value, enumerable: true, configurable: true });
      return value;
    },
  });
};

const extend = (schema: Mutable<Schema>, node: CompiledNode): void => {
  if (node.e) schema.enum = node.e;
  if (node.d !== undefined) schema.default = node.d;
  if (node.lt) schema.listType = node.lt;
  if (node.lk) schema.listMapKeys = node.lk;
  if (node.mt) schema.mapType = node.mt;
  if (node.ps) schema.patchStrategy = node.ps as NonNullable<Schema['patchStrategy']>;
  if (node.pk) schema.patchMergeKey = node.pk;
};

const scalars = new Map<string, Schema>();
const fromNode = (node: CompiledNode): Schema => {
  const { t, f, r, i, v, e, d, lt, mt, ps, pk } = node;
  const plain = e === undefined && d === undefined && !lt && !mt && !ps && !pk;
  if (r) {
    const target = definition(r) ?? anyJson;
    if (plain) return target;
    const schema: Mutable<Schema> = {};
    for (const key of Object.keys(target) as (keyof Schema)[]) {
      if (key === 'properties') lazily(schema, key, () => target.properties);
      else Object.assign(schema, { [key]: target[key] });
    }
    extend(schema, node);
    return schema;
  }
  if (!t) return anyJson;
  const schema: Mutable<Schema> = { type: t };
  if (f) schema.format = f;
  if (i) lazily(schema, 'items', () => fromNode(i));
  if (v) lazily(schema, 'additionalProperties', () => fromNode(v));
  if (t === 'object' && !v) schema.preserveUnknownFields = true;
  if (plain && !i && !v) {
    const key = `${t} ${f}`;
    const shared = scalars.get(key) ?? schema;
    scalars.set(key, shared);
    return shared;
  }
  extend(schema, node);
  return schema;
};

/** The schema of a built-in definition, e.g. `io.k8s.api.apps.v1.DeploymentSpec`. Always the same object. */
export const definition = (name: string): Schema | undefined => {
  const known = schemas.get(name);
  if (known) return known;
  const compiled = compiledDefinition(name);
  if (!compiled) return undefined;
  const { p, q, mt } = compiled;
  const base: Mutable<Schema> = { definition: name };
  if (!p) Object.assign(base, special[name] ?? (compiled.t ? { type: compiled.t, properties: new Map() } : anyJson));
  else {
    base.type = 'object';
    if (q) base.required = q;
    if (mt) base.mapType = mt;
    lazily(base, 'properties', () => new Map(Object.entries(p).map(([field, node]) => [field, fromNode(node)])));
  }
  schemas.set(name, base);
  return base;
};

/** Kinds that every group version has, all one definition. */
const everywhere = /^(?:Create|Update|Patch|Get|List|Delete)Options$|^WatchEvent$/;

/** Options are the same kind whichever version a client states, which is that of its typed client's group. */
export const isOfEveryVersion = (kind: string): boolean => everywhere.test(kind);

/** The schema of a kind, served as a resource or not (Scale, Eviction, DeleteOptions, Status, lists...). */
export const definitionOf = (apiVersion: string, kind: string): Schema | undefined => {
  const { kinds } = compiledKinds();
  const key = `${apiVersion}/${kind}`;
  if (Object.hasOwn(kinds, key)) return definition(kinds[key] ?? '');
  if (everywhere.test(kind)) return definition(`io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`);
  return undefined;
};

/** Whether upstream's scheme knows the kind in that version, even where no resource of it is served any more. */
export const isKnownKind = (apiVersion: string, kind: string): boolean => {
  const { known } = compiledKinds();
  return (Object.hasOwn(known, apiVersion) && (known[apiVersion]?.includes(kind) || everywhere.test(kind))) ?? false;
};
