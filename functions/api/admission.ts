/**
 * Admission plugins see every write before it is stored: first all `admit` in order, which may change the object, then, after the kind's own
 * validation, all `validate`. One plugin a file in `admission/`; the order stands in `admission/index.ts`.
 */
import type { KubeObject } from '../../kinds/object.ts';
import type { Resource } from '../../kinds/resource.ts';
import type { User } from './types.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface AdmissionRequest {
  readonly operation: Operation;
  readonly resource: Resource;
  /** Empty for the main object. */
  readonly subresource: string;
  readonly namespace: string;
  /** Empty where the name is yet to be generated, and for deletions of collections. */
  readonly name: string;
  /** The new object in the served version, complete with defaults; of a subresource its own kind (Binding, Eviction, Scale). Absent for deletions. */
  object?: KubeObject;
  /** What is replaced or deleted. Shared by all readers: never change it. */
  readonly previous?: KubeObject;
  readonly user: User;
  readonly dryRun: boolean;
  /** `CreateOptions`, `UpdateOptions`, `PatchOptions` or `DeleteOptions` of the request. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Sent to the client in a `Warning` header. */
  warn(text: string): void;
}

export interface AdmissionPlugin {
  /** The upstream plugin's name: `NamespaceLifecycle`. */
  readonly name: string;
  /** May change `request.object` in place. Throws a `StatusError` to refuse. */
  admit?(request: AdmissionRequest): Promise<void>;
  /** Must not change anything. Throws a `StatusError` to refuse. */
  validate?(request: AdmissionRequest): Promise<void>;
}
