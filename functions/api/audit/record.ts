/**
 * What is recorded of one request while it goes through the stages. One is made for every request where there is a policy; until the caller is
 * known nothing is decided, and of a request that the policy does not want nothing is kept (apiserver `pkg/audit`, `pkg/endpoints/filters/audit.go`).
 */
import { type Clock, microTimestamp } from '../../../kinds/environment.ts';
import type { ObjectMeta } from '../../../kinds/object.ts';
import type { Status } from '../../../kinds/status.ts';
import { attributesOf } from '../authorize.ts';
import type { ApiBody, ApiRequest, ApiResponse, Connection, RequestInfo, User } from '../types.ts';
import {
  type AuditSink,
  attempted,
  type ObjectReference,
  objectReference,
  type ResponseStatus,
  requestURI,
  sourceIPs,
  type UserInfo,
  userAgentOf,
  userInfo,
} from './event.ts';
import { type AuditPolicy, type Level, levels, type Stage, type Verdict } from './level.ts';

export interface Auditing {
  readonly policy: AuditPolicy;
  readonly sink: AuditSink;
}

export interface Arrival {
  readonly auditId: string;
  readonly request: ApiRequest;
  readonly connection: Connection;
  readonly info: RequestInfo;
}

const longRunningVerbs = new Set(['watch', 'proxy']);
const longRunningSubresources = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);
const nobody: User = { name: '', groups: [] };

export class AuditRecord {
  readonly #auditing: Auditing;
  readonly #clock: Clock;
  readonly #arrival: Arrival;
  readonly #received: number;
  #verdict: Verdict | undefined;
  #identified = false;
  #user: UserInfo = {};
  #impersonated: UserInfo | undefined;
  #constraint: string | undefined;
  #reference: ObjectReference | undefined;
  #annotations: Record<string, string> | undefined;
  #status: Omit<ResponseStatus, 'metadata'> = {};
  #request: unknown;
  #response: unknown;

  constructor(auditing: Auditing, clock: Clock, arrival: Arrival) {
    this.#auditing = auditing;
    this.#clock = clock;
    this.#arrival = arrival;
    this.#received = clock.now();
  }

  /** Who sent it. Decides what is recorded. */
  identified(user: User): void {
    this.#identified = true;
    this.#user = userInfo(user);
    this.#decide(user);
    this.#write('RequestReceived', this.#received);
  }

  impersonated(user: User, constraint: string | undefined): void {
    this.#impersonated = userInfo(user);
    this.#constraint = constraint;
  }

