/** Definitions as OpenAPI writes them, in version 2 or 3. */
import type { JsonObject } from '../object.ts';
import type { Registry, Resource } from '../resource.ts';
import type { CompiledDescriptions, CompiledNode } from '../schema/compiled.ts';
import { compiledDefinition, compiledKinds } from '../schema/data.ts';

export type Flavour = 'v2' | 'v3';

const prefix: Record<Flavour, string> = { v2: '#/definitions/', v3: '#/components/schemas/' };
const machinery = 'io.k8s.apimachinery.pkg';
export const objectMeta = `${machinery}.apis.meta.v1.ObjectMeta`;
export const listMeta = `${machinery}.apis.meta.v1.ListMeta`;

/** Scalars whose form differs from what their fields alone say. */
const scalars: Record<string, Record<Flavour, JsonObject>> = {
  [`${machinery}.api.resource.Quantity`]: { v2: { type: 'string' }, v3: { oneOf: [{ type: 'string' }, { type: 'number' }] } },
  [`${machinery}.util.intstr.IntOrString`]: {
    v2: { type: 'string', format: 'int-or-string' },
    v3: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
  },
};

const extensions = (node: CompiledNode): JsonObject => ({
  ...(node.lk ? { 'x-kubernetes-list-map-keys': node.lk } : {}),
  ...(node.lt ? { 'x-kubernetes-list-type': node.lt } : {}),
  ...(node.mt ? { 'x-kubernetes-map-type': node.mt } : {}),
  ...(node.pk ? { 'x-kubernetes-patch-merge-key': node.pk } : {}),
  ...(node.ps ? { 'x-kubernetes-patch-strategy': node.ps.join(',') } : {}),
});

const zeros: Record<string, JsonObject[string]> = { string: '', integer: 0, number: 0, boolean: false };

const elementOf = (go: string): string => {
  const made = (go.split(' in ', 1)[0] ?? '').split(',', 1)[0]?.replace(/^[^=]*=/, '') ?? '';
  return made.startsWith('[]') ? made.slice(2) : made.slice(made.indexOf(']') + 1);
};

/** The group, version and kind of each definition that is one. */
export type KindsOf = ReadonlyMap<string, readonly { group: string; version: string; kind: string }[]>;

/** Writes definitions, and those they refer to, into one table. */
export class SchemaWriter {
  readonly #flavour: Flavour;
  readonly #descriptions: CompiledDescriptions;
  readonly #kinds: KindsOf;
  readonly #custom: ReadonlyMap<string, JsonObject>;
  readonly schemas: Record<string, JsonObject> = {};

  constructor(flavour: Flavour, descriptions: CompiledDescriptions, kinds: KindsOf, custom: ReadonlyMap<string, JsonObject>) {
    this.#flavour = flavour;
    this.#descriptions = descriptions;
    this.#kinds = kinds;
    this.#custom = custom;
  }

  /** A reference to a definition, which joins the table. */
  ref(name: string): JsonObject {
    if (!Object.hasOwn(this.schemas, name)) {
      const schema: JsonObject = {};
      this.schemas[name] = schema;
      Object.assign(schema, this.#custom.has(name) ? this.#fromCustom(name) : this.#fromCompiled(name));
    }
    return { $ref: `${prefix[this.#flavour]}${name}` };
  }

  #kindsExtension(name: string): JsonObject {
    const kinds = this.#kinds.get(name);
    return kinds ? { 'x-kubernetes-group-version-kind': kinds.map(kind => ({ ...kind })) } : {};
  }

