/**
 * Passes requests on to extension API servers (kube-aggregator `handler_proxy.go`). They know the front proxy by its certificate and believe
 * its headers about who asks; the caller's own credentials stay here.
 */
import type { Random } from '../../../kinds/environment.ts';
import { badRequest, StatusError } from '../../../kinds/status.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { Extension } from '../../extensions.ts';
import { requestHeaders } from '../proxy/headers.ts';
import { hostPort } from '../proxy/network-failure.ts';
import { answerOf, ask, type Destination } from '../proxy/pass-on.ts';
import { endpointOf } from '../proxy/service-endpoint.ts';
import type { ApiRequest, ApiResponse, Backend, Backends, Connection, HeaderFields, User } from '../types.ts';

export interface FrontProxyOptions {
  readonly replicas: Replicas;
  readonly backends: Backends;
  readonly random: Random;
}

/** A key of extras in a header's name (client-go `transport/round_trippers.go`). */
const headerKey = (key: string): string =>
  [...Buffer.from(key.toLowerCase())]
    .map(byte => {
      const one = String.fromCharCode(byte);
      return /[a-z0-9!#$&'*+.^_`|~-]/.test(one) ? one : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');

export const identityHeaders = ({ name, uid, groups, extra = {} }: User): HeaderFields => ({
  'x-remote-user': name,
  ...(uid ? { 'x-remote-uid': uid } : {}),
  ...(groups.length > 0 ? { 'x-remote-group': groups } : {}),
  ...Object.fromEntries(Object.entries(extra).map(([key, values]) => [`x-remote-extra-${headerKey(key)}`, values])),
});

export const backendOf = async ({ replicas, random }: Omit<FrontProxyOptions, 'backends'>, extension: Extension): Promise<Backend> => {
  const { service, ca, insecure } = extension;
  const serverName = `${service.name}.${service.namespace}.svc`;
  return { ...(await endpointOf(replicas, random, service)), kind: 'extension', serverName, insecure, ...(ca ? { ca } : {}) };
};

export const plainText = (status: number, text: string): ApiResponse => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
  body: `${text}\n`,
});

const unavailable = (): StatusError => new StatusError(503, 'ServiceUnavailable', 'service unavailable');

/** Throws a 503 for an extension that cannot be asked. */
export const destinationOf = async (
  options: FrontProxyOptions,
  extension: Extension,
  { request, connection, user, upgrade = false }: { request: ApiRequest; connection: Connection; user: User; upgrade?: boolean },
): Promise<Destination> => {
  if (!extension.available) throw unavailable();
  // It was authorized as one segment, and the server behind would take it for two.
  if (/%2f/i.test(request.url.split('?', 1)[0] ?? '')) throw badRequest('the path holds an escaped slash');
  let backend: Backend;
  try {
    backend = await backendOf(options, extension);
  } catch (cause) {
    throw Object.assign(unavailable(), { cause });
  }
  const host = hostPort(backend.host, backend.port);
  const path = request.url.startsWith('/') ? request.url : new URL(request.url).pathname + new URL(request.url).search;
  const forwarded = { 'x-forwarded-uri': path.split('?', 1)[0] ?? '', 'x-forwarded-host': host, 'x-forwarded-proto': 'https' };
  const headers = { ...requestHeaders(request, connection, host, upgrade), ...forwarded, ...identityHeaders(user) };
  return { backend, path, headers };
};

const redirected = 'the backend attempted to redirect this request, which is not permitted';

/** Refusals of the proxy itself are plain text, as upstream's. */
export const forward = async (
  options: FrontProxyOptions,
  extension: Extension,
  from: { request: ApiRequest; connection: Connection; user: User },
): Promise<ApiResponse> => {
  try {
    const response = await ask(options.backends, from.request, await destinationOf(options, extension, from));
    if (response.status < 300 || response.status > 399 || !response.headers['location']) return answerOf(response);
    await response.body[Symbol.asyncIterator]().return?.();
    return { status: 502, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: redirected };
  } catch (error) {
    if (error instanceof StatusError && error.code === 503) return plainText(503, error.message);
    throw error;
  }
};
