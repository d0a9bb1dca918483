/** The way from the API to other servers on this network: agents, pods and extension API servers. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, Agent as PlainAgent } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { StatusError } from '../../../kinds/status.ts';
import { notDialled } from '../proxy/network-failure.ts';
import type { Backend, BackendRequest, Backends, HeaderFields, UpgradeTarget } from '../types.ts';

export interface BackendCredentials {
  /** What the API shows to agents, and the authority that signs theirs. */
  readonly agents: { readonly ca: string; readonly cert: string; readonly key: string };
  /** What the API shows to extension API servers. */
  readonly frontProxy: { readonly cert: string; readonly key: string };
}

export interface LocalBackends extends Backends {
  /** Sends the caller's handshake on and then carries bytes both ways until either side ends. */
  upgrade(target: UpgradeTarget, method: string, socket: Duplex, head: Buffer): Promise<void>;
  close(): void;
}

/** Connections that nobody uses are kept this long, which is less than servers keep theirs. */
const idle = 4000;

export function localBackends({ agents, frontProxy }: BackendCredentials): LocalBackends {
  const pool = new Agent({ keepAlive: true, timeout: idle });
  const plainPool = new PlainAgent({ keepAlive: true, timeout: idle });

  const tlsOptions = (backend: Backend): ConnectionOptions => {
    // Node would take the name to check from the Host header.
    if (backend.kind === 'agent') return { ...agents, servername: isIP(backend.host) ? '' : backend.host };
    if (backend.kind === 'address') return { rejectUnauthorized: false };
    const { serverName, ca, insecure } = backend;
    return {
      ...frontProxy,
      // An address is no server name, and must not be sent as one.
      servername: isIP(serverName) ? '' : serverName,
      ...(insecure ? { rejectUnauthorized: false } : {}),
      ...(ca ? { ca } : {}),
    };
  };

  const start = (backend: Backend, { method, path, headers, body, signal }: BackendRequest) => {
    const { host, port } = backend;
    // A length that is not that of the body would let its rest be taken for the next request on this connection, which others share.
    const { 'content-length': length, ...others } = headers;
    const framing = !body ? {} : length === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': length };
    const options: RequestOptions = { host, port, method, path, headers: { ...others, ...framing } as Record<string, string>, signal };
    if (backend.kind === 'address' && backend.scheme === 'http') return httpRequest({ ...options, agent: plainPool });
    return httpsRequest({ ...options, ...tlsOptions(backend), agent: pool });
  };

  const attempt = async (backend: Backend, request: BackendRequest, again: boolean): Promise<IncomingMessage> => {
    const outgoing = start(backend, request);
    // After the answer has begun, whoever reads its body hears of failures.
    outgoing.on('error', () => {});
    const sent = request.body ? send(request.body, outgoing) : void outgoing.end();
    try {
      const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
      const awaited = [answered];
      // The caller's body may break off, which says more than that the backend then did not answer.
      if (sent !== undefined) awaited.push(sent.then(() => answered));
      const [response] = await Promise.race(awaited);
      return response;
    } catch (error) {
      // The other side may close a connection that was kept just as it is used again.
      if (again && outgoing.reusedSocket && !request.body && (error as NodeJS.ErrnoException).code === 'ECONNRESET')
        return attempt(backend, request, false);
      throw error;
    }
  };

  return {
    async request(backend, request) {
      const response = await attempt(backend, request, true);
      return { status: response.statusCode ?? 502, headers: response.headers as HeaderFields, body: response };
    },

    async upgrade({ backend, path, headers }, method, socket, head) {
      const { host, port } = backend;
      const options: RequestOptions = { host, port, method, path, headers: headers as Record<string, string>, agent: false };
      const plain = backend.kind === 'address' && backend.scheme === 'http';
      const outgoing = plain ? httpRequest(options) : httpsRequest({ ...options, ...tlsOptions(backend) });
      const gone = () => outgoing.destroy();
      socket.once('close', gone);
      const answer = await answerTo(outgoing).catch((error: unknown) => {
        throw notDialled(error, backend);
      });
      socket.off('close', gone);
      if ('upstream' in answer) join(socket, head, answer);
      else await refuse(socket, answer.response);
    },

    close() {
      pool.destroy();
      plainPool.destroy();
    },
  };
}

async function send(body: AsyncIterable<Uint8Array>, outgoing: ReturnType<typeof httpRequest>): Promise<void> {
  const said = outgoing.getHeader('content-length');
  let left = said === undefined ? undefined : Number(said);
  try {
    for await (const chunk of body) {
      if (outgoing.destroyed) return;
      if (left !== undefined) left -= chunk.byteLength;
      if (left !== undefined && left < 0) throw new Error('the body is longer than it says');
      if (!outgoing.write(chunk)) await Promise.race([once(outgoing, 'drain'), once(outgoing, 'close')]);
    }
    if (left) throw new Error('the body is shorter than it says');
    outgoing.end();
  } catch (error) {
    outgoing.destroy(error as Error);
    throw error;
  }
}

interface Upgraded {
  readonly response: IncomingMessage;
  readonly upstream: Duplex;
  readonly upstreamHead: Buffer;
}

const answerTo = (outgoing: ReturnType<typeof httpRequest>): Promise<Upgraded | { readonly response: IncomingMessage }> =>
  new Promise((resolve, reject) => {
    outgoing.once('upgrade', (response, upstream, upstreamHead) => resolve({ response, upstream, upstreamHead }));
    outgoing.once('response', response => resolve({ response }));
    outgoing.once('error', reject);
    outgoing.end();
  });

/**
 * Only now, when the backend has agreed, do the caller's bytes go to it: on a connection that still speaks HTTP they could be further requests,
 * which the backend would take for ours.
 */
function join(socket: Duplex, head: Buffer, { response, upstream, upstreamHead }: Upgraded): void {
  socket.write(headOf(response));
  if (upstreamHead.length > 0) socket.write(upstreamHead);
  if (head.length > 0) upstream.write(head);
  const end = () => {
    upstream.destroy();
    socket.destroy();
  };
  upstream.on('error', end).on('close', end);
  socket.on('error', end).on('close', end);
  upstream.pipe(socket);
  socket.pipe(upstream);
}

/** A refusal is passed on, and the connection ends with it. */
async function refuse(socket: Duplex, response: IncomingMessage): Promise<void> {
  const { statusCode = 502 } = response;
  if (statusCode < 400) {
    response.destroy();
    throw new StatusError(503, 'ServiceUnavailable', `invalid upgrade response: status code ${statusCode}`);
  }
  const body: Uint8Array[] = [];
  for await (const chunk of response) body.push(chunk as Uint8Array);
  socket.end(Buffer.concat([Buffer.from(headOf(response)), ...body]));
}

/** Without what was about the framing of a body, which is sent until the end. */
function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  let text = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (!/^(transfer-encoding|content-length|keep-alive)$/i.test(name)) text += `${name}: ${rawHeaders[i + 1]}\r\n`;
  }
  return `${text}\r\n`;
}
