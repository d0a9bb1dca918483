/** The form of `dist/kinds.json`, `dist/descriptions.json` and `dist/protobuf.json`: short keys, because they are read at every start. */
import type { Json, KubeObject } from '../object.ts';
import type { ColumnDefinition, Subresource } from '../resource.ts';

export interface CompiledNode {
  /** JSON type. */
  t?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  /** Format. */
  f?: string;
  /** Definition this points at. */
  r?: string;
  /** Items of a list. */
  i?: CompiledNode;
  /** Values of a map. */
  v?: CompiledNode;
  /** Enum. */
  e?: Json[];
  /** Default. */
  d?: Json;
  /** List type, list map keys, map type, patch strategy, patch merge key. */
  lt?: 'atomic' | 'set' | 'map';
  lk?: string[];
  mt?: 'granular' | 'atomic';
  ps?: string[];
  pk?: string;
}

export interface CompiledField extends CompiledNode {
  /** The Go type as error texts show it, with `omitempty` and `omitzero` as they decide what a zero value becomes. */
  g: string;
}

export interface CompiledDefinition {
  t?: 'object' | 'string';
  f?: string;
  /** Fields; absent for scalars and for free-form objects. */
  p?: Record<string, CompiledField>;
  /** Required fields. */
  q?: string[];
  mt?: 'granular' | 'atomic';
  unions?: Json;
}

export interface CompiledResource {
  group: string;
  version: string;
  resource: string;
  kind: string;
  singular: string;
  namespaced: boolean;
  preferred: boolean;
  verbs: string[];
  shortNames: string[];
  categories: string[];
  subresources: Subresource[];
  columns: ColumnDefinition[];
}

export interface CompiledKinds {
  definitions: Record<string, CompiledDefinition>;
  /** `apps/v1/Deployment` -> definition name. */
  kinds: Record<string, string>;
  /** Group and version -> kinds that upstream's scheme knows in it, served here or not; error texts depend on it. */
  known: Record<string, string[]>;
  /** In discovery order. */
  resources: CompiledResource[];
  bootstrap: KubeObject[];
}

/** Definition -> field -> text; the empty field name is the definition's own. */
export type CompiledDescriptions = Record<string, Record<string, string>>;

/** Definition -> field -> its number, or the numbers on the way to it through messages that JSON does not show. */
export type CompiledMessages = Record<string, Record<string, number | number[]>>;
