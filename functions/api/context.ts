/** What the stages hand to each other. A `Call` is a request as the core sees it, whether it came by HTTP or from a client in this process. */
import type { Clock, Logger, Random } from '../../kinds/environment.ts';
import type { JsonObject, KubeObject } from '../../kinds/object.ts';
import type { Registry, Resource } from '../../kinds/resource.ts';
import { badRequest, type GroupResource } from '../../kinds/status.ts';
import type { Guard, Log } from '../../store/log.ts';
import type { Entry, Replica, Replicas } from '../../store/replica.ts';
import type { AdmissionPlugin } from './admission.ts';
import type { Allocator } from './allocator.ts';
import type { Auditing, AuditRecord } from './audit/record.ts';
import type { Converter } from './conversion.ts';
import type { FlowControl } from './flow-control/flow-control.ts';
import type { ListMeta } from './forms.ts';
import type { Accept } from './negotiate.ts';
import type { ApiRequest, ApiResponse, Authorizer, Backends, Connection, RequestInfo, TokenService, User } from './types.ts';

/** What lives as long as the API. */
export interface Services {
  readonly log: Log;
  readonly replicas: Replicas;
  readonly registry: Registry;
  readonly authorizer: Authorizer;
  readonly admission: readonly AdmissionPlugin[];
  readonly allocators: ReadonlyMap<string, readonly Allocator[]>;
  readonly tokens: TokenService | undefined;
  readonly backends: Backends | undefined;
  readonly flowControl: FlowControl | undefined;
  /** Absent: webhooks that convert cannot be called. */
  readonly converter?: Converter | undefined;
  readonly auditing?: Auditing | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The parts of Create-, Update- and PatchOptions that change what a write does. */
export interface WriteOptions {
  readonly dryRun: boolean;
  /** Of managed fields: the `fieldManager` of the request, or who the client says it is. */
  readonly manager: string;
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  readonly force: boolean;
  /** As admission plugins see them. */
  readonly raw: JsonObject;
}

export interface Call {
  readonly services: Services;
  readonly user: User;
  readonly resource: Resource;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly warnings: string[];
  /** Rows that must be as they were seen; only clients in this process have them. */
  readonly guards: readonly Guard[];
  /** Absent: nothing is recorded. */
  readonly audit?: AuditRecord;
  /** Rejects where the caller may not create what its update or patch would; clients in this process may. */
  readonly mayCreate?: () => Promise<void>;
}

/** A call that came by HTTP, where more than the body matters. */
export interface Exchange extends Call {
  readonly request: ApiRequest;
  readonly connection: Connection;
  readonly info: RequestInfo;
  readonly accept: Accept;
  /** Path segments behind the subresource. */
  readonly rest: string;
  /** For an answer that lasts: what this returns is called when the work of beginning it is done. From then on it holds no seats. */
  readonly lasts: () => () => void;
}

/** An object to be sent: as bytes where they are at hand, as a value for those who must look inside. Both in the served version. */
export interface ObjectAnswer {
  readonly type: 'object';
  readonly code: number;
  readonly bytes?: Uint8Array;
  /** May be shared: not to be changed. */
  readonly object: () => KubeObject;
}

/** Already what goes out: streams, texts of agents. */
export interface RawAnswer {
  readonly type: 'raw';
  readonly response: ApiResponse;
}

/** Objects of the resource as they are stored. */
export interface ListAnswer {
  readonly type: 'list';
  readonly entries: readonly Entry[];
  readonly metadata: ListMeta;
}

export type Answer = ObjectAnswer | ListAnswer | RawAnswer;

export const objectAnswer = (code: number, object: KubeObject): ObjectAnswer => ({ type: 'object', code, object: () => object });

export const groupResource = (resource: Resource): GroupResource => ({ group: resource.group, resource: resource.resource });
export const groupKind = (resource: Resource): { group: string; kind: string } => ({ group: resource.group, kind: resource.kind });

/** The resource's replica, loaded at its first use; up to date only after `sync`. */
export const replicaOf = (services: Services, stored: string): Replica | Promise<Replica> =>
  services.replicas.loaded(stored) ?? services.replicas.open(stored);

/** The resource's replica, caught up: what is read from it next is linearizable. */
export const syncedReplica = async (services: Services, stored: string): Promise<Replica> => {
  const loaded = services.replicas.loaded(stored) ?? (await services.replicas.open(stored));
  await loaded.sync();
  return loaded;
};

/** A name that would be another path is no name (apimachinery `pkg/api/validation/path`). */
export const requireSegment = (name: string): void => {
  if (name === '.' || name === '..') throw badRequest(`Name parameter invalid: "${name}": may not be '${name}'`);
  const wrong = /[/%]/.exec(name)?.[0];
  if (wrong) throw badRequest(`Name parameter invalid: ${JSON.stringify(name)}: may not contain '${wrong}'`);
};

/** Where a webhook converts, `prepare` must have been called with the object (`conversion.ts`). */
export const toServed = (resource: Resource, stored: KubeObject): KubeObject => resource.storage.fromStored?.(stored) ?? stored;
export const toStored = (resource: Resource, served: KubeObject): KubeObject => resource.storage.toStored?.(served) ?? served;
