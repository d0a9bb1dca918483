import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock, Logger } from '../../kinds/environment.ts';
import { badRequest, notFound, pageNotFound, type Status, StatusError } from '../../kinds/status.ts';
import type { ResolvedConfig } from '../config.ts';
import type { Engine } from '../docker/engine.ts';
import type { PodWorker } from '../pods/worker.ts';
import { serveLogs } from './logs.ts';
import { serveUpgrade } from './upgrade.ts';

/**
 * What the API server asks a node for: logs, and the two-way streams of exec, attach and port-forward. HTTPS; only clients with a
 * certificate of the cluster's authority are heard, and the API server has authorized the caller before it comes here.
 */
export interface StreamServer {
  port: number;
  close(): Promise<void>;
}

export interface StreamContext {
  engine: Engine;
  find(namespace: string, name: string): PodWorker | undefined;
  clock: Clock;
  logger: Logger;
}

export const failureOf = (error: unknown, logger: Logger): Status => {
  if (error instanceof StatusError) return error.status;
  logger.error('stream failed', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  return new StatusError(500, 'InternalError', 'Internal error occurred').status;
};

/** The pod that a path names; its container, if the path names one, is one of the spec's. */
export const targetOf = (context: StreamContext, parts: string[]): { worker: PodWorker; container: string } => {
  const [namespace = '', name = '', container = ''] = parts;
  const worker = context.find(namespace, name);
  if (!worker) throw notFound({ group: '', resource: 'pods' }, name);
  const { spec } = worker.pod;
  const names = [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])].map(each => each.name);
  if (container !== '' && !names.includes(container)) throw badRequest(`container ${container} is not valid for pod ${name}`);
  return { worker, container };
};

const answer = (response: ServerResponse, status: Status): void => {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // In plain words, as a kubelet: the API server makes a Status of it.
  const body = status.message ?? '';
  response.writeHead(status.code ?? 500, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body) });
  response.end(body);
};

const partsOf = (request: IncomingMessage): { verb: string; parts: string[]; query: URLSearchParams } => {
  const url = new URL(request.url ?? '/', 'https://node');
  const [verb = '', ...parts] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  return { verb, parts, query: url.searchParams };
};

export const startStreamServer = async ({
  listen,
  ...context
}: StreamContext & { listen: ResolvedConfig['listen'] }): Promise<StreamServer> => {
  const { logger } = context;
  const [cert, key, ca] = await Promise.all([listen.certFile, listen.keyFile, listen.clientCaFile].map(path => readFile(path)));
  const server = https.createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true });

  server.on('request', (request, response) => {
    const serve = async () => {
      const { verb, parts, query } = partsOf(request);
      if (verb === 'healthz') {
        response.end('ok');
        return;
      }
      if (request.method !== 'GET' || verb !== 'containerLogs' || parts.length !== 3) throw pageNotFound();
      await serveLogs(context, targetOf(context, parts), query, request, response);
    };
    serve().catch((error: unknown) => answer(response, failureOf(error, logger)));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const serve = async () => {
      const { verb, parts, query } = partsOf(request);
      await serveUpgrade(context, { verb, parts, query, request, socket, head });
    };
    socket.on('error', error => logger.debug('stream broke', { error: error.message }));
    serve().catch((error: unknown) => {
      const status = failureOf(error, logger);
      const body = JSON.stringify(status);
      socket.end(
        `HTTP/1.1 ${status.code ?? 500} ${status.reason ?? 'Error'}\r\ncontent-type: application/json\r\n` +
          `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      );
    });
  });
  const open = new Set<Socket>();
  server.on('secureConnection', (socket: Socket) => {
    open.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => open.delete(socket));
  });
  server.on('tlsClientError', error => logger.debug('client refused', { error: error.message }));

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  server.on('error', error => logger.error('stream server failed', { error: error.message }));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
};
