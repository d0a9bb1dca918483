/** A container's log, fetched from the agent of its node and passed on as it comes. */
import { nowhere } from '../../../kinds/field.ts';
import { canonicalTime, GoError } from '../../../kinds/schema/go-values.ts';
import { badRequest, invalid, StatusError, serviceUnavailable } from '../../../kinds/status.ts';
import type { Pod } from '../../../kinds/types.ts';
import type { Answer, Exchange } from '../context.ts';
import { hostPort, networkFailure } from '../proxy/network-failure.ts';
import type { Backend, BackendResponse, Backends } from '../types.ts';
import { agentOf, containerOf, nodeOf, readPod } from './streams.ts';

const passedOn = ['follow', 'previous', 'timestamps', 'sinceSeconds', 'sinceTime', 'tailLines', 'limitBytes'];
const atLeast: Readonly<Record<string, number>> = { sinceSeconds: 1, tailLines: 0, limitBytes: 1 };

const checkTime = (text: string): void => {
  try {
    if (text) canonicalTime(text);
  } catch (error) {
    throw error instanceof GoError ? badRequest(error.message) : error;
  }
};

const checkOptions = (query: URLSearchParams, pod: string): void => {
  const errors = [];
  for (const [name, least] of Object.entries(atLeast)) {
    const text = query.get(name);
    if (text === null || text === '') continue;
    if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    if (Number(text) < least)
      errors.push({
        type: 'Invalid' as const,
        field: name,
        message: `Invalid value: ${Number(text)}: must be greater than ${least === 0 ? 'or equal to 0' : '0'}`,
      });
  }
  checkTime(query.get('sinceTime') ?? '');
  if (query.get('sinceSeconds') && query.get('sinceTime'))
    errors.push({
      type: 'Forbidden' as const,
      field: nowhere,
      message: 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    });
  // Telling the streams apart is behind a gate that is off by default.
  if (query.has('stream')) errors.push({ type: 'Forbidden' as const, field: 'stream', message: 'Forbidden: may not be specified' });
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, pod, errors);
};

const startedOnce = (pod: Pod): boolean => Boolean(pod.spec?.nodeName);

export const log = async (exchange: Exchange): Promise<Answer> => {
  const { info, services, request } = exchange;
  checkOptions(info.query, exchange.name);
  const pod = await readPod(exchange);
  const container = containerOf(pod, info.query.get('container') ?? '');
  // A pod that waits for its node has said nothing yet.
  if (!startedOnce(pod)) return { type: 'raw', response: { status: 204, headers: {}, body: '' } };
  if (!services.backends) throw serviceUnavailable('this API server has no way to the nodes');
  const agent = await agentOf(exchange, nodeOf(pod));
  const query = new URLSearchParams();
  for (const name of passedOn) {
    const value = info.query.get(name);
    if (value !== null) query.set(name, value);
  }
  const { namespace = '', name } = pod.metadata;
  const path = `/containerLogs/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${encodeURIComponent(container)}?${query}`;
  const response = await fromAgent(services.backends, agent, path, request.signal);
  if (response.status !== 200) throw await refusal(response.status, response.body, container, name);
  return { type: 'raw', response: { status: 200, headers: { 'content-type': 'text/plain' }, body: response.body } };
};

const fromAgent = async (backends: Backends, agent: Backend, path: string, signal: AbortSignal): Promise<BackendResponse> => {
  try {
    return await backends.request(agent, { method: 'GET', path, headers: {}, signal });
  } catch (error) {
    const { host, port } = agent;
    const unavailable = serviceUnavailable(`the node's agent at ${hostPort(host, port)} does not answer: ${networkFailure(error, agent)}`);
    unavailable.cause = error;
    throw unavailable;
  }
};

const refusal = async (status: number, body: AsyncIterable<Uint8Array>, container: string, pod: string): Promise<StatusError> => {
  let text = '';
  for await (const chunk of body) {
    text += Buffer.from(chunk).toString('utf8');
    if (text.length > 4096) break;
  }
  const why = text.trim() || `the log of container ${JSON.stringify(container)} in pod ${JSON.stringify(pod)} is not available`;
  if (status === 404) return new StatusError(404, 'NotFound', why);
  return status < 500 ? badRequest(why) : new StatusError(500, 'InternalError', why);
};
