/**
 * Build time only: merges the declarations of `@kubernetes/client-node` with the tables in `facts/` and writes
 * `kinds.json` (all that a running process needs), `descriptions.json` (for OpenAPI only, read when it is asked for) and
 * `protobuf.json` (read when a client first speaks protobuf) and `internal-types.json` (read by error texts).
 *
 * The declarations say which fields there are and of what type; `fields.json` adds what they do not carry (required,
 * merge keys, list types, defaults, enums); `go-types.json` adds the Go types, which decide what zero values become;
 * `protobuf.json` says by which numbers fields go in protobuf.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Json, KubeObject } from '../object.ts';
import type { ColumnDefinition } from '../resource.ts';
import type {
  CompiledDefinition,
  CompiledDescriptions,
  CompiledField,
  CompiledKinds,
  CompiledMessages,
  CompiledNode,
  CompiledResource,
} from './compiled.ts';
import { readModel } from './declarations.ts';

interface DefinitionFact {
  definition: string;
  gvk?: string | string[];
  model?: string;
  schema?: { type?: 'object' | 'string'; format?: string };
}
interface Extras {
  default?: Json;
  enum?: Json[];
  format?: string;
  listType?: 'atomic' | 'set' | 'map';
  listMapKeys?: string[];
  mapType?: 'granular' | 'atomic';
  patchStrategy?: string;
  patchMergeKey?: string;
  items?: Extras;
  values?: Extras;
}
interface FieldsFact {
  required?: string[];
  fields?: Record<string, Extras>;
  self?: Extras & { unions?: Json };
}

const served = /^v[12]$/;

/** The checkout that `outDir` lies in: the compiler itself may run from anywhere as a bundle. */
const findRoot = (outDir: string): string => {
  for (let folder = resolve(outDir); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'kinds/facts/definitions.json'))) return folder;
    if (folder === dirname(folder)) throw new Error(`no kinds/facts above ${outDir}`);
  }
};

const extend = (node: CompiledNode, extras: Extras | undefined): void => {
  if (!extras) return;
  if (extras.default !== undefined) node.d = extras.default;
  if (extras.enum) node.e = extras.enum;
  if (extras.format) node.f = extras.format;
  if (extras.listType) node.lt = extras.listType;
  if (extras.listMapKeys) node.lk = extras.listMapKeys;
  if (extras.mapType) node.mt = extras.mapType;
  if (extras.patchStrategy) node.ps = extras.patchStrategy.split(',');
  if (extras.patchMergeKey) node.pk = extras.patchMergeKey;
  if (extras.items && node.i) extend(node.i, extras.items);
  if (extras.values && node.v) extend(node.v, extras.values);
};

/** `v1.ResourceList=map[v1.ResourceName]resource.Quantity,omitempty` -> what it is made of. */
const underlying = (go: string): string => (go.split(' in ', 1)[0] ?? '').split(',', 1)[0]?.replace(/^[^=]*=/, '') ?? '';
const pointee = (go: string): string => (go.startsWith('*') ? go.slice(1) : go);
const elementOf = (go: string): string => pointee(go.startsWith('[]') ? go.slice(2) : go.replace(/^map\[[^\]]*\]/, ''));

/** Field name in the published `.proto` files -> number and type. */
type MessageFact = Record<string, [number, string]>;

/** Names of fields in Go, JSON and protobuf differ in case and punctuation only: `$ref` and `ref`, `uid` and `uID`. */
const plainName = (name: string): string => name.toLowerCase().replace(/[$-]/g, '');

/** Numbers on the way to each field. Where Go embeds a struct, JSON has its fields in the outer object, protobuf in a message of its own. */
const fieldPaths = (wanted: readonly string[], message: MessageFact, messages: Record<string, MessageFact>): Map<string, number[]> => {
  const paths = new Map<string, number[]>();
  const left = new Map(wanted.map(name => [plainName(name), name]));
  const embedded: [number, MessageFact][] = [];
  for (const [name, [number, type]] of Object.entries(message)) {
    const field = left.get(plainName(name));
    const inner = messages[type];
    if (field !== undefined) {
      paths.set(field, [number]);
      left.delete(plainName(name));
    } else if (inner) embedded.push([number, inner]);
  }
  if (left.size > 0)
    for (const [number, inner] of embedded)
      for (const [field, path] of fieldPaths([...left.values()], inner, messages)) paths.set(field, [number, ...path]);
  return paths;
};

class Compiler {
  readonly #models: string;
  readonly #facts: string;
  readonly #definitionFacts: DefinitionFact[];
  readonly #fields: Record<string, FieldsFact>;
  readonly #goTypes: Record<string, Record<string, string>>;
  readonly #byModel = new Map<string, string>();
  readonly #names: Set<string>;
  readonly definitions: Record<string, CompiledDefinition> = {};
  readonly descriptions: CompiledDescriptions = {};

