import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '../../kinds/object.ts';

/** As much of an API server as the agent needs: objects by path in memory, watches, merge patches, tokens. No rules, no defaults. */
export interface FakeApi {
  url: string;
  get(path: string): KubeObject | undefined;
  put(path: string, object: KubeObject): void;
  remove(path: string): void;
  list(prefix: string): KubeObject[];
  /** Settles when the object at `path` is as wanted. */
  until(path: string, wanted: (object: KubeObject | undefined) => boolean): Promise<KubeObject | undefined>;
  close(): Promise<void>;
}

type Watcher = { collection: string; nodeName: string | null; response: ServerResponse };

const merge = (target: unknown, patch: unknown): unknown => {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
    if (Array.isArray(patch) && Array.isArray(target) && patch.some(item => typeof item === 'object' && item !== null && 'type' in item)) {
      const byType = new Map(target.map(item => [(item as { type: string }).type, item]));
      for (const item of patch as { type: string }[]) byType.set(item.type, merge(byType.get(item.type) ?? {}, item));
      return [...byType.values()];
    }
    return Array.isArray(patch) ? patch.filter(item => !(typeof item === 'object' && item !== null && '$patch' in item)) : patch;
  }
  const result: Record<string, unknown> = { ...(target as Record<string, unknown>) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
};

/** `/api/v1/namespaces/x/pods/y` is in `/api/v1/pods`, as a watcher of all namespaces sees it. */
const collectionOf = (path: string): string => path.replace(/\/namespaces\/[^/]+(?=\/)/, '').replace(/\/[^/]+$/, '');

export const startFakeApi = async (files: { ca: string; serverCert: string; serverKey: string }): Promise<FakeApi> => {
  const objects = new Map<string, KubeObject>();
  const watchers = new Set<Watcher>();
  const waiting = new Set<() => void>();
  let revision = 100;

  const matches = (object: KubeObject, nodeName: string | null) =>
    nodeName === null || (object['spec'] as { nodeName?: string } | undefined)?.nodeName === nodeName;
  const tell = (type: string, path: string, object: KubeObject) => {
    for (const { collection, nodeName, response } of watchers) {
      if (collection === collectionOf(path) && matches(object, nodeName)) response.write(`${JSON.stringify({ type, object })}\n`);
    }
    for (const check of waiting) check();
  };
  const put = (path: string, object: KubeObject) => {
    const known = objects.get(path);
    const metadata = { creationTimestamp: new Date().toISOString(), uid: known?.metadata.uid ?? `uid-${++revision}`, ...object.metadata };
    const next = { ...object, metadata: { ...metadata, resourceVersion: String(++revision) } };
    objects.set(path, next);
    tell(known ? 'MODIFIED' : 'ADDED', path, next);
    return next;
  };
  const remove = (path: string) => {
    const known = objects.get(path);
    if (!known) return undefined;
    objects.delete(path);
    const last = { ...known, metadata: { ...known.metadata, resourceVersion: String(++revision) } };
    tell('DELETED', path, last);
    return last;
  };

  const send = (response: ServerResponse, code: number, body: unknown) => {
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const refuse = (response: ServerResponse, code: number, reason: string, message: string) =>
    send(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message });

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'https://api');
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const body = text === '' ? {} : JSON.parse(text);
    const status = url.pathname.endsWith('/status');
    const path = status ? url.pathname.slice(0, -'/status'.length) : url.pathname;
    const nodeName = /spec\.nodeName=(.*)/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1] ?? null;
    const known = objects.get(path);
    if (request.method === 'GET') {
      if (known) send(response, 200, known);
      else if (url.searchParams.has('watch')) {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.flushHeaders();
        const watcher = { collection: path, nodeName, response };
        watchers.add(watcher);
        response.on('close', () => watchers.delete(watcher));
      } else if (/\/(pods|services|endpointslices)$/.test(path)) {
        const items = [...objects]
          .filter(([key, object]) => collectionOf(key) === path && matches(object, nodeName))
          .map(([, object]) => object);
        send(response, 200, { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: String(revision) }, items });
      } else refuse(response, 404, 'NotFound', `${path} not found`);
    } else if (request.method === 'POST') {
      if (path.endsWith('/token')) {
        send(response, 201, { status: { token: 'a-token', expirationTimestamp: new Date(Date.now() + 3_600_000).toISOString() } });
        return;
      }
      const at = `${path}/${body.metadata.name}`;
      if (objects.has(at)) refuse(response, 409, 'AlreadyExists', `${at} already exists`);
      else send(response, 201, put(at, body));
    } else if (!known) refuse(response, 404, 'NotFound', `${path} not found`);
    else if (request.method === 'PUT') send(response, 200, put(path, body));
    else if (request.method === 'PATCH') send(response, 200, put(path, merge(known, body) as KubeObject));
    else if (request.method === 'DELETE') send(response, 200, remove(path));
  };

  const server = https.createServer(
    { cert: readFileSync(files.serverCert), key: readFileSync(files.serverKey), ca: readFileSync(files.ca), requestCert: true },
    (request, response) => {
      serve(request, response).catch((error: unknown) => refuse(response, 500, 'InternalError', String(error)));
    },
  );
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    get: path => objects.get(path),
    put,
    remove,
    list: prefix => [...objects].filter(([path]) => path.startsWith(prefix)).map(([, object]) => object),
    until: (path, wanted) =>
      new Promise(resolve => {
        const check = () => {
          const object = objects.get(path);
          if (!wanted(object)) return;
          waiting.delete(check);
          resolve(object);
        };
        waiting.add(check);
        check();
      }),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
