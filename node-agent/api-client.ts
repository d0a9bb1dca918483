import https from 'node:https';
import { type Status, StatusError } from '../kinds/status.ts';

/**
 * The Kubernetes API over HTTPS with a client certificate. Every refusal is a `StatusError` with the server's own words; a server
 * that cannot be reached is the `Error` of the socket. Connections are kept; a kept one that the server closed just then is tried again
 * once, for a GET.
 */
export interface ApiClient {
  get<T>(path: string, query?: Query): Promise<T>;
  list<T>(path: string, query?: Query): Promise<List<T>>;
  create<T>(path: string, body: unknown, query?: Query): Promise<T>;
  update<T>(path: string, body: unknown, query?: Query): Promise<T>;
  patch<T>(path: string, body: unknown, type?: PatchType, query?: Query): Promise<T>;
  delete<T>(path: string, options?: unknown): Promise<T>;
  /** Events as they come, until the server ends the stream or `signal` is given. */
  watch<T>(path: string, query: Query, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
  close(): void;
}

export type Query = Record<string, string | number | boolean | undefined>;
export type PatchType = 'strategic' | 'merge' | 'json';
export interface List<T> {
  metadata: { resourceVersion: string; continue?: string };
  items: T[];
}
export type WatchEvent<T> = { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: T } | { type: 'ERROR'; object: Status };

const patchTypes: Record<PatchType, string> = {
  strategic: 'application/strategic-merge-patch+json',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
};

export interface ApiClientOptions {
  server: string;
  tls: { ca: string; cert: string; key: string };
  /** Milliseconds without a byte after which a request that is no watch has failed. */
  timeout?: number;
}

const statusError = (code: number, body: string): StatusError => {
  try {
    const status = JSON.parse(body) as Partial<Status>;
    if (status.kind === 'Status') {
      return new StatusError(status.code ?? code, status.reason ?? '', status.message ?? '', status.details);
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return new StatusError(code, '', body.slice(0, 500) || `the server answered ${code}`);
};

/** Objects of one resource of a namespace, of all namespaces, or of the cluster: `at('pods', 'default', 'web')`. */
export const coreV1 = (resource: string, namespace?: string, name?: string, subresource?: string): string =>
  ['/api/v1', ...(namespace ? ['namespaces', namespace] : []), resource, ...(name ? [name] : []), ...(subresource ? [subresource] : [])]
    .map((part, index) => (index === 0 ? part : encodeURIComponent(part)))
    .join('/');

export const createApiClient = ({ server, tls, timeout = 30_000 }: ApiClientOptions): ApiClient => {
  const base = new URL(server);
  const requests = new https.Agent({ keepAlive: true, maxSockets: 32, ...tls });
  const watches = new https.Agent({ keepAlive: true, ...tls });
  const prefix = base.pathname.replace(/\/$/, '');

  const target = (path: string, query: Query = {}): string => {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
    const text = search.toString();
    return `${prefix}${path}${text ? `?${text}` : ''}`;
  };

  const send = (options: https.RequestOptions, body: string | undefined): Promise<{ code: number; text: string }> =>
    new Promise((resolve, reject) => {
      const request = https.request({ hostname: base.hostname, port: base.port || 443, agent: requests, timeout, ...options }, response => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ code: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
        response.on('error', reject);
      });
      request.on('timeout', () => request.destroy(new Error(`the API server did not answer within ${timeout} ms`)));
      request.on('error', reject);
      request.end(body);
    });

  const ask = async <T>(method: string, path: string, query?: Query, body?: unknown, contentType = 'application/json'): Promise<T> => {
    const data = body === undefined ? undefined : JSON.stringify(body);
    const options: https.RequestOptions = {
      method,
      path: target(path, query),
      headers: {
        accept: 'application/json',
        ...(data === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(data) }),
      },
    };
    const retry = async (error: Error & { code?: string }) => {
      if (method !== 'GET' || error.code !== 'ECONNRESET') throw error;
      return await send(options, data);
    };
    const { code, text } = await send(options, data).catch(retry);
    if (code < 200 || code > 299) throw statusError(code, text);
    return JSON.parse(text) as T;
  };

  async function* watch<T>(path: string, query: Query, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      const request = https.request({
        hostname: base.hostname,
        port: base.port || 443,
        agent: watches,
        method: 'GET',
        path: target(path, { ...query, watch: true, allowWatchBookmarks: true }),
        headers: { accept: 'application/json' },
        signal,
      });
      request.on('response', resolve);
      request.on('error', reject);
      request.end();
    });
    if (response.statusCode !== 200) {
      let text = '';
      for await (const chunk of response) text += String(chunk);
      throw statusError(response.statusCode ?? 0, text);
    }
    // A dead peer would else be noticed never: bookmarks come at least once a minute.
    response.socket.setKeepAlive(true, 15_000);
    response.setEncoding('utf8');
    let rest = '';
    for await (const chunk of response) {
      rest += String(chunk);
      let end = rest.indexOf('\n');
      while (end >= 0) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 1);
        if (line.trim() !== '') yield JSON.parse(line) as WatchEvent<T>;
        end = rest.indexOf('\n');
      }
    }
  }

  return {
    get: (path, query) => ask('GET', path, query),
    async list<T>(path: string, query?: Query): Promise<List<T>> {
      const { metadata, items, apiVersion, kind } = await ask<List<T> & { apiVersion: string; kind: string }>('GET', path, query);
      // Items of a list do not repeat what the list says of them.
      const type = { apiVersion, kind: kind.replace(/List$/, '') };
      return { metadata, items: (items ?? []).map(item => ({ ...type, ...item })) };
    },
    create: (path, body, query) => ask('POST', path, query, body),
    update: (path, body, query) => ask('PUT', path, query, body),
    patch: (path, body, type = 'strategic', query) => ask('PATCH', path, query, body, patchTypes[type]),
    delete: (path, options) => ask('DELETE', path, undefined, options),
    watch,
    close() {
      requests.destroy();
      watches.destroy();
    },
  };
};
