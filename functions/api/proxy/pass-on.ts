/** Passes a request on to another server and its answer back, both as streams (apimachinery `pkg/util/proxy`). */
import { promisify } from 'node:util';
import { deflateRaw, gunzip, gzip, inflateRaw } from 'node:zlib';
import { serviceUnavailable } from '../../../kinds/status.ts';
import type { ApiRequest, ApiResponse, Backend, BackendResponse, Backends, HeaderFields } from '../types.ts';
import { responseHeaders } from './headers.ts';
import { type Passage, rewriteHtml, rewriteLink } from './links.ts';
import { networkFailure } from './network-failure.ts';

export interface Destination {
  readonly backend: Backend;
  /** Path and query there. */
  readonly path: string;
  readonly headers: HeaderFields;
}

/** Throws a `StatusError` in upstream's words where nobody answers. */
export const ask = async (backends: Backends, request: ApiRequest, { backend, path, headers }: Destination): Promise<BackendResponse> => {
  try {
    return await backends.request(backend, { method: request.method, path, headers, body: request.body, signal: request.signal });
  } catch (error) {
    const unavailable = serviceUnavailable(`error trying to reach service: ${networkFailure(error, backend)}`);
    unavailable.cause = error;
    throw unavailable;
  }
};

export const answerOf = ({ status, headers, body }: BackendResponse): ApiResponse => ({
  status,
  headers: responseHeaders(headers),
  body,
});

/** The answer with links that lead through the proxy. */
export const answerThrough = async (passage: Passage, response: BackendResponse): Promise<ApiResponse> => {
  const answer = answerOf(response);
  const location = first(response.headers['location']);
  if (location) return { ...answer, headers: { ...answer.headers, location: rewriteLink(location, passage) } };
  const [type = ''] = first(response.headers['content-type']).split(';');
  if (type.trim() !== 'text/html') return answer;
  const coding = codings[first(response.headers['content-encoding'])];
  if (!coding) return answer;
  const { whole, body } = await gather(response.body);
  if (!whole) return { ...answer, body };
  const html = (await coding.decode(whole)).toString('utf8');
  const { 'content-length': _, ...headers } = answer.headers as Record<string, string>;
  return { ...answer, headers, body: await coding.encode(Buffer.from(rewriteHtml(html, passage))) };
};

const first = (value: string | readonly string[] | undefined): string => [value ?? ''].flat()[0] ?? '';

/** A page that is longer goes through as it is. */
const longestPage = 8 * 1024 * 1024;
const limited = { maxOutputLength: 4 * longestPage };

interface Coding {
  decode(bytes: Buffer): Promise<Buffer>;
  encode(bytes: Buffer): Promise<Buffer>;
}
const same = async (bytes: Buffer): Promise<Buffer> => bytes;
const codings: Readonly<Record<string, Coding>> = {
  '': { decode: same, encode: same },
  gzip: { decode: bytes => promisify<Buffer, object, Buffer>(gunzip)(bytes, limited), encode: promisify<Buffer, Buffer>(gzip) },
  deflate: {
    decode: bytes => promisify<Buffer, object, Buffer>(inflateRaw)(bytes, limited),
    encode: promisify<Buffer, Buffer>(deflateRaw),
  },
};

const gather = async (body: AsyncIterable<Uint8Array>): Promise<{ whole?: Buffer; body: AsyncIterable<Uint8Array> }> => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const rest = body[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await rest.next();
    if (done) return { whole: Buffer.concat(chunks, length), body };
    chunks.push(value);
    length += value.byteLength;
    if (length > longestPage) return { body: chain(chunks, rest) };
  }
};

async function* chain(chunks: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
  yield* { [Symbol.asyncIterator]: () => rest };
}
