/** The request of the local server: what the API reads of Node's, without building a web `Request` for each. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { tooLarge } from '../../../kinds/status.ts';
import type { ApiRequest } from '../types.ts';

export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** apiserver `pkg/server/config.go` MaxRequestBodyBytes. */
export const maxBodyBytes = 3 * 1024 * 1024;

export class LocalRequest implements ApiRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: ApiRequest['headers'];
  readonly #incoming: NodeRequest;
  #controller: AbortController | undefined;
  #gone = false;

  constructor(incoming: NodeRequest) {
    this.#incoming = incoming;
    this.method = incoming.method ?? 'GET';
    this.url = incoming.url ?? '/';
    const raw = incoming.headers;
    this.headers = {
      get(name) {
        const value = raw[name.toLowerCase()];
        return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value;
      },
      anyWith(prefix) {
        for (const name in raw) if (name.startsWith(prefix)) return true;
        return false;
      },
      *entries() {
        const { rawHeaders } = incoming;
        for (let i = 0; i + 1 < rawHeaders.length; i += 2) yield [(rawHeaders[i] ?? '').toLowerCase(), rawHeaders[i + 1] ?? ''];
      },
    };
  }

  /** Made only for those who ask: most requests are answered before anybody could care. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#gone) this.#controller.abort();
    return this.#controller.signal;
  }

  get isGone(): boolean {
    return this.#gone;
  }

  /** The client closed the connection or the answer is complete. */
  gone(): void {
    this.#gone = true;
    this.#controller?.abort();
  }

  get body(): AsyncIterable<Uint8Array> | null {
    const { headers } = this.#incoming;
    const none =
      'stream' in this.#incoming
        ? this.#incoming.stream.endAfterHeaders
        : headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
    return none ? null : this.#incoming;
  }

  arrayBuffer(): Promise<Uint8Array> {
    const incoming = this.#incoming;
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxBodyBytes) {
          chunks.push(chunk);
          return;
        }
        incoming.removeAllListeners('data');
        incoming.pause();
        reject(tooLarge(`Request entity too large: limit is ${maxBodyBytes}`));
      });
      incoming.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size)));
      incoming.on('error', reject);
      incoming.on('close', () => {
        if (!incoming.complete) reject(new Error('the client closed the connection while it was sending the body'));
      });
    });
  }
}
