/** The Kubernetes API as one function: a web-standard Request in, a Response out. Composition only; the stages stand in `pipeline.ts`. */
import type { Clock, Logger, Random } from '../../kinds/environment.ts';
import type { Registry } from '../../kinds/resource.ts';
import type { Log } from '../../store/log.ts';
import type { Replicas } from '../../store/replica.ts';
import type { Clients } from '../client.ts';
import type { AdmissionPlugin } from './admission.ts';
import type { Allocator } from './allocator.ts';
import type {
  Agents,
  ApiRequest,
  ApiResponse,
  Authenticator,
  Authorizer,
  Connection,
  NonResourceHandler,
  TokenService,
  UpgradeTarget,
} from './types.ts';

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
  /** Absent: logs and upgrades answer 503. */
  readonly agents?: Agents;
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

export type CreateApi = (options: ApiOptions) => Api;
