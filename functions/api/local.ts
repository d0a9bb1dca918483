/**
 * The local adapter: the API on HTTPS, HTTP/1.1 and HTTP/2 on one port. The protocol is chosen by ALPN and each gets a server of its own, because
 * Node's compatibility layer makes HTTP/1.1 requests on an HTTP/2 server twice as dear.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttp1, type IncomingMessage, STATUS_CODES } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import type { Duplex } from 'node:stream';
import { createServer as createTls, type TLSSocket } from 'node:tls';
import type { Logger } from '../../kinds/environment.ts';
import { internalError, StatusError } from '../../kinds/status.ts';
import type { LocalBackends } from './local/backends.ts';
import { LocalRequest, type NodeRequest, type NodeResponse } from './local/request.ts';
import { send } from './local/response.ts';
import type { ApiRequest, ApiResponse, Connection, UpgradeTarget } from './types.ts';

export interface LocalServerOptions {
  readonly api: {
    handle(request: ApiRequest, connection: Connection): Promise<ApiResponse>;
    authorizeUpgrade(request: ApiRequest, connection: Connection): Promise<UpgradeTarget>;
  };
  readonly tls: { readonly cert: string; readonly key: string /** Signs client certificates. */; readonly clientCa: string };
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly backends: Pick<LocalBackends, 'upgrade'>;
  readonly logger: Logger;
}

export interface LocalServer {
  readonly port: number;
  /** Takes no new connections, ends the open ones. */
  close(): Promise<void>;
}

export async function serve(options: LocalServerOptions): Promise<LocalServer> {
  const { api, logger } = options;
  const sockets = new Set<TLSSocket>();
  const connections = new WeakMap<object, Connection>();
  const connectionOf = (socket: TLSSocket): Connection => {
    let connection = connections.get(socket);
    if (!connection) {
      connection = describe(socket);
      connections.set(socket, connection);
    }
    return connection;
  };

  const onRequest = (incoming: NodeRequest, outgoing: NodeResponse, socket: TLSSocket): void => {
    const request = new LocalRequest(incoming);
    outgoing.on('close', () => request.gone());
    answer(request, connectionOf(socket))
      .then(response => send(outgoing, response, response.status === 413 && incoming.httpVersionMajor === 1))
      .catch(error => {
        // Headers are out or the client is gone: all that is left is to end the stream visibly broken.
        if (!request.isGone) logger.warn('answer was cut short', { error: String(error), path: request.url });
        incoming.destroy();
      });
  };
  const answer = async (request: ApiRequest, connection: Connection): Promise<ApiResponse> => {
    try {
      return await api.handle(request, connection);
    } catch (error) {
      logger.error('unhandled error', { error: error instanceof Error ? error.stack : String(error), path: request.url });
      return statusResponse(internalError('the request could not be answered'));
    }
  };

  const http1 = createHttp1(
    { maxHeaderSize: 64 * 1024, keepAliveTimeout: 120_000, requestTimeout: 60_000, noDelay: true },
    (incoming, outgoing) => onRequest(incoming, outgoing, incoming.socket as TLSSocket),
  );
  http1.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const request = new LocalRequest(incoming);
    socket.on('close', () => request.gone());
    api
      .authorizeUpgrade(request, connectionOf(incoming.socket as TLSSocket))
      .then(target => options.backends.upgrade(target, request.method, socket, head))
      .catch(error => refuseUpgrade(socket, error, logger));
  });

  const http2 = createHttp2(
    { settings: { maxConcurrentStreams: 250, initialWindowSize: 1024 * 1024 }, maxSessionMemory: 64 },
    (incoming, outgoing) => onRequest(incoming, outgoing, incoming.stream.session?.socket as TLSSocket),
  );
  http2.on('session', session => session.on('error', error => logger.debug('connection ended', { error: String(error) })));

  const tls = createTls({
    cert: options.tls.cert,
    key: options.tls.key,
    ca: options.tls.clientCa,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2', 'http/1.1'],
    minVersion: 'TLSv1.2',
    handshakeTimeout: 10_000,
  });
  tls.on('secureConnection', socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', error => logger.debug('connection ended', { error: String(error) }));
    socket.setNoDelay(true);
    (socket.alpnProtocol === 'h2' ? http2 : http1).emit('connection', socket);
  });
  tls.on('tlsClientError', error => logger.debug('handshake failed', { error: String(error) }));

  tls.listen(options.port, options.host);
  await once(tls, 'listening');
  const address = tls.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    async close() {
      const closed = once(tls, 'close');
      tls.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The attribute by which a certificate names a user's UID (apiserver `pkg/authentication/request/x509`). */
const uidAttribute = '1.3.6.1.4.1.57683.2';

function describe(socket: TLSSocket): Connection {
  const remoteAddress = socket.remoteAddress ? { remoteAddress: socket.remoteAddress } : {};
  const certificate = socket.getPeerCertificate();
  // Node gives an empty object where the client showed none.
  if (!certificate?.subject) return remoteAddress;
  if (!socket.authorized) return { ...remoteAddress, certificateError: String(socket.authorizationError) };
  const { CN, O, [uidAttribute]: UID } = certificate.subject as unknown as Record<string, string | string[] | undefined>;
  const uids = UID === undefined ? [] : [UID].flat();
  if (uids.length > 1 || uids[0] === '') return { ...remoteAddress, certificateError: 'the certificate names no or several UIDs' };
  return {
    ...remoteAddress,
    certificate: {
      commonName: [CN ?? ''].flat().at(-1) ?? '',
      organizations: O === undefined ? [] : [O].flat(),
      ...(uids[0] ? { uid: uids[0] } : {}),
      sha256: createHash('sha256').update(certificate.raw).digest('hex'),
    },
  };
}

function statusResponse(error: StatusError): ApiResponse {
  return { status: error.code, headers: { 'content-type': 'application/json' }, body: JSON.stringify(error.status) };
}

/** No HTTP response object exists for an upgrade: the refusal is written by hand, as an ordinary answer with a Status. */
function refuseUpgrade(socket: Duplex, cause: unknown, logger: Logger): void {
  const error = cause instanceof StatusError ? cause : internalError('the connection could not be upgraded');
  if (error !== cause) logger.error('upgrade failed', { error: cause instanceof Error ? cause.stack : String(cause) });
  const body = JSON.stringify(error.status);
  socket.end(
    `HTTP/1.1 ${error.code} ${STATUS_CODES[error.code] ?? ''}\r\ncache-control: no-cache, private\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
