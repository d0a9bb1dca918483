/** Types as the checker sees them. `dyn` is what cannot be told; it goes with everything. */
import type { Schema } from '../schema/schema.ts';

export type Type =
  | { readonly kind: 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'null' | 'timestamp' | 'duration' | 'type' | 'dyn' }
  | { readonly kind: 'list'; readonly of: Type }
  | { readonly kind: 'map'; readonly key: Type; readonly of: Type }
  | { readonly kind: 'optional'; readonly of: Type }
  | { readonly kind: 'object'; readonly schema: Schema; readonly whole: boolean };

export const dyn: Type = { kind: 'dyn' };
export const bool: Type = { kind: 'bool' };
export const int: Type = { kind: 'int' };
export const string: Type = { kind: 'string' };

const shown: Partial<Record<Type['kind'], string>> = {
  timestamp: 'timestamp',
  duration: 'duration',
  null: 'null',
};
export const nameOf = (type: Type): string => {
  if (type.kind === 'list') return `list(${nameOf(type.of)})`;
  if (type.kind === 'map') return `map(${nameOf(type.key)}, ${nameOf(type.of)})`;
  if (type.kind === 'optional') return `optional_type(${nameOf(type.of)})`;
  return shown[type.kind] ?? type.kind;
};

const ofString = (format: string | undefined): Type => {
  if (format === 'byte') return { kind: 'bytes' };
  if (format === 'duration') return { kind: 'duration' };
  return format === 'date' || format === 'date-time' ? { kind: 'timestamp' } : string;
};

/** Undefined where upstream has none either: such fields cannot be used in rules. `whole`: a resource, embedded or not. */
export const typeOf = (schema: Schema, whole = schema.embeddedResource === true): Type | undefined => {
  if (schema.intOrString) return dyn;
  switch (schema.type) {
    case 'object': {
      if (schema.properties || whole) return { kind: 'object', schema, whole };
      if (schema.additionalProperties) {
        const of = typeOf(schema.additionalProperties);
        return of && { kind: 'map', key: string, of };
      }
      return { kind: 'object', schema, whole };
    }
    case 'array': {
      const of = schema.items && typeOf(schema.items);
      return of && { kind: 'list', of };
    }
    case 'string':
      return ofString(schema.format);
    case 'boolean':
      return bool;
    case 'integer':
      return int;
    case 'number':
      return { kind: 'double' };
    default:
      return undefined;
  }
};

const reserved: ReadonlySet<string> = new Set([
  'true',
  'false',
  'null',
  'in',
  'as',
  'break',
  'const',
  'continue',
  'else',
  'for',
  'function',
  'if',
  'import',
  'let',
  'loop',
  'package',
  'namespace',
  'return',
  'var',
  'void',
  'while',
]);
const escapes: Record<string, string> = { '.': '__dot__', '-': '__dash__', '/': '__slash__', __: '__underscores__' };

/** The name of a property in expressions; undefined where it has none (apiserver `pkg/cel/escaping.go`). */
export const escapeName = (name: string): string | undefined => {
  if (!/^[a-zA-Z_.\-/][a-zA-Z0-9_.\-/]*$/.test(name)) return undefined;
  if (reserved.has(name)) return `__${name}__`;
  return name.replace(/__|[.\-/]/g, part => escapes[part] ?? part);
};

const unescapes: Record<string, string> = { dot: '.', dash: '-', slash: '/', underscores: '__' };
export const unescapeName = (name: string): string => {
  const word = /^__(\w+?)__$/.exec(name)?.[1];
  if (word && reserved.has(word)) return word;
  return name.replace(/__(dot|dash|slash|underscores)__/g, (_, part: string) => unescapes[part] ?? '');
};

const metadata: Schema = {
  type: 'object',
  properties: new Map<string, Schema>([
    ['name', { type: 'string' }],
    ['generateName', { type: 'string' }],
  ]),
};
const text: Schema = { type: 'string' };

/** The schema of a field, with what every object has. */
export const fieldSchema = (schema: Schema, name: string, whole: boolean): Schema | undefined => {
  if (whole && (name === 'apiVersion' || name === 'kind')) return text;
  if (whole && name === 'metadata') return metadata;
  return schema.properties?.get(name);
};
