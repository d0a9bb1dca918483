/** The Kubernetes API as one function: a web-standard Request in, a Response out. Composition only; the stages stand in `pipeline.ts`. */
import type { Clock, Logger, Random } from '../../kinds/environment.ts';
import type { Registry } from '../../kinds/resource.ts';
import { StatusError } from '../../kinds/status.ts';
import type { Log } from '../../store/log.ts';
import type { Replicas } from '../../store/replica.ts';
import type { Clients } from '../client.ts';
import type { AdmissionPlugin } from './admission.ts';
import type { Aggregation } from './aggregation/aggregation.ts';
import type { Allocator } from './allocator.ts';
import type { Auditing, AuditRecord } from './audit/record.ts';
import { createClients } from './clients.ts';
import type { Services } from './context.ts';
import type { Converter } from './conversion.ts';
import { encodeError } from './encode.ts';
import { isForeseen, toStatusError } from './errors.ts';
import type { FlowControl } from './flow-control/flow-control.ts';
import { Metrics } from './metrics.ts';
import { type Accept, negotiate, plainJson } from './negotiate.ts';
import { type Beside, type Doors, serve } from './pipeline.ts';
import { route } from './route.ts';
import type {
  ApiRequest,
  ApiResponse,
  Authenticator,
  Authorizer,
  Backends,
  Connection,
  NonResourceHandler,
  TokenService,
  UpgradeTarget,
} from './types.ts';
import { upgrade } from './upgrade.ts';
import { copyJson } from './wire.ts';

export interface ApiOptions {
  readonly log: Log;
  readonly replicas: Replicas;
  readonly registry: Registry;
  /** Asked in order; the first user counts. Nobody: `system:anonymous`. */
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
  /** Asked for every path that names no resource. */
  readonly nonResource: NonResourceHandler;
  readonly admission: readonly AdmissionPlugin[];
  readonly allocators: readonly Allocator[];
  /** Absent: TokenRequest and TokenReview answer 404 and "not authenticated". */
  readonly tokens?: TokenService;
  /** Absent: what has to be passed on (logs, proxies, extensions) answers 503. */
  readonly backends?: Backends;
  /** Absent: everybody is served at once. */
  readonly flowControl?: FlowControl;
  /** Absent: there are no extension API servers. */
  readonly aggregation?: Aggregation;
  /** Absent: no webhooks convert custom resources. */
  readonly converter?: Converter;
  /** Absent: nothing is recorded. Only what comes by HTTP is. */
  readonly auditing?: Auditing;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface Api {
  /** Never rejects: every failure is a `Status` answer. */
  handle(request: ApiRequest, connection: Connection): Promise<ApiResponse>;
  /** For exec, attach and port-forward. Rejects with a `StatusError`. */
  authorizeUpgrade(request: ApiRequest, connection: Connection): Promise<UpgradeTarget>;
  /** The same pipeline without HTTP, for controllers and the scheduler. */
  readonly clients: Clients;
}

export const createApi = (options: ApiOptions): Api => {
  const allocators = new Map<string, Allocator[]>();
  for (const allocator of options.allocators)
    allocators.set(allocator.resource, [...(allocators.get(allocator.resource) ?? []), allocator]);
  const { tokens, backends, flowControl, converter, auditing } = options;
  const services: Services = { ...options, allocators, tokens, backends, flowControl, converter, auditing };
  const { authenticators, nonResource, aggregation } = options;
  const doors: Doors = { services, authenticators, nonResource, aggregation, route, metrics: new Metrics(options) };
  return {
    async handle(request, connection) {
      const auditId = request.headers.get('audit-id') || services.random.uuid();
      const beside: Beside = { auditId, warnings: [], headers: undefined };
      let panic = false;
      const answer = async (): Promise<ApiResponse> => {
        try {
          return await serve(doors, request, connection, beside);
        } catch (error) {
          const status = toStatusError(error, services.logger, { method: request.method, path: pathOf(request.url) });
          panic = !isForeseen(error);
          if (beside.audit) recordFailure(beside.audit, status);
          return encodeError(status, acceptOf(request), beside.warnings);
        }
      };
      const response = await answer();
      beside.observe?.(response.status);
      const headed = {
        ...response,
        headers: { 'audit-id': auditId, 'cache-control': notToBeKept, ...beside.headers, ...response.headers },
      };
      return beside.audit?.answered(headed, panic) ?? headed;
    },
    async authorizeUpgrade(request, connection) {
      const auditId = request.headers.get('audit-id') || services.random.uuid();
      const beside: Beside = { auditId, warnings: [], headers: undefined };
      try {
        const target = await upgrade(doors, request, connection, beside);
        beside.audit?.upgraded();
        return target;
      } catch (error) {
        const status = toStatusError(error, services.logger, { method: request.method, path: pathOf(request.url) });
        if (beside.audit) {
          recordFailure(beside.audit, status);
          beside.audit.answered({ status: status.code, headers: {}, body: null }, !isForeseen(error));
        }
        throw status;
      }
    },
    clients: createClients(services),
  };
};

/** What says nothing else about itself is kept by nobody (apiserver `pkg/server/filters/cachecontrol.go`). */
const notToBeKept = 'no-cache, private';

const recordFailure = (audit: AuditRecord, { status }: StatusError): void => {
  audit.concluded(status);
  if (audit.wants('RequestResponse')) audit.responded(copyJson(status));
};

/** Queries may hold what is nobody's business in a log. */
const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';

/** Of a failed request: what is wrong with the header itself cannot be said twice. */
const acceptOf = (request: ApiRequest): Accept => {
  try {
    return negotiate(request.headers.get('accept'), false, true);
  } catch (error) {
    if (error instanceof StatusError) return plainJson;
    throw error;
  }
};
