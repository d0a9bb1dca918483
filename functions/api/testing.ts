/** An API over memory and virtual time, with everybody allowed to do everything: for tests of the pipeline and of what stands on it. */
import type { Clock, Logger, Random } from '../../kinds/environment.ts';
import type { ObjectMeta } from '../../kinds/object.ts';
import { builtInRegistry } from '../../kinds/registry.ts';
import type { Log } from '../../store/log.ts';
import { memoryLog } from '../../store/memory.ts';
import type { Replicas } from '../../store/replica.ts';
import { createReplicas } from '../../store/replica-on-log.ts';
import type { AdmissionPlugin } from './admission.ts';
import type { Allocator } from './allocator.ts';
import { type Api, type ApiOptions, createApi } from './api.ts';
import type { ApiRequest, ApiResponse } from './types.ts';

/** Time that passes only when told to. */
export class ManualClock implements Clock {
  private time = Date.parse('2030-01-01T00:00:00Z');
  private timers: { at: number; callback: () => void }[] = [];
  now(): number {
    return this.time;
  }
  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.time + ms, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter(other => other !== timer);
    };
  }
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const [next] = this.timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (!next) break;
      this.time = next.at;
      this.timers = this.timers.filter(other => other !== next);
      next.callback();
    }
    this.time = end;
  }
  /** Lets everything that waits for no time go on as far as it can. */
  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve));
  }
}

/** The same sequence in every run. */
export const seededRandom = (seed = 1): Random => {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const hex = (digits: number): string => Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join('');
  return { next, uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}` };
};

const recordingLogger = (lines: string[]): Logger => {
  const record = (message: string, fields?: Record<string, unknown>): void => {
    lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  };
  const logger: Logger = { debug: () => {}, info: () => {}, warn: record, error: record, child: () => logger };
  return logger;
};

export const aRequest = (
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
  signal: AbortSignal = new AbortController().signal,
): ApiRequest => {
  const all: Record<string, string> = { 'user-agent': 'test/1.0', 'content-type': 'application/json', ...headers };
  const bytes = body === undefined ? new Uint8Array() : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return {
    method,
    url,
    headers: { get: name => all[name.toLowerCase()] ?? null, entries: () => Object.entries(all) },
    signal,
    arrayBuffer: async () => bytes,
    body: body === undefined ? null : chunks(bytes),
  };
};

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** The whole of a body that is no stream. */
export const answerText = ({ body }: ApiResponse): string => {
  if (body === null) return '';
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString('utf8');
  if (Symbol.asyncIterator in body) throw new Error('the answer is a stream');
  return Buffer.concat(body).toString('utf8');
};

/** What tests look at in an answer, whatever it is of; what is not there is undefined all the same. */
export interface AnswerBody {
  kind: string;
  code: number;
  message: string;
  reason: string;
  details: { causes: { reason: string }[] };
  metadata: Required<ObjectMeta> & { continue: string; remainingItemCount: number };
  spec: {
    replicas: number;
    nodeName: string;
    strategy: { type: string };
    template: { spec: { containers: unknown[] } };
    volumes: { name: string }[];
    tolerations: unknown[];
  };
  status: { phase: string };
  data: Record<string, string>;
  items: AnswerBody[];
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: ApiResponse['headers'];
  readonly body: AnswerBody;
  readonly raw: ApiResponse;
}

export interface TestApi {
  readonly api: Api;
  readonly log: Log;
  readonly replicas: Replicas;
  readonly clock: ManualClock;
  readonly logged: readonly string[];
  send(method: string, url: string, body?: unknown, headers?: Record<string, string>): Promise<TestAnswer>;
  /** The answer unread, also where it is a stream. */
  raw(method: string, url: string, body?: unknown, headers?: Record<string, string>): Promise<ApiResponse>;
  close(): Promise<void>;
}

export interface TestParts {
  readonly replicas: Replicas;
  readonly random: Random;
  readonly clock: ManualClock;
}

export const anApi = async (
  admission: (parts: { replicas: Replicas; random: Random; clock: Clock }) => AdmissionPlugin[],
  /** With the namespace `default` and its service account. */
  furnished = true,
  allocators: (parts: { replicas: Replicas; random: Random; clock: Clock }) => readonly Allocator[] = () => [],
  more: (parts: TestParts) => Partial<ApiOptions> | Promise<Partial<ApiOptions>> = () => ({}),
): Promise<TestApi> => {
  const clock = new ManualClock();
  const random = seededRandom();
  const logged: string[] = [];
  const logger = recordingLogger(logged);
  const log = memoryLog({ clock });
  const replicas = createReplicas(log, { logger });
  const api = createApi({
    log,
    replicas,
    registry: builtInRegistry(),
    authenticators: [{ authenticate: async () => ({ name: 'admin', groups: ['system:masters', 'system:authenticated'] }) }],
    authorizer: { authorize: async () => ({ allowed: true, reason: '' }) },
    nonResource: async () => undefined,
    admission: admission({ replicas, random, clock }),
    allocators: allocators({ replicas, random, clock }),
    clock,
    random,
    logger,
    ...(await more({ replicas, random, clock })),
  });
  const ask: TestApi['raw'] = (method, url, body, headers) => api.handle(aRequest(method, url, body, headers), {});
  const send: TestApi['send'] = async (method, url, body, headers) => {
    const raw = await ask(method, url, body, headers);
    const text = answerText(raw);
    return { status: raw.status, headers: raw.headers, body: (text.startsWith('{') ? JSON.parse(text) : text) as AnswerBody, raw };
  };
  if (furnished) {
    await send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    await send('POST', '/api/v1/namespaces/default/serviceaccounts', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    });
  }
  return {
    api,
    log,
    replicas,
    clock,
    logged,
    send,
    raw: ask,
    async close() {
      await replicas.close();
      await log.close();
    },
  };
};
