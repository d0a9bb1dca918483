/** Writes an answer to Node's response: whole bodies with their length, lists in slabs, streams chunk by chunk with backpressure. */
import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import type { ApiBody, ApiResponse } from '../types.ts';
import type { NodeResponse } from './request.ts';

/** Small chunks are gathered into slabs of this size, because each write costs a TLS record and a callback. */
const slabBytes = 256 * 1024;

export async function send(response: NodeResponse, answer: ApiResponse, close: boolean): Promise<void> {
  const headers: OutgoingHttpHeaders = { ...(answer.headers as OutgoingHttpHeaders) };
  if (close) headers['connection'] = 'close';
  const body = answer.body;
  if (isStream(body)) {
    response.writeHead(answer.status, headers);
    if ('flushHeaders' in response) response.flushHeaders();
    await stream(response, body);
    return;
  }
  if (body === null) {
    if (answer.status !== 304) headers['content-length'] = 0;
    response.writeHead(answer.status, headers);
    response.end();
  } else if (typeof body === 'string' || body instanceof Uint8Array) {
    headers['content-length'] = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
    response.writeHead(answer.status, headers);
    response.end(body);
  } else {
    let length = 0;
    for (const chunk of body) length += chunk.byteLength;
    headers['content-length'] = length;
    response.writeHead(answer.status, headers);
    for (const slab of slabs(body, length)) if (!write(response, slab)) await drained(response);
    response.end();
  }
}

function isStream(body: ApiBody): body is AsyncIterable<Uint8Array | string> {
  return body !== null && typeof body === 'object' && Symbol.asyncIterator in body;
}

function* slabs(chunks: readonly Uint8Array[], length: number): Iterable<Uint8Array> {
  let slab = Buffer.allocUnsafe(Math.min(slabBytes, length));
  let used = 0;
  let left = length;
  for (const chunk of chunks) {
    for (let offset = 0; offset < chunk.byteLength; ) {
      const part = Math.min(chunk.byteLength - offset, slab.length - used);
      slab.set(part === chunk.byteLength ? chunk : chunk.subarray(offset, offset + part), used);
      used += part;
      offset += part;
      left -= part;
      if (used === slab.length && left > 0) {
        yield slab;
        slab = Buffer.allocUnsafe(Math.min(slabBytes, left));
        used = 0;
      }
    }
  }
  if (used > 0) yield slab.subarray(0, used);
}

async function stream(response: NodeResponse, body: AsyncIterable<Uint8Array | string>): Promise<void> {
  for await (const chunk of body) {
    if (response.destroyed || response.writableEnded) return;
    if (!write(response, chunk)) await drained(response);
  }
  response.end();
}

/** The two kinds of response declare `write` differently; both take text and bytes. */
const write = (response: NodeResponse, chunk: Uint8Array | string): boolean =>
  (response.write as (chunk: Uint8Array | string) => boolean).call(response, chunk);

/** Until the client has read on, or is gone. */
async function drained(response: NodeResponse): Promise<void> {
  if (response.destroyed) return;
  const done = new AbortController();
  try {
    await Promise.race([once(response, 'drain', { signal: done.signal }), once(response, 'close', { signal: done.signal })]);
  } finally {
    done.abort();
  }
}
