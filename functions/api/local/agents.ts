/** The way from the API to the agents on this network: HTTPS with the API's own client certificate. */
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { serviceUnavailable } from '../../../kinds/status.ts';
import type { Agents, UpgradeTarget } from '../types.ts';

export interface AgentCredentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface LocalAgents extends Agents {
  /** Sends the caller's handshake on and then carries bytes both ways until either side ends. */
  upgrade(target: UpgradeTarget, incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  close(): void;
}

/** Headers that speak of the caller's hop or carry its credentials; an agent never sees them. */
const ownHeaders = /^(host|authorization|cookie|impersonate-.*|x-remote-.*)$/;

export function localAgents(credentials: AgentCredentials): LocalAgents {
  const pool = new Agent({ keepAlive: true, ...credentials });
  return {
    async request(agent, path, signal) {
      const outgoing = request({ agent: pool, host: agent.host, port: agent.port, path, signal });
      outgoing.end();
      try {
        const [response] = (await once(outgoing, 'response', { signal })) as [IncomingMessage];
        return { status: response.statusCode ?? 502, contentType: response.headers['content-type'] ?? 'text/plain', body: response };
      } catch (error) {
        throw unreachable(agent.host, agent.port, error);
      }
    },

    async upgrade(target, incoming, socket, head) {
      const { host, port } = target.agent;
      const upstream = connect({ host, port, ...credentials, ALPNProtocols: ['http/1.1'] });
      try {
        await once(upstream, 'secureConnect');
      } catch (error) {
        throw unreachable(host, port, error);
      }
      upstream.setNoDelay(true);
      upstream.write(`${incoming.method} ${target.path} HTTP/1.1\r\nhost: ${host}:${port}\r\n${headerLines(incoming.headers)}\r\n`);
      if (head.length > 0) upstream.write(head);
      const end = () => {
        upstream.destroy();
        socket.destroy();
      };
      upstream.on('error', end).on('close', end);
      socket.on('error', end).on('close', end);
      upstream.pipe(socket);
      socket.pipe(upstream);
    },

    close: () => pool.destroy(),
  };
}

function headerLines(headers: IncomingHttpHeaders): string {
  let lines = '';
  for (const [name, value] of Object.entries(headers)) {
    if (ownHeaders.test(name) || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) lines += `${name}: ${one}\r\n`;
  }
  return lines;
}

function unreachable(host: string, port: number, cause: unknown): Error {
  const error = serviceUnavailable(`the node's agent at ${host}:${port} does not answer: ${(cause as Error).message}`);
  error.cause = cause;
  return error;
}
