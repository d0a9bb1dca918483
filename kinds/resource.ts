/** A served resource: where it is found in the API, the schema of its kind, and its strategy. */
import type { WebhookConversion } from './custom-resources/conversion.ts';
import type { KubeObject } from './object.ts';
import type { Schema } from './schema/schema.ts';
import type { Strategy } from './strategy.ts';

export interface Subresource {
  readonly name: string;
  readonly kind: string;
  /** Where they differ from the parent's. */
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

export interface Resource {
  readonly group: string;
  readonly version: string;
  /** Plural, lower case: `deployments`. */
  readonly resource: string;
  readonly kind: string;
  /** Of custom resources only: all others add `List` to the kind. */
  readonly listKind?: string;
  readonly singular: string;
  readonly namespaced: boolean;
  /** This version is the one clients prefer within the group. */
  readonly preferred: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly Subresource[];
  readonly schema: Schema;
  readonly strategy: Strategy;
  readonly columns: readonly ColumnDefinition[];
  /** Where the objects are stored and in which form; several served versions share one. */
  readonly storage: StorageForm;
  /** What discovery tells, where it is not `verbs`: a kind on its way out is still written, but nobody should begin to. */
  readonly publishedVerbs?: readonly string[];
  /** What every client of it is told (deprecation). */
  readonly warnings?: readonly string[];
}

export interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly priority: number;
  readonly description?: string;
}

export interface StorageForm {
  /** The store's name of the resource: `pods`, `deployments.apps`. */
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** From this served version to the stored form and back; absent where they are the same. Inputs are not changed. */
  readonly toStored?: (object: KubeObject) => KubeObject;
  readonly fromStored?: (object: KubeObject) => KubeObject;
  /** Set where a webhook must be asked before `fromStored` knows, and instead of `toStored`. */
  readonly conversion?: WebhookConversion;
}

/** What is served at this moment. Built-in kinds are fixed; CustomResourceDefinitions join by `Registry` implementations that extend it. */
export interface Registry {
  /** Every served resource, groups in discovery order. */
  all(): readonly Resource[];
  find(group: string, version: string, resource: string): Resource | undefined;
  findKind(apiVersion: string, kind: string): Resource | undefined;
  /** The preferred served resource over a stored one, by the store's name. */
  findStored(name: string): Resource | undefined;
}

/** Defined by a CustomResourceDefinition. Does not look at the schema, which may not be converted yet. */
export const isCustomResource = (resource: Pick<Resource, 'listKind'>): boolean => resource.listKind !== undefined;

/** `apps/v1`, or `v1` for the core group. */
export const apiVersionOf = ({ group, version }: { group: string; version: string }): string => (group ? `${group}/${version}` : version);