  /** Whether that much is recorded. */
  wants(level: Level): boolean {
    return levels.indexOf(this.#verdict?.level ?? 'None') >= levels.indexOf(level);
  }

  /** What a stage has to say about the request, recorded from that level on. The first word stands. */
  annotate(key: string, value: string, from: Level = 'Metadata'): void {
    // Before the caller is known, nothing is decided yet.
    if (this.#verdict && !this.wants(from)) return;
    this.#annotations ??= Object.create(null) as Record<string, string>;
    this.#annotations[key] ??= value;
  }

  /** The object that was sent says what the path does not. */
  refer({ namespace, name, uid, resourceVersion }: Partial<ObjectMeta>): void {
    const reference = this.#reference;
    if (!reference) return;
    if (namespace) reference.namespace ||= namespace;
    if (name) reference.name ||= name;
    if (uid) reference.uid ||= uid;
    if (resourceVersion) reference.resourceVersion ||= resourceVersion;
  }

  /** `value` is the record's own. */
  requested(value: unknown): void {
    this.#request = this.#verdict?.omitManagedFields ? withoutManagedFields(value) : value;
  }

  /** `value` is the record's own. */
  responded(value: unknown): void {
    this.#response = this.#verdict?.omitManagedFields ? withoutManagedFields(value) : value;
  }

  /** The answer says itself what came of the request. */
  concluded({ status, message, reason, details, code }: Partial<Status>): void {
    this.#status = {
      ...(status ? { status } : {}),
      ...(message ? { message } : {}),
      ...(reason ? { reason } : {}),
      ...(details ? { details } : {}),
      ...(code ? { code } : {}),
    };
  }

  /** The answer as it goes out: one that streams is complete when it has ended or its reader is gone. */
  answered(response: ApiResponse, panic: boolean): ApiResponse {
    if (!this.#identified) this.#refuseStranger(response.status);
    if (!this.#identified || !this.wants('Metadata')) return response;
    this.#status = { ...this.#status, code: response.status };
    if (panic) {
      this.#write('Panic');
      return response;
    }
    if (this.#isLongRunning) this.#write('ResponseStarted');
    const { body } = response;
    if (!isStream(body)) {
      this.#write('ResponseComplete');
      return response;
    }
    return { ...response, body: watched(body, this.#whenGone()) };
  }

  /** From here on, the connection carries something else. */
  upgraded(): void {
    if (!this.wants('Metadata')) return;
    this.#status = { code: 101 };
    this.#write('ResponseStarted');
    this.#whenGone();
  }

  /** Completes the record when the client is gone; what it returns does so before. */
  #whenGone(): () => void {
    const { signal } = this.#arrival.request;
    let done = false;
    const complete = (): void => {
      if (done) return;
      done = true;
      signal.removeEventListener('abort', complete);
      this.#write('ResponseComplete');
    };
    signal.addEventListener('abort', complete, { once: true });
    if (signal.aborted) complete();
    return complete;
  }

  get #isLongRunning(): boolean {
    const { verb, target } = this.#arrival.info;
    return longRunningVerbs.has(verb) || (target !== undefined && longRunningSubresources.has(target.subresource));
  }

  #decide(user: User | undefined): void {
    const { info } = this.#arrival;
    const { verb, path, target } = info;
    const attributes = attributesOf(user ?? nobody, info);
    this.#verdict = this.#auditing.policy({ user, verb, path, ...(target ? { target: attributes } : {}) });
    if (!this.wants('Metadata')) this.#annotations = undefined;
    else this.#reference = objectReference(attributes);
  }

  /** One that was refused before it was known who sent it. */
  #refuseStranger(code: number): void {
    this.#decide(undefined);
    const { request, connection } = this.#arrival;
    this.#status = code === 401 ? { message: attempted(request, connection), code } : { ...this.#status, code };
    this.#write('ResponseStarted');
  }

  #write(stage: Stage, time = this.#clock.now()): void {
    const verdict = this.#verdict;
    if (!verdict || verdict.level === 'None' || verdict.omitStages.has(stage)) return;
    const { auditId, request, connection, info } = this.#arrival;
    const ips = sourceIPs(request, connection);
    this.#auditing.sink.write({
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: verdict.level,
      auditID: auditId,
      stage,
      requestURI: requestURI(request.url),
      verb: info.verb,
      user: this.#user,
      impersonatedUser: this.#impersonated,
      authenticationMetadata: this.#constraint ? { impersonationConstraint: this.#constraint } : undefined,
      ...(ips.length > 0 ? { sourceIPs: ips } : {}),
      userAgent: userAgentOf(request),
      objectRef: this.#reference,
      responseStatus: this.#status.code === undefined ? undefined : { metadata: {}, ...this.#status },
      requestObject: this.#request,
      responseObject: this.#response,
      requestReceivedTimestamp: microTimestamp(this.#received),
      stageTimestamp: microTimestamp(time),
      annotations: this.#annotations,
    });
  }
}

const isStream = (body: ApiBody): body is AsyncIterable<Uint8Array | string> =>
  body !== null && typeof body === 'object' && Symbol.asyncIterator in body;

async function* watched<T>(body: AsyncIterable<T>, ended: () => void): AsyncGenerator<T> {
  try {
    yield* body;
  } finally {
    ended();
  }
}

interface Recorded {
  metadata?: { managedFields?: unknown };
  items?: unknown;
  rows?: unknown;
  object?: unknown;
}

/** Of an object, and of those in a list or in the rows of a table. */
const withoutManagedFields = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  const { metadata, items, rows, object } = value as Recorded;
  if (metadata) delete metadata.managedFields;
  for (const list of [items, rows, [object]]) if (Array.isArray(list)) list.forEach(withoutManagedFields);
  return value;
};
