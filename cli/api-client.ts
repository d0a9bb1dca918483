/** The command's own calls to a cluster's API, as its administrator. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import type { KubeObject } from '../kinds/object.ts';
import { type Status, StatusError } from '../kinds/status.ts';
import { type Cluster, everyAddress, files } from './cluster.ts';
import type { ContextCredentials } from './kubeconfig.ts';

export interface AdminClient {
  /** The parsed answer; throws a `StatusError` for any refusal. */
  call<T = KubeObject>(method: string, path: string, body?: { readonly type: string; readonly text: string }): Promise<T>;
  /** The status code of a plain GET; 0 when nothing answers. */
  probe(path: string): Promise<number>;
}

/** Where this machine reaches an API that may listen on all its addresses. */
const hostOf = ({ settings }: Cluster): string => (settings.host === everyAddress ? '127.0.0.1' : settings.host);

export const serverUrl = (cluster: Cluster): string => `https://${hostOf(cluster)}:${cluster.settings.port}`;

export function adminCredentials(cluster: Cluster): ContextCredentials {
  const read = (file: string) => readFileSync(join(files(cluster.dir).pki, file), 'utf8');
  return { server: serverUrl(cluster), ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') };
}

export const adminToken = (cluster: Cluster): string => readFileSync(join(files(cluster.dir).pki, 'admin.token'), 'utf8').trim();

export function adminClient(cluster: Cluster): AdminClient {
  const send = async (method: string, path: string, body?: { readonly type: string; readonly text: string }) => {
    const { ca, cert, key } = adminCredentials(cluster);
    const headers = { accept: 'application/json', ...(body ? { 'content-type': body.type } : {}) };
    const outgoing = request({ host: hostOf(cluster), port: cluster.settings.port, method, path, ca, cert, key, headers });
    outgoing.end(body?.text);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { code: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
  };
  return {
    async call<T>(method: string, path: string, body?: { readonly type: string; readonly text: string }) {
      const { code, text } = await send(method, path, body);
      if (code >= 400) throw refusal(code, text);
      return JSON.parse(text) as T;
    },
    async probe(path) {
      try {
        return (await send('GET', path)).code;
      } catch {
        // Nothing listens yet, or the files of the identity are not there: not ready.
        return 0;
      }
    },
  };
}

function refusal(code: number, text: string): StatusError {
  let status: Partial<Status> = {};
  try {
    status = JSON.parse(text) as Partial<Status>;
  } catch {
    // Not a Status: the text itself is the message.
  }
  return new StatusError(code, status.reason ?? 'Unknown', status.message ?? text, status.details);
}
