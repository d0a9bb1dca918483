/** An audit event in upstream's form (apiserver `pkg/apis/audit/v1/types.go`), and what of it is read from the request. */
import { isIP } from 'node:net';
import type { ApiRequest, Attributes, Connection, User } from '../types.ts';
import type { Level, Stage } from './level.ts';

export interface UserInfo {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface ObjectReference {
  resource?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  apiGroup?: string;
  apiVersion?: string;
  resourceVersion?: string;
  subresource?: string;
}

export interface ResponseStatus {
  readonly metadata: Readonly<Record<string, never>>;
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly details?: unknown;
  readonly code?: number;
}

export interface AuditEvent {
  readonly kind: 'Event';
  readonly apiVersion: 'audit.k8s.io/v1';
  readonly level: Level;
  readonly auditID: string;
  readonly stage: Stage;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: UserInfo;
  readonly impersonatedUser?: UserInfo | undefined;
  readonly authenticationMetadata?: { readonly impersonationConstraint: string } | undefined;
  readonly sourceIPs?: readonly string[];
  readonly userAgent?: string | undefined;
  readonly objectRef?: ObjectReference | undefined;
  readonly responseStatus?: ResponseStatus | undefined;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Where events go. Must take each as it is now, must not wait, and must not throw. */
export interface AuditSink {
  write(event: AuditEvent): void;
}

export const userInfo = ({ name, uid, groups, extra }: User): UserInfo => ({
  username: name,
  ...(uid ? { uid } : {}),
  ...(groups.length > 0 ? { groups } : {}),
  ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
});

/** Undefined where no resource is meant. */
export const objectReference = (attributes: Attributes): ObjectReference | undefined => {
  if (attributes.path !== undefined) return undefined;
  const { resource, namespace, name, group, version, subresource } = attributes;
  return {
    ...(resource ? { resource } : {}),
    ...(namespace ? { namespace } : {}),
    ...(name ? { name } : {}),
    ...(group ? { apiGroup: group } : {}),
    ...(version ? { apiVersion: version } : {}),
    ...(subresource ? { subresource } : {}),
  };
};

const longestAgent = 1024;
export const userAgentOf = ({ headers }: ApiRequest): string | undefined => {
  const agent = headers.get('user-agent') || undefined;
  return agent && agent.length > longestAgent ? `${agent.slice(0, longestAgent)}...TRUNCATED` : agent;
};

/** Whoever passed the request on may have written all but the last (apimachinery `pkg/util/net` SourceIPs). */
export const sourceIPs = ({ headers }: ApiRequest, { remoteAddress }: Connection): string[] => {
  const found = (headers.get('x-forwarded-for') ?? '').split(',').flatMap(addressIn);
  for (const real of addressIn(headers.get('x-real-ip') ?? '')) if (!found.includes(real)) found.push(real);
  for (const remote of addressIn(remoteAddress ?? '')) if (found.at(-1) !== remote) found.push(remote);
  return found;
};

const mapped = '::ffff:';
const addressIn = (text: string): string[] => {
  const trimmed = text.trim().toLowerCase();
  const address = trimmed.startsWith(mapped) && trimmed.includes('.') ? trimmed.slice(mapped.length) : trimmed;
  return isIP(address) ? [address] : [];
};

/** Path and query as they were sent. */
export const requestURI = (url: string): string => {
  if (url.startsWith('/')) return url;
  const { pathname, search } = new URL(url);
  return pathname + search;
};

/** How a client that nobody knew tried to show who it is; never what it showed. */
export const attempted = ({ headers }: ApiRequest, { certificate, certificateError }: Connection): string => {
  const [scheme = '', ...rest] = (headers.get('authorization') ?? '').trim().split(' ');
  const kind = scheme.toLowerCase();
  const methods = [
    ...(rest.length > 0 && (kind === 'basic' || kind === 'bearer') ? [kind] : []),
    ...(certificate || certificateError ? ['x509'] : []),
  ];
  return methods.length > 0 ? `Authentication failed, attempted: ${methods.join(', ')}` : 'Authentication failed, no credentials provided';
};
