/**
 * The order of everything that happens to a request:
 *
 *   authenticate -> flow control -> authorize -> route -> negotiate -> decode -> mutate (admission) -> strategy -> validate (admission) -> store -> encode
 *
 * `serve` is the whole way of a request; `persist` the part of it that every write takes, also those of clients in this process and, where a
 * write lost a race, again on what is there then.
 */
import type { AroundCommit } from './admission.ts';
import type { Aggregation } from './aggregation/aggregation.ts';
import { AuditRecord } from './audit/record.ts';
import { authenticate } from './authenticate.ts';
import { authorize } from './authorize.ts';
import type { Call, Exchange, Services, WriteOptions } from './context.ts';
import { deprecations } from './deprecations.ts';
import { encode } from './encode.ts';
import { keepTimes } from './managed-fields.ts';
import type { Metrics } from './metrics.ts';
import { mutate } from './mutate.ts';
import { negotiate, plainJson } from './negotiate.ts';
import { parseRequest } from './request-info.ts';
import { checkTimeout } from './request-timeout.ts';
import type { Router } from './route.ts';
import { complete, type Draft, storeDraft, type Written } from './store.ts';
import { beforeCreate, beforeUpdate, dedupOwners, fillSystemMetadata, matchRevision } from './strategy.ts';
import type { ApiRequest, ApiResponse, Authenticator, Connection, NonResourceHandler } from './types.ts';
import { validate } from './validate.ts';

export interface Doors {
  readonly services: Services;
  readonly authenticators: readonly Authenticator[];
  readonly nonResource: NonResourceHandler;
  readonly aggregation: Aggregation | undefined;
  readonly route: Router;
  readonly metrics: Metrics;
}

/** What the client is told beside the answer, also beside a refusal. */
export interface Beside {
  readonly auditId: string;
  readonly warnings: string[];
  headers: Readonly<Record<string, string>> | undefined;
  /** To be called with the status of the answer, once its path has been read. */
  observe?: (status: number) => void;
  /** Where requests are recorded. */
  audit?: AuditRecord;
}

/** What is told and recorded of a request from when its path has been read. */
export const record = (
  { auditing, clock }: Services,
  beside: Beside,
  arrival: Pick<Exchange, 'request' | 'connection' | 'info'>,
): AuditRecord | undefined => {
  if (auditing) beside.audit = new AuditRecord(auditing, clock, { ...arrival, auditId: beside.auditId });
  return beside.audit;
};

export const serve = async (doors: Doors, request: ApiRequest, connection: Connection, beside: Beside): Promise<ApiResponse> => {
  const { services } = doors;
  const info = parseRequest(request.method, request.url);
  beside.observe = doors.metrics.begin(request, info);
  const audit = record(services, beside, { request, connection, info });
  checkTimeout(info);
  const { user } = await authenticate(doors.authenticators, services.authorizer, request, connection, info, beside.warnings, audit);
  const entered = services.flowControl?.enter(request, info, user);
  const turn = entered instanceof Promise ? await entered : entered;
  if (!turn) return answer(doors, { request, connection, info, user, beside, lasts: () => () => undefined });
  beside.headers = turn.headers;
  if (turn.refusal) return turn.refusal;
  let lasting = false;
  const lasts = (): (() => void) => {
    lasting = true;
    // One whose client is gone before anybody reads it never begins.
    request.signal.addEventListener('abort', turn.end, { once: true });
    if (request.signal.aborted) turn.end();
    return turn.end;
  };
  try {
    return await answer(doors, { request, connection, info, user, beside, lasts });
  } finally {
    if (!lasting) turn.end();
  }
};

/** A request that has its turn. */
interface Arrived extends Pick<Exchange, 'request' | 'connection' | 'info' | 'user' | 'lasts'> {
  readonly beside: Beside;
}

const answer = async (doors: Doors, { request, connection, info, user, beside, lasts }: Arrived): Promise<ApiResponse> => {
  const { services } = doors;
  const { warnings, audit } = beside;
  await authorize(services.authorizer, user, info, audit);
  const { aggregation } = doors;
  const extension = aggregation?.serving(info.path);
  if (aggregation && extension) return aggregation.forward(extension, { request, connection, user });
  const routed = doors.route(services.registry, request, info);
  if (!routed && info.path === '/metrics') return doors.metrics.answer();
  if (!routed) return (await doors.nonResource(request, info, user, connection)) ?? pathNotFound;
  warnings.push(...deprecations(routed.target.resource));
  const builtIn = routed.target.resource.schema.definition !== undefined;
  const accept = routed.passesOn ? plainJson : negotiate(request.headers.get('accept'), routed.streams, builtIn, routed.tables);
  const exchange: Exchange = {
    ...routed.target,
    services,
    user,
    request,
    connection,
    info,
    accept,
    warnings,
    lasts,
    guards: [],
    ...(audit ? { audit } : {}),
  };
  // Decodes the body; writes go on through `persist`.
  return encode(exchange, await routed.handler(exchange));
};

export const persist = async (call: Call, draft: Draft, options: WriteOptions, attempt: number): Promise<Written | undefined> => {
  const { object, previous } = draft;
  let around: AroundCommit | undefined;
  const admission = {
    operation: previous ? ('UPDATE' as const) : ('CREATE' as const),
    object,
    previous: previous?.object,
    dryRun: options.dryRun,
    options: options.raw,
    commitWith: (wanted: AroundCommit) => {
      around = wanted;
    },
  };
  await mutate(call, admission);
  if (previous) keepTimes(call, object, previous.object);
  dedupOwners(call, object);
  if (previous) matchRevision(call, object, previous.object);
  else fillSystemMetadata(call, object);
  await complete(call, draft, { attempt, dryRun: options.dryRun });
  if (previous) beforeUpdate(call, object, previous.object);
  else beforeCreate(call, object);
  await validate(call, admission);
  return storeDraft(call, draft, options, around);
};

const pathNotFound: ApiResponse = {
  status: 404,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
  body: '404 page not found\n',
};
