/** Types as the checker sees them. `dyn` is what cannot be told; it goes with everything. */
import type { Schema } from '../schema/schema.ts';

type Plain = 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'null' | 'timestamp' | 'duration' | 'dyn' | 'error';

export type Type =
  | { readonly kind: Plain }
  | { readonly kind: 'type' }
  /** `keys`: how items are told apart where their order means nothing; none: by all that they are. */
  | { readonly kind: 'list'; readonly of: Type; readonly keys?: readonly string[] }
  | { readonly kind: 'map'; readonly key: Type; readonly of: Type }
  | { readonly kind: 'optional'; readonly of: Type }
  /** A type of its own, with functions instead of fields; two of a name are the same. */
  | { readonly kind: 'opaque'; readonly name: string }
  /** Stands for any type, the same one wherever it stands. */
  | { readonly kind: 'parameter'; readonly name: string }
  /** Fields; undefined: there is none of that name. Two are the same if they have the same `identity`. */
  | { readonly kind: 'object'; readonly name: string; readonly identity: unknown; field(name: string): Type | undefined };

const plain = (kind: Plain): Type => ({ kind });
export const dyn = plain('dyn');
export const bool = plain('bool');
export const int = plain('int');
export const uint = plain('uint');
export const double = plain('double');
export const string = plain('string');
export const bytes = plain('bytes');
export const nullType = plain('null');
export const error = plain('error');
export const listOf = (of: Type): Type => ({ kind: 'list', of });
export const mapOf = (key: Type, of: Type): Type => ({ kind: 'map', key, of });
export const optionalOf = (of: Type): Type => ({ kind: 'optional', of });
export const opaque = (name: string): Type => ({ kind: 'opaque', name });
export const authorizerType = opaque('kubernetes.authorization.Authorizer');

const plainKinds: readonly string[] = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'null', 'timestamp', 'duration', 'dyn'];

/** `list(map(string, A))`; what has a dot in its name is opaque. */
export const typeFromText = (text: string): Type => {
  const [, outer = '', inner = ''] = /^(list|map|optional)\((.*)\)$/s.exec(text) ?? [];
  if (outer === 'list') return listOf(typeFromText(inner));
  if (outer === 'optional') return optionalOf(typeFromText(inner));
  if (outer === 'map') {
    const comma = inner.indexOf(',');
    return mapOf(typeFromText(inner.slice(0, comma).trim()), typeFromText(inner.slice(comma + 1).trim()));
  }
  if (plainKinds.includes(text)) return plain(text as Plain);
  if (text === 'type') return { kind: 'type' };
  return /^[A-Z]$/.test(text) ? { kind: 'parameter', name: text } : opaque(text);
};

/** An object of given fields. */
export const objectOf = (name: string, fields: Readonly<Record<string, Type>>): Type => ({
  kind: 'object',
  name,
  identity: fields,
  field: wanted => (Object.hasOwn(fields, wanted) ? fields[wanted] : undefined),
});

/** As cel-go shows it (`checker.FormatCELType`). */
export const nameOf = (type: Type): string => {
  switch (type.kind) {
    case 'list':
      return `list(${nameOf(type.of)})`;
    case 'map':
      return `map(${nameOf(type.key)}, ${nameOf(type.of)})`;
    case 'optional':
      return `optional_type(${nameOf(type.of)})`;
    case 'opaque':
    case 'parameter':
    case 'object':
      return type.name;
    case 'error':
      return '!error!';
    default:
      return type.kind;
  }
};

const ofString = (format: string | undefined): Type => {
  if (format === 'byte') return bytes;
  if (format === 'duration') return plain('duration');
  return format === 'date' || format === 'date-time' ? plain('timestamp') : string;
};

const objects = new WeakMap<Schema, Type>();
const wholeObjects = new WeakMap<Schema, Type>();
const objectType = (schema: Schema, whole: boolean, name: string): Type => {
  const known = whole ? wholeObjects : objects;
  let made = known.get(schema);
  if (!made) {
    made = {
      kind: 'object',
      name,
      identity: schema,
      field(wanted) {
        const field = unescapeName(wanted);
        // A name that must be escaped is none as it stands, but for words that only variables may not have.
        if (escapeName(field) !== wanted && field !== wanted) return undefined;
        const inner = fieldSchema(schema, field, whole);
        return inner && typeOf(inner, undefined, `${name}.${field}`);
      },
    };
    known.set(schema, made);
  }
  return made;
};

/** Undefined where upstream has none either: such fields cannot be used in rules. `whole`: a resource, embedded or not. */
export const typeOf = (schema: Schema, whole = schema.embeddedResource === true, name = 'object'): Type | undefined => {
  if (schema.intOrString) return dyn;
  switch (schema.type) {
    case 'object': {
      if (schema.properties || whole) return objectType(schema, whole, name);
      if (schema.additionalProperties) {
        const of = typeOf(schema.additionalProperties, undefined, `${name}.@elem`);
        return of && mapOf(string, of);
      }
      return objectType(schema, whole, name);
    }
    case 'array': {
      const of = schema.items && typeOf(schema.items, undefined, `${name}.@idx`);
      if (!of) return undefined;
      if (schema.listType === 'set') return { kind: 'list', of, keys: [] };
      return schema.listType === 'map' ? { kind: 'list', of, keys: schema.listMapKeys ?? [] } : listOf(of);
    }
    case 'string':
      return ofString(schema.format);
    case 'boolean':
      return bool;
    case 'integer':
      return int;
    case 'number':
      return double;
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
