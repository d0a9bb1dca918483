import http from 'node:http';
import https from 'node:https';
import type { Container } from '../../kinds/types.ts';
import { resolvePort } from './port.ts';

export interface ProbeOutcome {
  success: boolean;
  output: string;
  /** Success that people should hear of. */
  warning?: boolean;
}

export interface HttpAction {
  path?: string;
  port: number | string;
  host?: string;
  scheme?: string;
  httpHeaders?: { name: string; value: string }[];
}

const longest = 10 * 1024;
const redirects = 10;

/** Go's words for what a refused or lost connection is. */
const goError = (error: Error & { code?: string }, host: string, port: number): string => {
  switch (error.code) {
    case 'ECONNREFUSED':
      return `dial tcp ${host}:${port}: connect: connection refused`;
    case 'EHOSTUNREACH':
      return `dial tcp ${host}:${port}: connect: no route to host`;
    case 'ECONNRESET':
      return `read tcp ${host}:${port}: read: connection reset by peer`;
    default:
      return error.message;
  }
};

/** One GET; 200 to 399 is success. Redirects to the same host are followed, others count as success with a warning (kubelet `probe/http`). */
export const httpProbe = async (
  action: HttpAction,
  container: Container,
  podIp: string,
  signal: AbortSignal,
  agent = 'kube-probe/1.36',
): Promise<ProbeOutcome> => {
  const port = resolvePort(action.port, container);
  const host = action.host || podIp;
  const scheme = (action.scheme || 'HTTP').toLowerCase();
  const shown = host.includes(':') ? `[${host}]` : host;
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`;
  let url = new URL(`${scheme}://${shown}:${port}${path}`);
  const first = `${scheme}://${shown}:${port}${path}`;
  const headers: Record<string, string> = { 'user-agent': agent, accept: '*/*', connection: 'close' };
  for (const { name, value } of action.httpHeaders ?? []) {
    if (value === '' && ['accept', 'user-agent'].includes(name.toLowerCase())) delete headers[name.toLowerCase()];
    else headers[name.toLowerCase()] = value;
  }
  for (let hop = 0; ; hop++) {
    let response: { code: number; location: string | undefined; body: string };
    try {
      response = await get(url, headers, signal);
    } catch (error) {
      const why = signal.aborted
        ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        : goError(error as Error, host, port);
      return { success: false, output: `Get "${first}": ${why}` };
    }
    const { code, location, body } = response;
    if (code < 200 || code >= 400) return { success: false, output: `HTTP probe failed with statuscode: ${code}` };
    if (code < 300 || location === undefined) return { success: true, output: body };
    const next = new URL(location, url);
    if (next.hostname !== url.hostname) {
      return { success: true, warning: true, output: `Probe terminated redirects, Response body: ${body}` };
    }
    if (hop >= redirects) return { success: false, output: `Get "${location}": stopped after 10 redirects` };
    url = next;
  }
};

const get = (
  url: URL,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<{ code: number; location: string | undefined; body: string }> =>
  new Promise((resolve, reject) => {
    const options = { headers, signal, agent: false as const, rejectUnauthorized: false };
    const request = (url.protocol === 'https:' ? https : http).get(url, options, response => {
      const chunks: Buffer[] = [];
      let size = 0;
      const done = () => {
        resolve({ code: response.statusCode ?? 0, location: response.headers.location, body: Buffer.concat(chunks).toString() });
      };
      response.on('data', (chunk: Buffer) => {
        if (size < longest) chunks.push(chunk.subarray(0, longest - size));
        size += chunk.length;
        if (size >= longest) {
          done();
          request.destroy();
        }
      });
      response.on('end', done);
      response.on('error', reject);
    });
    request.on('error', reject);
  });
