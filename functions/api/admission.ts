/**
 * Admission plugins see every write before it is stored: first all `admit` in order, which may change the object, then, after the kind's own
 * validation, all `validate`. One plugin a file in `admission/`; the order stands in `admission/index.ts`.
 */
import type { KubeObject } from '../../kinds/object.ts';
import type { Resource } from '../../kinds/resource.ts';
import type { Log } from '../../store/log.ts';
import type { Allocation } from './allocator.ts';
import type { Level } from './audit/level.ts';
import type { Outcome } from './commit.ts';
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
  /** Set when all plugins see the object once more, because one that was asked late has changed it. */
  readonly again?: boolean;
  /** All plugins that change objects are to see what was changed here, once. */
  lookAgain?(): void;
  /** Sent to the client in a `Warning` header. */
  warn(text: string): void;
  /** Recorded with the request, where requests are, from that level on (`Metadata`). */
  annotate?(key: string, value: string, from?: Level): void;
  /** What only holds if it is part of the commit; of creations and updates only, and at most one a request. */
  commitWith?(around: AroundCommit): void;
}

/**
 * Runs the last step of a write, and may run it again when it was lost for what was added to it. `commit` writes the object and all that
 * `more` holds, or nothing; of a dry run it writes nothing. Throws a `StatusError` to refuse.
 */
export type AroundCommit = (commit: (more: Allocation) => Promise<Outcome>, log: Pick<Log, 'guard'>) => Promise<Outcome>;

export interface AdmissionPlugin {
  /** The upstream plugin's name: `NamespaceLifecycle`. */
  readonly name: string;
  /** May change `request.object` in place. Throws a `StatusError` to refuse. */
  admit?(request: AdmissionRequest): Promise<void>;
  /** Must not change anything. Throws a `StatusError` to refuse. */
  validate?(request: AdmissionRequest): Promise<void>;
}
