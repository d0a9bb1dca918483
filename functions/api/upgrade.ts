/** An upgrade goes the first stages of every request; then its bytes are the business of whoever it is passed on to. */
import { badRequest, pageNotFound } from '../../kinds/status.ts';
import { authenticate } from './authenticate.ts';
import { attributesOf, authorize, authorizeAttributes } from './authorize.ts';
import { admitConnection } from './connect.ts';
import type { Call } from './context.ts';
import { type Beside, type Doors, record } from './pipeline.ts';
import { requestHeaders } from './proxy/headers.ts';
import { hostPort } from './proxy/network-failure.ts';
import { parseRequest } from './request-info.ts';
import { passageOf, proxied } from './subresources/proxy.ts';
import { agentOf, agentPath, nodeOf, readPod } from './subresources/streams.ts';
import type { ApiRequest, Connection, UpgradeTarget } from './types.ts';

const streams = new Set(['exec', 'attach', 'portforward']);

export const upgrade = async (doors: Doors, request: ApiRequest, connection: Connection, beside: Beside): Promise<UpgradeTarget> => {
  const { services } = doors;
  const info = parseRequest(request.method, request.url);
  const audit = record(services, beside, { request, connection, info });
  const { user } = await authenticate(doors.authenticators, services.authorizer, request, connection, info, [], audit);
  await authorize(services.authorizer, user, info, audit);
  const extension = doors.aggregation?.serving(info.path);
  if (extension && doors.aggregation) return doors.aggregation.upgrade(extension, { request, connection, user });
  const { target } = info;
  if (!target) throw badRequest('this path takes no upgrade');
  const { namespace, name, subresource } = target;
  const resource = services.registry.find(target.group, target.version, target.resource);
  const stored = resource?.storage.name ?? '';
  if (subresource === 'proxy' && resource && proxied.has(stored)) {
    const call: Call = { services, user, resource, subresource, namespace, name, warnings: [], guards: [], ...(audit ? { audit } : {}) };
    const { backend, path, headers } = await passageOf(call, { info, request, connection, upgrade: true });
    return { backend, path, headers };
  }
  if (!streams.has(subresource)) throw badRequest('this path takes no upgrade');
  // Opening a stream by GET (WebSocket) is not reading: it needs what POST needs.
  if (info.verb === 'get') await authorizeAttributes(services.authorizer, { ...attributesOf(user, info), verb: 'create' });
  if (!resource || stored !== 'pods') throw pageNotFound();
  const call: Call = { services, user, resource, subresource, namespace, name, warnings: [], guards: [], ...(audit ? { audit } : {}) };
  const options = await admitConnection(call, info.query);
  const pod = await readPod(call);
  const path = agentPath(subresource, pod, options);
  const backend = await agentOf(call, nodeOf(pod));
  const { cookie: _, ...headers } = requestHeaders(request, connection, hostPort(backend.host, backend.port), true);
  return { backend, path, headers };
};
