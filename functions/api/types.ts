/** The words that the stages of the API's pipeline share. */

import type { KubeObject } from '../../kinds/object.ts';
import type { Resource } from '../../kinds/resource.ts';
import type { FieldRequirement } from '../../kinds/selector/field-selector.ts';
import type { StatusError } from '../../kinds/status.ts';

/** The part of the web's `Request` that the API uses; a web-standard Request satisfies it, and so does the cheaper one of the local server. */
export interface ApiRequest {
  readonly method: string;
  /** Absolute, or path and query. */
  readonly url: string;
  /** `entries`: every header with its name in lower case; one that was sent twice comes twice, where the adapter can tell. */
  readonly headers: { get(name: string): string | null; entries?(): Iterable<[string, string]> };
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  arrayBuffer(): Promise<ArrayBuffer | Uint8Array>;
}

/** A body of several chunks is sent as they stand, without being copied together; an iterable is streamed (watch, logs). */
export type ApiBody = null | string | Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array | string>;

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: ApiBody;
}

export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What the adapter knows of the connection; `certificate` is a verified client certificate's subject. */
export interface Connection {
  readonly certificate?: { readonly commonName: string; readonly organizations: readonly string[] };
  /** Why a certificate that was shown does not count; such a client is unauthorized, not anonymous. */
  readonly certificateError?: string;
  readonly remoteAddress?: string;
}

/** What a request asks for, read from method, path and query (apiserver `pkg/endpoints/request/requestinfo.go`). */
export interface RequestInfo {
  readonly verb: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Absent for non-resource paths (`/healthz`, `/openapi/v3`). */
  readonly target?: {
    readonly group: string;
    readonly version: string;
    readonly resource: string;
    readonly subresource: string;
    readonly namespace: string;
    readonly name: string;
    /** Path segments behind the subresource (proxy). */
    readonly rest: string;
  };
}

export interface Authenticator {
  /** Undefined: no credentials of this kind. Throws `unauthorized()` for bad ones. */
  authenticate(request: ApiRequest, connection: Connection): Promise<User | undefined>;
}

export interface Attributes {
  readonly user: User;
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Set for non-resource requests. */
  readonly path?: string;
  /** What narrows a list or watch, as far as it can be read. */
  readonly fieldSelector?: readonly FieldRequirement[];
}

export interface Authorizer {
  authorize(attributes: Attributes): Promise<{ readonly allowed: boolean; readonly reason: string }>;
  /** What a user may do in a namespace, for SelfSubjectRulesReview. */
  rules?(user: User, namespace: string): Promise<SubjectRules>;
}

/** `status` of a SelfSubjectRulesReview. */
export interface SubjectRules {
  readonly resourceRules: readonly {
    readonly verbs: readonly string[];
    readonly apiGroups?: readonly string[];
    readonly resources?: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
  readonly nonResourceRules: readonly { readonly verbs: readonly string[]; readonly nonResourceURLs?: readonly string[] }[];
  readonly incomplete: boolean;
  readonly evaluationError?: string;
}

/** Issues and reviews service-account tokens. */
export interface TokenService {
  /** Answers a TokenRequest (subresource `token` of a ServiceAccount): the same object with its status, or a `StatusError`. */
  issue(serviceAccount: KubeObject, request: KubeObject): Promise<KubeObject>;
  /** Whom a bearer token stands for, and for which of `audiences` (empty: the API's own) it is good; undefined where it is none of ours. Throws for bad ones. */
  review(token: string, audiences: readonly string[]): Promise<{ readonly user: User; readonly audiences: readonly string[] } | undefined>;
}

/** A stage that may answer a request by itself (discovery, OpenAPI, health, version); undefined passes it on. */
export type NonResourceHandler = (request: ApiRequest, info: RequestInfo, user: User) => Promise<ApiResponse | undefined>;

/** Where the API finds a node's agent for exec, attach, port-forward, logs and proxy. */
export interface AgentEndpoint {
  readonly host: string;
  readonly port: number;
}

/** What an authorized exec, attach or port-forward is passed on to, byte for byte. */
export interface UpgradeTarget {
  readonly agent: AgentEndpoint;
  /** Path and query at the agent. */
  readonly path: string;
}

/** How the API reaches agents: with its own client certificate, never with the caller's credentials. */
export interface Agents {
  request(agent: AgentEndpoint, path: string, signal: AbortSignal): Promise<AgentResponse>;
}

export interface AgentResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: AsyncIterable<Uint8Array>;
}

export type { Resource, StatusError };
