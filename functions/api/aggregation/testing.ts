/** An extension API server for tests: HTTPS that takes only the front proxy, with discovery, OpenAPI and a kind that can be watched. */
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { ClusterPki } from '../pki.ts';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  /** Of the client's certificate. */
  readonly commonName: string;
  readonly body: string;
}

export interface ExtensionServer {
  readonly port: number;
  readonly seen: SeenRequest[];
  /** Answers in the stead of the documents below, where it does. */
  answer: (request: IncomingMessage, response: ServerResponse) => boolean;
  close(): Promise<void>;
}

const schema = (description: string) => ({
  description,
  type: 'object',
  properties: { metadata: { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' } },
});

const documents: Readonly<Record<string, unknown>> = {
  '/apis': {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: [
      {
        metadata: { name: 'ext.example.com' },
        versions: [{ version: 'v1', resources: [{ resource: 'toys', scope: 'Namespaced', singularResource: 'toy', verbs: ['list'] }] }],
      },
    ],
  },
  '/apis/ext.example.com/v1': {
    kind: 'APIResourceList',
    groupVersion: 'ext.example.com/v1',
    resources: [
      { name: 'toys', singularName: 'toy', namespaced: true, kind: 'Toy', verbs: ['list'], shortNames: ['ty'] },
      { name: 'toys/status', singularName: '', namespaced: true, kind: 'Toy', verbs: ['get'] },
    ],
  },
  '/openapi/v3': { paths: { 'apis/ext.example.com/v1': { serverRelativeURL: '/openapi/v3/apis/ext.example.com/v1?hash=1' } } },
  '/openapi/v3/apis/ext.example.com/v1': { openapi: '3.0.0', info: { title: 'ext' } },
  '/openapi/v2': {
    swagger: '2.0',
    paths: {
      '/apis/ext.example.com/v1/toys': { get: { responses: { 200: { schema: { $ref: '#/definitions/com.example.Toy' } } } } },
      '/apis/other.example.com/v1/toys': { get: { responses: { 200: { schema: { $ref: '#/definitions/com.example.Other' } } } } },
    },
    definitions: {
      'com.example.Toy': schema('a toy'),
      'com.example.Other': schema('another'),
      'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta': { description: 'not ours', type: 'object' },
    },
  },
};

const types: Readonly<Record<string, string>> = { '/apis': 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' };

export const extensionServer = async (pki: ClusterPki): Promise<ExtensionServer> => {
  const seen: SeenRequest[] = [];
  const server: { answer: ExtensionServer['answer'] } = { answer: () => false };
  const listener: RequestListener = async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method = '', url = '', headers } = request;
    const { subject } = (request.socket as import('node:tls').TLSSocket).getPeerCertificate();
    seen.push({ method, url, headers, commonName: String(subject?.CN ?? ''), body });
    if (server.answer(request, response)) return;
    const path = url.split('?', 1)[0] ?? '';
    const document = documents[path];
    if (!document) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
      return;
    }
    const etag = '"1"';
    if (headers['if-none-match'] === etag) response.writeHead(304, { etag }).end();
    else response.writeHead(200, { 'content-type': types[path] ?? 'application/json', etag }).end(JSON.stringify(document));
  };
  const https = createServer({ ...pki.server, ca: pki.frontProxy.ca, requestCert: true, rejectUnauthorized: true }, listener);
  https.listen(0, '127.0.0.1');
  await once(https, 'listening');
  return Object.assign(server, {
    port: (https.address() as { port: number }).port,
    seen,
    async close() {
      https.closeAllConnections();
      https.close();
      await once(https, 'close');
    },
  });
};
