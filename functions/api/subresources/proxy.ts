/** `pods/proxy`, `services/proxy` and `nodes/proxy`: any request, passed on to what runs there (upstream: `pkg/registry/core/{pod,service,node}`). */
import { isIP } from 'node:net';
import { posix } from 'node:path';
import type { KubeObject } from '../../../kinds/object.ts';
import { badRequest, methodNotAllowed, notFound, serviceUnavailable } from '../../../kinds/status.ts';
import type { Endpoints, Pod, Service } from '../../../kinds/types.ts';
import { admitConnection } from '../connect.ts';
import { type Answer, type Call, type Exchange, groupResource, syncedReplica } from '../context.ts';
import { hostOf, requestHeaders } from '../proxy/headers.ts';
import type { Passage } from '../proxy/links.ts';
import { hostPort } from '../proxy/network-failure.ts';
import { answerThrough, ask, type Destination } from '../proxy/pass-on.ts';
import type { ApiRequest, Backend, Connection, RequestInfo, Scheme } from '../types.ts';
import { agentOf, readPod } from './streams.ts';

/** `name`, `name:port` or `scheme:name:port`. */
interface Target {
  readonly scheme: Scheme | undefined;
  readonly name: string;
  readonly port: string;
}

const parseTarget = (id: string, kind: string): Target => {
  const parts = id.split(':');
  const [scheme, name, port] = parts.length === 3 ? parts : ['', ...parts];
  if (!name || parts.length > 3 || !['', 'http', 'https'].includes(scheme ?? '')) throw badRequest(`invalid ${kind} request "${id}"`);
  return { scheme: scheme ? (scheme as Scheme) : undefined, name, port: port ?? '' };
};

const wellKnown: Readonly<Record<string, number>> = { http: 80, https: 443 };

const addressed = (host: string, port: string, scheme: Scheme = 'http'): Backend => {
  const number = /^\d{1,5}$/.test(port) ? Number(port) : wellKnown[port || scheme];
  if (number === undefined) throw serviceUnavailable(`error trying to reach service: dial tcp: lookup tcp/${port}: unknown port`);
  if (number > 65_535) throw serviceUnavailable(`error trying to reach service: dial tcp: address ${port}: invalid port`);
  return { kind: 'address', host, port: number, scheme };
};

/** Not the machine of the API itself, nor its link (Go `IP.IsGlobalUnicast`). */
const reachable = (ip: string): boolean =>
  isIP(ip) !== 0 && !/^(127\.|169\.254\.|0\.0\.0\.0$|255\.255\.255\.255$|2(2[4-9]|3\d)\.|::1?$|fe[89ab][0-9a-f]:|ff)/i.test(ip);

const ofPod = async (call: Call): Promise<Backend> => {
  const { scheme, name, port } = parseTarget(call.name, 'pod');
  const pod = await readPod({ ...call, name });
  const ip = pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? '';
  if (!reachable(ip)) throw badRequest('address not allowed');
  const first = pod.spec?.containers.find(({ ports }) => ports?.length)?.ports?.[0]?.containerPort;
  return addressed(ip, port || String(first ?? ''), scheme);
};

const lookUp = async <T extends KubeObject>(call: Call, resource: string, name: string): Promise<T> => {
  const found = (await syncedReplica(call.services, resource)).get(call.namespace, name)?.object;
  // Also of endpoints upstream says that there is no such service.
  if (!found) throw notFound(groupResource(call.resource), name);
  return found as T;
};

