/** Writes an answer to Node's response: whole bodies with their length, lists in slabs, streams chunk by chunk with backpressure. */
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
    await sendList(response, body, length);
    response.end();
  }
}

function isStream(body: ApiBody): body is AsyncIterable<Uint8Array | string> {
  return body !== null && typeof body === 'object' && Symbol.asyncIterator in body;
}

/** Slabs that no answer needs at the moment. */
const spare: Buffer[] = [];
const spareSlabs = 8;

/** One slab is filled again and again: a list of any size takes no more memory than that beside its objects. */
async function sendList(response: NodeResponse, chunks: readonly Uint8Array[], length: number): Promise<void> {
  const whole = length >= slabBytes;
  const slab = whole ? (spare.pop() ?? Buffer.allocUnsafeSlow(slabBytes)) : Buffer.allocUnsafe(length);
  let used = 0;
  for (const chunk of chunks) {
    for (let offset = 0; offset < chunk.byteLength; ) {
      const part = Math.min(chunk.byteLength - offset, slab.length - used);
      slab.set(part === chunk.byteLength ? chunk : chunk.subarray(offset, offset + part), used);
      used += part;
      offset += part;
      if (used < slab.length) continue;
      // A slab that was cut off from its client may still be read from, so it is left to the collector.
      if (!(await flushed(response, slab))) return;
      used = 0;
    }
  }
  if (used > 0 && !(await flushed(response, slab.subarray(0, used)))) return;
  if (whole && spare.length < spareSlabs) spare.push(slab);
}

async function stream(response: NodeResponse, body: AsyncIterable<Uint8Array | string>): Promise<void> {
  for await (const chunk of body) {
    if (response.destroyed || response.writableEnded) return;
    if (!write(response, chunk)) await drained(response);
  }
  response.end();
}

/** The two kinds of response declare `write` differently; both take text and bytes, and call back when they are done with them. */
const write = (response: NodeResponse, chunk: Uint8Array | string, done?: (error?: Error | null) => void): boolean =>
  (response.write as (chunk: Uint8Array | string, done?: (error?: Error | null) => void) => boolean).call(response, chunk, done);

/** Whether the bytes have gone out; false: the client is gone. */
function flushed(response: NodeResponse, bytes: Uint8Array): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  return new Promise(resolve => {
    const gone = (): void => resolve(false);
    response.on('close', gone);
    write(response, bytes, error => {
      response.off('close', gone);
      resolve(!error);
    });
  });
}

/** Until the client has read on, or is gone. */
function drained(response: NodeResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise(resolve => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
