/**
 * One OpenAPI 2.0 document of several (kube-openapi `pkg/aggregator`): an extension's paths with what they refer to. Definitions and parameters
 * that mean something else under a name that is taken get another.
 */
import { semanticEqual } from '../equality.ts';
import type { Json, JsonObject } from '../object.ts';

export interface Swagger extends JsonObject {
  paths: JsonObject;
  definitions: JsonObject;
  parameters: JsonObject;
}

type Table = Record<string, Json>;
const kinds = 'x-kubernetes-group-version-kind';
const sections = ['definitions', 'parameters'] as const;
type Section = (typeof sections)[number];

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every `$ref` below a value. */
const eachReference = (value: unknown, visit: (reference: string) => void): void => {
  if (Array.isArray(value)) for (const one of value) eachReference(one, visit);
  else if (isObject(value))
    for (const [key, one] of Object.entries(value)) {
      if (key === '$ref' && typeof one === 'string') visit(one);
      else eachReference(one, visit);
    }
};

const rename = (value: Json, names: ReadonlyMap<string, string>): Json => {
  if (Array.isArray(value)) return value.map(one => rename(one, names));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      key === '$ref' && typeof one === 'string' ? (names.get(one) ?? one) : rename(one as Json, names),
    ]),
  );
};

/** What a document says of the paths that begin so. */
export const pathsBelow = (document: JsonObject, prefix: string): Swagger => {
  const all = isObject(document['paths']) ? document['paths'] : {};
  const paths = Object.fromEntries(Object.entries(all).filter(([path]) => path.startsWith(prefix)));
  const found: Record<Section, Table> = { definitions: {}, parameters: {} };
  const take = (reference: string): void => {
    const [, section = '', name = ''] = /^#\/(definitions|parameters)\/(.+)$/.exec(reference) ?? [];
    const table = document[section];
    const value = isObject(table) && Object.hasOwn(table, name) ? table[name] : undefined;
    const known = found[section as Section];
    if (value === undefined || name === '__proto__' || Object.hasOwn(known, name)) return;
    known[name] = value as Json;
    eachReference(value, take);
  };
  eachReference(paths, take);
  return { paths, ...found };
};

const sameButKinds = (one: Json | undefined, other: Json): boolean => {
  if (!isObject(one) || !isObject(other)) return semanticEqual(one, other);
  const { [kinds]: _, ...left } = one;
  const { [kinds]: __, ...right } = other;
  return semanticEqual(left, right);
};

/** The name that a value has or gets in a table. */
const placeFor = (table: Table, source: Table, name: string, value: Json): string => {
  let candidate = name;
  for (let i = 2; ; i++) {
    const taken = Object.hasOwn(table, candidate);
    if (taken ? sameButKinds(table[candidate], value) : candidate === name || !Object.hasOwn(source, candidate)) return candidate;
    candidate = `${name}_v${i}`;
  }
};

/** A new document; neither of the two is changed. Of paths that both have, the first's stay. */
export const mergeV2 = (document: Swagger, extension: Swagger): Swagger => {
  const added = Object.fromEntries(Object.entries(extension.paths).filter(([path]) => !Object.hasOwn(document.paths, path)));
  const names = new Map<string, string>();
  const merged = { ...document } as Swagger;
  const places: Record<Section, [string, Json][]> = { definitions: [], parameters: [] };
  for (const section of sections) {
    const source = extension[section] as Table;
    for (const [name, value] of Object.entries(source)) {
      const place = placeFor(document[section] as Table, source, name, value);
      if (place !== name) names.set(`#/${section}/${name}`, `#/${section}/${place}`);
      places[section].push([place, value]);
    }
  }
  for (const section of sections) {
    const table: Table = { ...(document[section] as Table) };
    for (const [place, value] of places[section]) {
      const before = table[place];
      table[place] = before === undefined ? rename(value, names) : withKindsOf(before, value);
    }
    merged[section] = table;
  }
  merged.paths = { ...document.paths, ...(rename(added, names) as JsonObject) };
  return merged;
};

const withKindsOf = (before: Json, value: Json): Json => {
  if (!isObject(before) || !isObject(value) || !Array.isArray(value[kinds])) return before;
  const known = Array.isArray(before[kinds]) ? before[kinds] : [];
  const more = value[kinds].filter(one => !known.some(other => semanticEqual(one, other)));
  return more.length > 0 ? { ...before, [kinds]: [...known, ...more] } : before;
};
