import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { badRequest } from '../../kinds/status.ts';
import { createFrameReader } from '../docker/frames.ts';
import { containerId } from '../pods/container-status.ts';
import type { ContainerView } from '../pods/view.ts';
import type { PodWorker } from '../pods/worker.ts';
import type { StreamContext } from './server.ts';

interface LogQuery {
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  tail: number | undefined;
  since: string | undefined;
  limit: number | undefined;
  stdout: boolean;
  stderr: boolean;
}

const whole = (text: string | null, name: string, least: number): number | undefined => {
  if (text === null || text === '') return undefined;
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < least) throw badRequest(`invalid value for ${name}: ${JSON.stringify(text)}`);
  return number;
};

export const logQuery = (query: URLSearchParams, now: number): LogQuery => {
  const flag = (name: string) => ['true', '1'].includes(query.get(name) ?? '');
  const seconds = whole(query.get('sinceSeconds'), 'sinceSeconds', 1);
  const time = query.get('sinceTime');
  const at = time ? Date.parse(time) : undefined;
  if (at !== undefined && Number.isNaN(at)) throw badRequest(`invalid value for sinceTime: ${JSON.stringify(time)}`);
  const since = at ?? (seconds === undefined ? undefined : now - seconds * 1000);
  const stream = query.get('stream') ?? 'All';
  return {
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    tail: whole(query.get('tailLines'), 'tailLines', 0),
    since: since === undefined ? undefined : (since / 1000).toFixed(3),
    limit: whole(query.get('limitBytes'), 'limitBytes', 1),
    stdout: stream !== 'Stderr',
    stderr: stream !== 'Stdout',
  };
};

/** The life of a container whose log is meant (kubelet `validateContainerLogStatus`). */
const chosen = (worker: PodWorker, container: string, previous: boolean): ContainerView => {
  const views = [...worker.views.values()].filter(view => view.container === container && view.state !== 'created');
  views.sort((a, b) => b.attempt - a.attempt);
  const [newest, second] = views;
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = worker.pod.status ?? {};
  const status = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(({ name }) => name === container);
  if (previous) {
    // Of a container that waits for its next life, the one that ended last is the previous one.
    const ended = status?.lastState?.terminated?.containerID;
    const before = views.find(({ id }) => containerId(id) === ended) ?? second;
    if (!before)
      throw badRequest(
        `previous terminated container ${JSON.stringify(container)} in pod ${JSON.stringify(worker.pod.metadata.name)} not found`,
      );
    return before;
  }
  if (!newest) {
    const waiting = status?.state?.waiting?.reason ?? 'ContainerCreating';
    const why = { ErrImagePull: "image can't be pulled", ImagePullBackOff: 'trying and failing to pull image' }[waiting] ?? waiting;
    throw badRequest(
      `container ${JSON.stringify(container)} in pod ${JSON.stringify(worker.pod.metadata.name)} is waiting to start: ${why}`,
    );
  }
  return newest;
};

/** A container's output as plain text, as it was written: both streams in the order Docker has them. */
export const serveLogs = async (
  { engine, clock }: StreamContext,
  { worker, container }: { worker: PodWorker; container: string },
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const { follow, previous, limit, tail, since, ...options } = logQuery(query, clock.now());
  const view = chosen(worker, container, previous);
  const stream = await engine.logs(view.id, {
    ...options,
    follow: follow && view.state === 'running',
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since }),
  });
  request.on('close', () => stream.destroy());
  response.on('close', () => stream.destroy());
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  const read = createFrameReader();
  let left = limit ?? Number.POSITIVE_INFINITY;
  const write = async (data: Buffer) => {
    const part = data.length > left ? data.subarray(0, left) : data;
    left -= part.length;
    if (part.length > 0 && !response.write(part)) await once(response, 'drain');
  };
  try {
    for await (const chunk of stream) {
      if (view.tty) await write(chunk as Buffer);
      else for (const { data } of read(chunk as Buffer)) await write(data);
      if (left <= 0) break;
    }
  } catch (error) {
    // The reader went away, or Docker did: what was sent stands.
    if (!response.destroyed && !stream.destroyed) throw error;
  } finally {
    stream.destroy();
  }
  response.end();
};