  #fromCompiled(name: string): JsonObject {
    const compiled = compiledDefinition(name);
    const texts = this.#descriptions[name] ?? {};
    const described = texts[''] ? { description: texts[''] } : {};
    if (!compiled?.p)
      return {
        ...described,
        ...(scalars[name]?.[this.#flavour] ?? {
          ...(compiled?.t ? { type: compiled.t } : {}),
          ...(compiled?.f ? { format: compiled.f } : {}),
        }),
      };
    const properties: JsonObject = {};
    for (const [field, node] of Object.entries(compiled.p)) properties[field] = this.#node(node, node.g, texts[field]);
    return {
      ...described,
      ...(Object.keys(properties).length > 0 ? { properties } : {}),
      ...(compiled.q ? { required: compiled.q } : {}),
      type: 'object',
      ...this.#kindsExtension(name),
      ...(compiled.mt ? { 'x-kubernetes-map-type': compiled.mt } : {}),
      ...(compiled.unions ? { 'x-kubernetes-unions': compiled.unions } : {}),
    };
  }

  #node(node: CompiledNode, go: string, description?: string): JsonObject {
    const v3 = this.#flavour === 'v3';
    const extras: JsonObject = {
      ...(description ? { description } : {}),
      // Version 2 is published without defaults.
      ...(v3 && node.d !== undefined ? { default: node.d } : {}),
      ...(node.e ? { enum: node.e } : {}),
      ...extensions(node),
    };
    if (node.r) {
      const reference = this.ref(node.r);
      // A struct that is no pointer is always there, empty if need be.
      if (v3 && !go.startsWith('*') && compiledDefinition(node.r)?.p) extras['default'] ??= {};
      if (Object.keys(extras).length === 0) return reference;
      return v3 ? { allOf: [reference], ...extras } : { ...reference, ...extras };
    }
    return {
      ...extras,
      ...(node.t ? { type: node.t } : {}),
      ...(node.f ? { format: node.f } : {}),
      ...(node.i ? { items: this.#element(node.i, elementOf(go)) } : {}),
      ...(node.v ? { additionalProperties: this.#element(node.v, elementOf(go)) } : {}),
    };
  }

  /** Scalars in lists and maps are never missing: version 3 says so by a zero default. */
  #element(node: CompiledNode, go: string): JsonObject {
    const written = this.#node(node, go);
    const zero = node.r || node.f === 'byte' ? undefined : zeros[node.t ?? ''];
    return this.#flavour === 'v3' && zero !== undefined && !go.startsWith('*') ? { default: zero, ...written } : written;
  }

  #fromCustom(name: string): JsonObject {
    const text = JSON.stringify(this.#custom.get(name)).replaceAll('"#REF/', `"${prefix[this.#flavour]}`);
    const schema = JSON.parse(text) as JsonObject;
    for (const [, referred] of text.matchAll(/"\$ref":"#\/(?:definitions|components\/schemas)\/([^"]+)"/g))
      if (referred) this.ref(referred);
    return { ...schema, ...this.#kindsExtension(name) };
  }
}

/** `com.example.stable.v1.CronTab` for a kind of `stable.example.com`. */
export const customName = (resource: Resource, kind = resource.kind): string =>
  [...resource.group.split('.').reverse(), resource.version, kind].join('.');

export const listKindOf = (resource: Resource): string => resource.listKind ?? `${resource.kind}List`;

export const isBuiltIn = (resource: Resource): boolean =>
  resource.schema.definition !== undefined && compiledDefinition(resource.schema.definition) !== undefined;

/** Which kinds the definitions are, custom ones of the registry included. */
export const kindsOf = (registry: Registry): KindsOf => {
  const table = new Map<string, { group: string; version: string; kind: string }[]>();
  const add = (definition: string, group: string, version: string, kind: string) => {
    table.set(definition, [...(table.get(definition) ?? []), { group, version, kind }]);
  };
  for (const [key, definition] of Object.entries(compiledKinds().kinds)) {
    const [kind = '', version = '', group = ''] = key.split('/').reverse();
    add(definition, group, version, kind);
  }
  const versions = new Set<string>();
  for (const resource of registry.all()) {
    versions.add(`${resource.group}/${resource.version}`);
    if (isBuiltIn(resource)) continue;
    for (const kind of [resource.kind, listKindOf(resource)]) add(customName(resource, kind), resource.group, resource.version, kind);
  }
  for (const groupVersion of versions) {
    const [group = '', version = ''] = groupVersion.split('/');
    for (const kind of ['DeleteOptions', 'WatchEvent']) add(`${machinery}.apis.meta.v1.${kind}`, group, version, kind);
  }
  return table;
};
