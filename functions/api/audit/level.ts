/** What an audit policy says of a request, and what it is asked with. */
import type { RequestInfo, User } from '../types.ts';

/** Each records what those before it do, and more. */
export const levels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type Level = (typeof levels)[number];
export const stages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type Stage = (typeof stages)[number];

/** What is to be recorded of a request. */
export interface Verdict {
  readonly level: Level;
  readonly omitStages: ReadonlySet<string>;
  readonly omitManagedFields: boolean;
}

/** What a request is judged by. Without a user: nobody could be made out. */
export interface Asked {
  readonly user: User | undefined;
  readonly verb: string;
  readonly path: string;
  /** Absent for what is no resource. */
  readonly target?: Pick<NonNullable<RequestInfo['target']>, 'group' | 'resource' | 'subresource' | 'namespace' | 'name'>;
}

export type AuditPolicy = (asked: Asked) => Verdict;
