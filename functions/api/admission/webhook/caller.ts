/** The port through which webhooks are called, and where they are. */
import type { Random } from '../../../../kinds/environment.ts';
import type { Replicas } from '../../../../store/replica.ts';
import { endpointOf } from '../../proxy/service-endpoint.ts';

export interface ClientConfig {
  url?: string;
  service?: { namespace: string; name: string; path?: string; port?: number };
  /** PEM in base64; absent: the machine's own roots. */
  caBundle?: string;
}

export interface WebhookCall {
  readonly host: string;
  readonly port: number;
  /** Path and query. */
  readonly path: string;
  /** What the certificate must be for. */
  readonly serverName: string;
  readonly ca: string | undefined;
  readonly timeoutMs: number;
  readonly body: string;
}

export interface WebhookCaller {
  /** Rejects with an error whose `code` is Node's (`ECONNREFUSED`), or `ETIMEDOUT` after `timeoutMs`. */
  post(call: WebhookCall): Promise<{ readonly status: number; readonly body: string }>;
}

export interface Address extends Pick<WebhookCall, 'host' | 'port' | 'path' | 'serverName'> {
  /** As it is called in messages. */
  readonly url: string;
}

export const addressOf = async (
  replicas: Replicas,
  random: Pick<Random, 'next'>,
  { url, service }: ClientConfig,
  seconds: number,
): Promise<Address> => {
  const query = `timeout=${seconds}s`;
  if (url) {
    const parsed = new URL(url);
    const path = `${parsed.pathname}?${query}`;
    const host = parsed.hostname.replace(/^\[|\]$/g, '');
    return { host, port: Number(parsed.port) || 443, path, serverName: host, url: `https://${parsed.host}${path}` };
  }
  if (!service) throw new Error('webhook configuration must have either service or URL');
  const { namespace, name, path: own = '/', port = 443 } = service;
  const path = `${own.startsWith('/') ? own : `/${own}`}?${query}`;
  const serverName = `${name}.${namespace}.svc`;
  const shown = `https://${serverName}:${port}${path}`;
  return { ...(await endpointOf(replicas, random, { namespace, name, port })), path, serverName, url: shown };
};

const unknownAuthority = 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
/** In the words of Go's network library. */
export const failureOf = (error: unknown, { host, port, serverName, url }: Address): string => {
  const { code, message } = error as { code?: string; message: string };
  const to = `dial tcp ${host.includes(':') ? `[${host}]` : host}:${port}`;
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: `${to}: connect: connection refused`,
    EHOSTUNREACH: `${to}: connect: no route to host`,
    ENOTFOUND: `dial tcp: lookup ${serverName}: no such host`,
    ETIMEDOUT: 'context deadline exceeded',
    DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
    SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  };
  return `Post ${JSON.stringify(url)}: ${words[code ?? ''] ?? message}`;
};

const refusals: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  409: 'the server reported a conflict',
  422: 'the server rejected our request due to an error in our request',
  429: 'the server has received too many requests and has asked us to try again later',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
};
const goStruct = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** The object that an answer holds. Throws, in the words of Go's client, where there is none. */
export const textOfReview = (status: number, text: string): Record<string, unknown> => {
  const value = objectIn(text);
  if (status >= 200 && status <= 206) {
    if (value) return value;
    if (text === '') throw new Error(`0-length response with status code: ${status} and content type: application/json`);
    const why = /^\s*[{[]/.test(text) ? 'unexpected end of JSON input' : `json: cannot unmarshal string into Go value of type ${goStruct}`;
    throw new Error(`couldn't get version/kind; json parse error: ${why}`);
  }
  if (value?.['kind'] === 'Status' && typeof value['message'] === 'string') throw new Error(value['message']);
  const known = refusals[status];
  if (known) throw new Error(known);
  const shown = text.trim();
  if (status === 403 || status === 406 || status === 415) throw new Error(shown || 'unknown');
  throw new Error(
    status >= 500
      ? `an error on the server (${JSON.stringify(shown || 'unknown')}) has prevented the request from succeeding`
      : `the server responded with the status code ${status} but did not return more information`,
  );
};

const objectIn = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Said by the caller, in other words.
    return undefined;
  }
};
