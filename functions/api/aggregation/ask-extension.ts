/** Questions that this server itself has for an extension API server: a document, within a time and a size. */
import type { Extension } from '../../extensions.ts';
import { hostPort, networkFailure } from '../proxy/network-failure.ts';
import type { Backend, HeaderFields, User } from '../types.ts';
import { backendOf, type FrontProxyOptions, identityHeaders } from './front-proxy.ts';

export interface Question {
  readonly path: string;
  readonly as: User;
  readonly method?: string;
  readonly headers?: HeaderFields;
  readonly body?: string;
}

export interface ExtensionAnswer {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly text: string;
  /** As messages call it. */
  readonly url: string;
}

const patience = 5000;
const longest = 32 * 1024 * 1024;

/** The aggregator upstream, which may see everything. */
export const aggregator: User = { name: 'system:kube-aggregator', groups: ['system:masters'] };

async function* chunk(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** Rejects with why there is no answer, in Go's words. */
export const askExtension = async (options: FrontProxyOptions, extension: Extension, question: Question): Promise<ExtensionAnswer> => {
  const { path, as, method = 'GET', headers = {}, body } = question;
  const backend = await backendOf(options, extension);
  const host = hostPort(backend.host, backend.port);
  const url = `https://${host}${path}`;
  const signal = AbortSignal.timeout(patience);
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  try {
    const response = await options.backends.request(backend, {
      method,
      path,
      headers: { host, accept: 'application/json', ...headers, ...length, ...identityHeaders(as) },
      body: body === undefined ? null : chunk(body),
      signal,
    });
    return { status: response.status, headers: response.headers, text: await textOf(response.body), url };
  } catch (error) {
    throw failure(error, method, url, backend);
  }
};

const failure = (error: unknown, method: string, url: string, backend: Backend): Error => {
  const verb = method.charAt(0) + method.slice(1).toLowerCase();
  return new Error(`${verb} ${JSON.stringify(url)}: ${networkFailure(error, backend)}`, { cause: error });
};

const textOf = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const one of body) {
    length += one.byteLength;
    if (length > longest) throw new Error(`the answer is longer than ${longest} bytes`);
    chunks.push(one);
  }
  return Buffer.concat(chunks, length).toString('utf8');
};