  constructor(root: string) {
    this.#models = join(root, 'node_modules/@kubernetes/client-node/dist/gen/models');
    this.#facts = join(root, 'kinds/facts');
    this.#definitionFacts = this.facts('definitions');
    this.#fields = this.facts('fields');
    this.#goTypes = this.facts('go-types');
    this.#names = new Set(this.#definitionFacts.map(fact => fact.definition));
    for (const { model, definition } of this.#definitionFacts) if (model) this.#byModel.set(model, definition);
  }

  facts<T>(name: string): T {
    return JSON.parse(readFileSync(join(this.#facts, `${name}.json`), 'utf8'));
  }

  /** The definition that a Go type name means inside another definition: its own package first, then the machinery's. */
  #fromGo(go: string, inside: string): string | undefined {
    const name = go.slice(go.indexOf('.') + 1);
    const machinery: Record<string, string> = {
      'v1.Time': 'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
      'v1.MicroTime': 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
      'v1.FieldsV1': 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
      'resource.Quantity': 'io.k8s.apimachinery.pkg.api.resource.Quantity',
      'runtime.RawExtension': 'io.k8s.apimachinery.pkg.runtime.RawExtension',
      'intstr.IntOrString': 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    };
    if (machinery[go]) return machinery[go];
    const sibling = `${inside.slice(0, inside.lastIndexOf('.'))}.${name}`;
    return this.#names.has(sibling) ? sibling : undefined;
  }

  #node(type: string, format: string, go: string, inside: string): CompiledNode {
    const list = /^Array<(.*)>$/.exec(type)?.[1];
    if (list) return { t: 'array', i: this.#node(list, format, elementOf(go), inside) };
    const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
    if (map) return { t: 'object', v: this.#node(map, format, elementOf(go), inside) };
    const model = this.#byModel.get(type);
    if (model) return { r: model };
    if (type === 'any' || type === 'Date' || type === 'IntOrString' || type === 'V1MicroTime' || go === 'resource.Quantity') {
      const definition = this.#fromGo(go, inside);
      if (definition) return { r: definition };
      if (type === 'any') return {};
      throw new Error(`${inside}: no definition for ${type} (${go})`);
    }
    const of = format ? { f: format } : {};
    if (type === 'string' || type === 'boolean') return { t: type, ...of };
    if (type === 'number') return { t: format === 'double' || go.startsWith('float') ? 'number' : 'integer', ...of };
    if (type === 'object') return { t: 'object' };
    throw new Error(`${inside}: unknown type ${type}`);
  }

  /** Kinds that OpenAPI has no definition for (PodExecOptions...) come from their Go types alone. */
  #fromGoTypes(name: string): CompiledDefinition {
    const nodeOf = (go: string): CompiledNode => {
      const type = pointee(underlying(go));
      if (type === '[]uint8') return { t: 'string', f: 'byte' };
      if (type.startsWith('[]')) return { t: 'array', i: nodeOf(type.slice(2)) };
      if (type.startsWith('map[')) return { t: 'object', v: nodeOf(elementOf(type)) };
      if (type === 'bool') return { t: 'boolean' };
      if (type === 'int32' || type === 'int64') return { t: 'integer', f: type };
      if (type === 'interface {}') return {};
      const definition = this.#fromGo(type, name);
      if (definition && this.#goTypes[definition]) return { r: definition };
      const meta = `io.k8s.apimachinery.pkg.apis.meta.v1.${type.slice(type.indexOf('.') + 1)}`;
      if (this.#goTypes[meta] || this.#names.has(meta)) return { r: meta };
      return type === 'string' || type.startsWith('v1.') || type.startsWith('types.') ? { t: 'string' } : {};
    };
    const fields: Record<string, CompiledField> = {
      apiVersion: { t: 'string', g: 'string,omitempty' },
      kind: { t: 'string', g: 'string,omitempty' },
    };
    for (const [field, go] of Object.entries(this.#goTypes[name] ?? {})) fields[field] = { ...nodeOf(go), g: go };
    return { t: 'object', p: fields };
  }

  add(fact: DefinitionFact): void {
    const name = fact.definition;
    const extras = this.#fields[name];
    const own: CompiledDefinition = {};
    this.definitions[name] = own;
    if (fact.schema) {
      if (fact.schema.type) own.t = fact.schema.type;
      if (fact.schema.format) own.f = fact.schema.format;
      return;
    }
    if (!fact.model) throw new Error(`${name}: neither model nor schema`);
    const model = readModel(this.#models, fact.model);
    const texts: Record<string, string> = model.description ? { '': model.description } : {};
    const goTypes = this.#goTypes[name] ?? {};
    const fields: Record<string, CompiledField> = {};
    for (const attribute of model.attributes) {
      const go = goTypes[attribute.name] ?? 'string,omitempty';
      const format = extras?.fields?.[attribute.name]?.format ?? attribute.format;
      const node = this.#node(attribute.type, format, pointee(underlying(go)), name);
      if (node.r) delete node.f;
      const field: CompiledField = { ...node, g: go };
      const { format: _, ...rest } = extras?.fields?.[attribute.name] ?? {};
      extend(field, rest);
      fields[attribute.name] = field;
      if (attribute.description) texts[attribute.name] = attribute.description;
    }
    own.t = 'object';
    own.p = fields;
    if (extras?.required) own.q = extras.required;
    if (extras?.self?.mapType) own.mt = extras.self.mapType;
    if (extras?.self?.unions) own.unions = extras.self.unions;
    this.descriptions[name] = { ...texts, ...this.descriptions[name] };
  }

  run(): CompiledKinds {
    for (const [definition, texts] of Object.entries(this.facts<CompiledDescriptions>('descriptions')))
      this.descriptions[definition] = texts;
    const kinds: Record<string, string> = {};
    const wanted = this.#definitionFacts.filter(({ definition, gvk }) => {
      const version = definition.split('.').at(-2) ?? '';
      return served.test(version) || definition.startsWith('io.k8s.apimachinery.') || gvk === undefined;
    });
    for (const fact of wanted) {
      const version = fact.definition.split('.').at(-2) ?? '';
      if (!served.test(version) && !fact.definition.startsWith('io.k8s.apimachinery.')) continue;
      this.add(fact);
      for (const gvk of [fact.gvk ?? []].flat()) kinds[gvk] = fact.definition;
    }
    for (const name of Object.keys(this.#goTypes)) {
      if (this.definitions[name]) continue;
      this.definitions[name] = this.#fromGoTypes(name);
      const kind = name.split('.').at(-1) ?? '';
      kinds[name.startsWith('io.k8s.api.core.') ? `v1/${kind}` : `meta.k8s.io/v1/${kind}`] = name;
    }
    const bootstrap = this.facts<KubeObject[]>('bootstrap');
    return { definitions: this.definitions, kinds, known: this.facts('known-kinds'), resources: this.#resources(bootstrap), bootstrap };
  }

  /** Of the definitions that have a message of their own; scalars and unions are known to the codec. */
  messages(): CompiledMessages {
    const messages = this.facts<Record<string, MessageFact>>('protobuf');
    const compiled: CompiledMessages = {};
    for (const [definition, { p }] of Object.entries(this.definitions)) {
      const message = messages[definition.replace('io.k8s.', 'k8s.io.').replaceAll('-', '_')];
      if (!p || !message) continue;
      const fields: CompiledMessages[string] = {};
      for (const [field, path] of fieldPaths(Object.keys(p), message, messages)) {
        const [only = 0, ...more] = path;
        fields[field] = more.length > 0 ? path : only;
      }
      compiled[definition] = fields;
    }
    return compiled;
  }

  /** Groups in the order that discovery shows them, which is that of the APIServices' priorities. */
  #resources(bootstrap: KubeObject[]): CompiledResource[] {
    const columns = this.facts<Record<string, ColumnDefinition[]>>('columns');
    const priority = new Map<string, { group: number; version: number }>();
    for (const object of bootstrap) {
      if (object.kind !== 'APIService') continue;
      const spec = object['spec'] as { group?: string; version: string; groupPriorityMinimum: number; versionPriority: number };
      priority.set(`${spec.group ?? ''}/${spec.version}`, { group: spec.groupPriorityMinimum, version: spec.versionPriority });
    }
    // The aggregator lists its own group before all others.
    const first = { group: Number.POSITIVE_INFINITY, version: 0 };
    const rank = (of: CompiledResource) =>
      of.group === 'apiregistration.k8s.io' ? first : (priority.get(`${of.group}/${of.version}`) ?? { group: 0, version: 0 });
    return this.facts<CompiledResource[]>('resources')
      .filter(resource => served.test(resource.version))
      .map((resource): CompiledResource => {
        const path = `${resource.group ? `${resource.group}/` : ''}${resource.version}/${resource.resource}`;
        return { ...resource, columns: columns[path] ?? [] };
      })
      .sort((a, b) => {
        if ((a.group === '') !== (b.group === '')) return a.group === '' ? -1 : 1;
        return (
          (rank(b).group === rank(a).group ? 0 : rank(b).group - rank(a).group) ||
          (a.group < b.group ? -1 : a.group > b.group ? 1 : rank(b).version - rank(a).version)
        );
      });
  }
}

/** Writes `kinds.json`, `descriptions.json`, `protobuf.json` and `internal-types.json` into `outDir`, a folder of the checkout. */
export const compile = (outDir: string): void => {
  const compiler = new Compiler(findRoot(outDir));
  const kinds = compiler.run();
  mkdirSync(outDir, { recursive: true });
  writeFileSync(join(outDir, 'kinds.json'), JSON.stringify(kinds));
  writeFileSync(join(outDir, 'descriptions.json'), JSON.stringify(compiler.descriptions));
  writeFileSync(join(outDir, 'protobuf.json'), JSON.stringify(compiler.messages()));
  writeFileSync(join(outDir, 'internal-types.json'), JSON.stringify(compiler.facts('internal-types')));
};
