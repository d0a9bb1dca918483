import http2 from 'node:http2';
import type { ProbeOutcome } from './http.ts';

const statuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** `HealthCheckRequest{service}` in a gRPC frame: an uncompressed message with one string field. */
const request = (service: string): Buffer => {
  const name = Buffer.from(service);
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

/** `HealthCheckResponse{status}`: field 1, a varint; absent means UNKNOWN. */
const statusOf = (frame: Buffer): string => statuses[frame.length >= 7 && frame[5] === 0x08 ? (frame[6] ?? 0) : 0] ?? 'UNKNOWN';

/** The standard gRPC health check, over HTTP/2 without TLS. */
export const grpcProbe = (host: string, port: number, service: string, signal: AbortSignal): Promise<ProbeOutcome> =>
  new Promise(resolve => {
    const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const session = http2.connect(`http://${where}`);
    const settle = (success: boolean, output: string) => {
      signal.removeEventListener('abort', late);
      session.destroy();
      resolve({ success, output });
    };
    const late = () => settle(false, `timeout: failed to connect service "${where}" within 1s: context deadline exceeded`);
    signal.addEventListener('abort', late);
    session.on('error', error => settle(false, `error: health rpc probe failed: ${error.message}`));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let code = '0';
    let message = '';
    const note = (headers: http2.IncomingHttpHeaders) => {
      code = String(headers['grpc-status'] ?? code);
      message = String(headers['grpc-message'] ?? message);
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', error => settle(false, `error: health rpc probe failed: ${error.message}`));
    stream.on('end', () => {
      if (code !== '0') settle(false, `error: health rpc probe failed: rpc error: code = ${code} desc = ${message}`);
      else {
        const status = statusOf(Buffer.concat(chunks));
        settle(status === 'SERVING', status === 'SERVING' ? 'service healthy' : `service unhealthy (responded with "${status}")`);
      }
    });
    stream.end(request(service));
  });
