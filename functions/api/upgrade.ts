/** An upgrade goes the first stages of every request; then its bytes are the agent's business. */
import { badRequest, pageNotFound } from '../../kinds/status.ts';
import { authenticate } from './authenticate.ts';
import { attributesOf, authorize, authorizeAttributes } from './authorize.ts';
import type { Call } from './context.ts';
import { mutate } from './mutate.ts';
import type { Doors } from './pipeline.ts';
import { parseRequest } from './request-info.ts';
import { agentOf, agentPath, nodeOf, readPod } from './subresources/streams.ts';
import type { ApiRequest, Connection, UpgradeTarget } from './types.ts';
import { validate } from './validate.ts';

const streams = new Set(['exec', 'attach', 'portforward']);

export const upgrade = async (doors: Doors, request: ApiRequest, connection: Connection): Promise<UpgradeTarget> => {
  const { services } = doors;
  const info = parseRequest(request.method, request.url);
  const { user } = await authenticate(doors.authenticators, services.authorizer, request, connection, info);
  await authorize(services.authorizer, user, info);
  const { target } = info;
  if (!target || !streams.has(target.subresource)) throw badRequest('this path takes no upgrade');
  // Opening a stream by GET (WebSocket) is not reading: it needs what POST needs.
  if (info.verb === 'get') await authorizeAttributes(services.authorizer, { ...attributesOf(user, info), verb: 'create' });
  const resource = services.registry.find(target.group, target.version, target.resource);
  if (resource?.storage.name !== 'pods') throw pageNotFound();
  const { namespace, name, subresource } = target;
  const call: Call = { services, user, resource, subresource, namespace, name, warnings: [], guards: [] };
  const pod = await readPod(call);
  const agent = await agentOf(call, nodeOf(pod));
  const path = agentPath(subresource, pod, info.query);
  const admission = { operation: 'CONNECT' as const, dryRun: false, options: {} };
  await mutate(call, admission);
  await validate(call, admission);
  return { agent, path };
};