const ofService = async (call: Call): Promise<Backend> => {
  const { scheme, name, port } = parseTarget(call.name, 'service');
  let portName = port;
  if (/^[+-]?\d+$/.test(port)) {
    const service = await lookUp<Service>(call, 'services', name);
    const found = service.spec?.ports?.find(one => one.port === Number(port));
    if (!found) throw serviceUnavailable(`no service port ${Number(port)} found for service "${name}"`);
    portName = found.name ?? '';
  }
  const { subsets = [] } = await lookUp<Endpoints>(call, 'endpoints', name);
  if (subsets.length === 0) throw serviceUnavailable(`no endpoints available for service "${name}"`);
  const pods = await syncedReplica(call.services, 'pods');
  // Only what is really a pod: else whoever writes endpoints could make the API call any address.
  const isPod = (ip: string, reference: { namespace?: string; name?: string } | undefined): boolean => {
    if (reference?.namespace !== call.namespace) return false;
    const pod = pods.get(call.namespace, reference.name ?? '')?.object as Pod | undefined;
    return pod?.status?.podIPs?.some(one => one.ip === ip) ?? false;
  };
  const found = subsets.flatMap(({ addresses = [], ports = [] }) => {
    const number = ports.find(one => (one.name ?? '') === portName)?.port;
    return number === undefined ? [] : addresses.filter(({ ip, targetRef }) => isPod(ip, targetRef)).map(({ ip }) => ({ ip, number }));
  });
  const chosen = found[Math.floor(call.services.random.next() * found.length)];
  if (!chosen) throw serviceUnavailable(`no endpoints available for service "${call.name}"`);
  return addressed(chosen.ip, String(chosen.number), scheme);
};

const ofNode = async (call: Call): Promise<Backend> => {
  const { scheme, name, port } = parseTarget(call.name, 'node');
  const agent = await agentOf(call, name);
  if (isIP(agent.host) && !reachable(agent.host)) throw badRequest('address not allowed');
  return port === '' || port === String(agent.port) ? agent : addressed(agent.host, port, scheme);
};

/** By the store's name of the resource. */
export const proxied: ReadonlyMap<string, (call: Call) => Promise<Backend>> = new Map([
  ['pods', ofPod],
  ['services', ofService],
  ['nodes', ofNode],
]);

export const proxyMethods: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);

/** Go's `URL.EscapedPath`. */
const escapePath = (path: string): string =>
  encodeURI(path).replace(/[?#!'()*]/g, one => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

interface Paths {
  /** What stands before every path of the backend where the client sees it. */
  readonly prefix: string;
  /** Behind `proxy`, without the detours that a path may take; empty where nothing stands there. */
  readonly behind: string;
}

const pathsOf = ({ path, target }: RequestInfo): Paths => {
  const before = (target?.group ? 4 : 3) + (target?.namespace ? 2 : 0) + 3;
  const rest = path.split('/').slice(before);
  const whole = decodeURIComponent(path);
  const behind = rest.length === 0 ? '' : posix.normalize(`/${decodeURIComponent(rest.join('/'))}`);
  return { prefix: escapePath(whole.endsWith(behind) ? whole.slice(0, whole.length - behind.length) : whole), behind: escapePath(behind) };
};

const queryOf = (url: string): string => {
  const mark = url.indexOf('?');
  return mark < 0 ? '' : url.slice(mark);
};

/** Where a request goes, and how links there are to be read; throws for those that may not go. */
export const passageOf = async (
  call: Call,
  { info, request, connection, upgrade = false }: { info: RequestInfo; request: ApiRequest; connection: Connection; upgrade?: boolean },
): Promise<Destination & { readonly passage: Passage }> => {
  const locate = proxied.get(call.resource.storage.name);
  if (!locate) throw methodNotAllowed(groupResource(call.resource), 'connect');
  const { prefix, behind } = pathsOf(info);
  await admitConnection(call, info.query, behind && decodeURIComponent(behind));
  const backend = await locate(call);
  const host = hostOf(request);
  const forwarded = upgrade ? {} : { 'x-forwarded-uri': posix.join(prefix, behind || '/') };
  const headers = { ...requestHeaders(request, connection, host, upgrade), ...forwarded };
  const passage = { prefix, backend: hostPort(backend.host, backend.port), host };
  return { backend, path: `${behind || '/'}${queryOf(request.url)}`, headers, passage };
};

export const proxy = async (exchange: Exchange): Promise<Answer> => {
  const { request, info, services } = exchange;
  const { passage, ...destination } = await passageOf(exchange, exchange);
  // Links of a page at the root would lead beside the proxy if its own address did not end in a slash.
  if (pathsOf(info).behind === '' && (request.method === 'GET' || request.method === 'HEAD'))
    return { type: 'raw', response: { status: 301, headers: { location: `${info.path}/${queryOf(request.url)}` }, body: null } };
  if (!services.backends) throw serviceUnavailable('this API server has no way to pods, services and nodes');
  const response = await ask(services.backends, request, destination);
  return { type: 'raw', response: await answerThrough(passage, response) };
};
