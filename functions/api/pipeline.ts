/**
 * The order of everything that happens to a request:
 *
 *   authenticate -> authorize -> route -> negotiate -> decode -> mutate (admission) -> strategy -> validate (admission) -> store -> encode
 *
 * `serve` is the whole way of a request; `persist` the part of it that every write takes, also those of clients in this process and, where a
 * write lost a race, again on what is there then.
 */
import type { AroundCommit } from './admission.ts';
import { authenticate } from './authenticate.ts';
import { authorize } from './authorize.ts';
import type { Call, Exchange, Services, WriteOptions } from './context.ts';
import { deprecations } from './deprecations.ts';
import { encode } from './encode.ts';
import { mutate } from './mutate.ts';
import { negotiate } from './negotiate.ts';
import { parseRequest } from './request-info.ts';
import type { Router } from './route.ts';
import { type Draft, storeDraft, type Written } from './store.ts';
import { beforeCreate, beforeUpdate, dedupOwners } from './strategy.ts';
import type { ApiRequest, ApiResponse, Authenticator, Connection, NonResourceHandler } from './types.ts';
import { validate } from './validate.ts';

export interface Doors {
  readonly services: Services;
  readonly authenticators: readonly Authenticator[];
  readonly nonResource: NonResourceHandler;
  readonly route: Router;
}

/** `warnings` collects what the client is told beside the answer, also beside a refusal. */
export const serve = async (doors: Doors, request: ApiRequest, connection: Connection, warnings: string[]): Promise<ApiResponse> => {
  const { services } = doors;
  const info = parseRequest(request.method, request.url);
  const { user } = await authenticate(doors.authenticators, services.authorizer, request, connection, info);
  await authorize(services.authorizer, user, info);
  const routed = doors.route(services.registry, request, info);
  if (!routed) return (await doors.nonResource(request, info, user)) ?? pathNotFound;
  warnings.push(...deprecations(routed.target.resource));
  const builtIn = routed.target.resource.schema.definition !== undefined;
  const accept = negotiate(request.headers.get('accept'), routed.streams, builtIn, routed.tables);
  const exchange: Exchange = { ...routed.target, services, user, request, connection, info, accept, warnings, guards: [] };
  // Decodes the body; writes go on through `persist`.
  const answer = await routed.handler(exchange);
  return encode(exchange, answer);
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
  dedupOwners(call, object);
  if (previous) beforeUpdate(call, object, previous.object);
  else beforeCreate(call, object);
  await validate(call, admission);
  return storeDraft(call, draft, options, attempt, around);
};

const pathNotFound: ApiResponse = {
  status: 404,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
  body: '404 page not found\n',
};
