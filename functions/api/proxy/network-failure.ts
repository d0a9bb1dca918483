/** Why another server was not reached, in the words of Go's network library, which clients and people search for. */
import { StatusError } from '../../../kinds/status.ts';
import type { Backend } from '../types.ts';

const certificate = 'tls: failed to verify certificate: x509:';
const unknownAuthority = `${certificate} certificate signed by unknown authority`;

const dialing: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'connect: connection timed out',
};
const talking: Readonly<Record<string, string>> = {
  ECONNRESET: 'EOF',
  EPIPE: 'EOF',
  EPROTO: 'http: server gave HTTP response to HTTPS client',
  CERT_HAS_EXPIRED: `${certificate} certificate has expired or is not yet valid`,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
};

export const hostPort = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

export const networkFailure = (error: unknown, backend: Backend): string => {
  const { code = '', message, name } = error as NodeJS.ErrnoException;
  const { host, port } = backend;
  if (name === 'TimeoutError' || name === 'AbortError') return 'context deadline exceeded';
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${host}: no such host`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `${certificate} ${(error as { reason?: string }).reason ?? message}`;
  // Go's dialler looks at the first record itself, its HTTP client at what comes instead.
  if (code === 'EPROTO' && backend.kind !== 'extension') return 'tls: first record does not look like a TLS handshake';
  const dialled = dialing[code];
  return dialled ? `dial tcp ${hostPort(host, port)}: ${dialled}` : (talking[code] ?? message);
};

/** The answer to an upgrade that could not be passed on. */
export const notDialled = (error: unknown, backend: Backend): StatusError => {
  const status = new StatusError(500, '', `error dialing backend: ${networkFailure(error, backend)}`);
  status.cause = error;
  return status;
};
