/** Calls webhooks over HTTPS from this machine. */
import { request } from 'node:https';
import type { WebhookCaller } from '../admission/webhook/caller.ts';

/** An answer that is longer is none. */
const longest = 3 * 1024 * 1024;

export const localWebhookCaller = (): WebhookCaller => ({
  post: ({ host, port, path, serverName, ca, timeoutMs, body }) =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host,
          port,
          path,
          method: 'POST',
          servername: /^[\d.]+$|:/.test(serverName) ? '' : serverName,
          headers: {
            host: serverName,
            'content-type': 'application/json',
            accept: 'application/json',
            'content-length': Buffer.byteLength(body),
          },
          ...(ca ? { ca } : {}),
          signal: AbortSignal.timeout(timeoutMs),
        },
        response => {
          const chunks: Buffer[] = [];
          let length = 0;
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            length += chunk.length;
            if (length > longest) outgoing.destroy(new Error(`the response is longer than ${longest} bytes`));
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
          response.on('error', reject);
        },
      );
      outgoing.on('error', (error: Error & { code?: string }) => {
        reject(
          error.name === 'AbortError' || error.name === 'TimeoutError'
            ? Object.assign(new Error(error.message), { code: 'ETIMEDOUT' })
            : error,
        );
      });
      outgoing.end(body);
    }),
});
