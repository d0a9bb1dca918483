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
  readonly headers: {
    get(name: string): string | null;
    /** Every header with its name in lower case; one that was sent twice comes twice, where the adapter can tell. */
    entries(): Iterable<[string, string]>;
    /** Whether there is any whose name begins so: asked of each request, so an adapter may know a cheaper way than to go through all. */
    anyWith?(prefix: string): boolean;
  };
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  arrayBuffer(): Promise<ArrayBuffer | Uint8Array>;
  /** The same as it comes, for what is passed on; null: none was sent. Only one of the two may be read. */
  readonly body: AsyncIterable<Uint8Array> | null;
}

/** A body of several chunks is sent as they stand, without being copied together; an iterable is streamed (watch, logs). */
export type ApiBody = null | string | Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array | string>;

export interface ApiResponse {
  readonly status: number;
  readonly headers: HeaderFields;
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
  readonly certificate?: {
    readonly commonName: string;
    readonly organizations: readonly string[];
    readonly uid?: string;
    /** Of the whole certificate, in hexadecimal. */
    readonly sha256?: string;
  };
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
  authenticate(request: ApiRequest, connection: Connection, warn: (text: string) => void): Promise<User | undefined>;
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

/** Whom a bearer token stands for, and for which of the audiences asked for it is good; or what is wrong with it, for those who may know. */
export type TokenVerdict = { readonly user: User; readonly audiences: readonly string[] } | { readonly error: string };

/** Issues service-account tokens and reviews tokens of all kinds. */
export interface TokenService {
  /**
   * Answers a TokenRequest (subresource `token` of a ServiceAccount): the same object with its status, or a `StatusError`. `admitted` is awaited
   * between the request's own checks and what is looked up for it.
   */
  issue(serviceAccount: KubeObject, request: KubeObject, admitted?: () => Promise<void>): Promise<KubeObject>;
  /** `audiences` empty: the API's own. */
  review(token: string, audiences: readonly string[]): Promise<TokenVerdict>;
}

/** A stage that may answer a request by itself (discovery, OpenAPI, health, version); undefined passes it on. */
export type NonResourceHandler = (
  request: ApiRequest,
  info: RequestInfo,
  user: User,
  connection: Connection,
) => Promise<ApiResponse | undefined>;

/** Another server that requests are passed on to, and what the two know of each other. */
export type Backend = { readonly host: string; readonly port: number } & (
  | { /** A node's agent: shown the API's own client certificate. */ readonly kind: 'agent' }
  | {
      /** Whatever listens there, such as a pod: shown nothing, and not asked who it is. */ readonly kind: 'address';
      readonly scheme: Scheme;
    }
  | {
      /** An extension API server: shown the certificate of the front proxy, which vouches for the user named in the headers. */
      readonly kind: 'extension';
      readonly serverName: string;
      /** PEM; absent: the machine's own roots. */
      readonly ca?: string;
      readonly insecure: boolean;
    }
);
export type Scheme = 'http' | 'https';

export type HeaderFields = Readonly<Record<string, string | readonly string[]>>;

export interface BackendRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: HeaderFields;
  readonly body?: AsyncIterable<Uint8Array> | null;
  readonly signal: AbortSignal;
}

export interface BackendResponse {
  readonly status: number;
  readonly headers: HeaderFields;
  /** Ends with an error where the backend broke off. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** The way from the API to other servers. */
export interface Backends {
  /** Rejects with an error whose `code` is Node's (`ECONNREFUSED`) where nobody answers. Redirects are answers. */
  request(backend: Backend, request: BackendRequest): Promise<BackendResponse>;
}

/** What an authorized upgrade is passed on to, byte for byte. */
export interface UpgradeTarget {
  readonly backend: Backend;
  /** Path and query there. */
  readonly path: string;
  /** Sent instead of the caller's own. */
  readonly headers: HeaderFields;
}

export type { Resource, StatusError };
