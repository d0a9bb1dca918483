/** Which headers travel through a proxy (Go `net/http/httputil` ReverseProxy): those of one hop stay, and so do the caller's credentials. */
import type { ApiRequest, Connection, HeaderFields } from '../types.ts';

const ofOneHop = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** They prove or claim who the caller is to this API, which has dealt with them. */
const ofCaller = /^(authorization|impersonate-.*|x-remote-.*|host|http2-settings)$/;
/** An upgrade has none. */
const ofBody = new Set(['content-length', 'transfer-encoding', 'expect']);
const cors = /^access-control-allow-(credentials|headers|methods|origin)$/;

const named = (connection: string): Set<string> => new Set(connection.split(',').map(name => name.trim().toLowerCase()));

/** Of a request, with `host` as the backend is to see it. `upgrade`: the hop is what it is about, and stays. */
export const requestHeaders = (
  request: ApiRequest,
  connection: Connection,
  host: string,
  upgrade = false,
): Record<string, string | string[]> => {
  const dropped = named(request.headers.get('connection') ?? '');
  const sent: Record<string, string | string[]> = { host };
  for (const [name, value] of request.headers.entries()) {
    // Those with a colon are the parts of HTTP/2's request line.
    if (name.startsWith(':') || ofCaller.test(name) || (upgrade ? ofBody.has(name) : ofOneHop.has(name) || dropped.has(name))) continue;
    const before = sent[name];
    sent[name] = before === undefined ? value : [before, value].flat();
  }
  const { remoteAddress } = connection;
  if (remoteAddress) sent['x-forwarded-for'] = [sent['x-forwarded-for'] ?? [], remoteAddress].flat().join(', ');
  return sent;
};

/** Of an answer. */
export const responseHeaders = (headers: HeaderFields): Record<string, string | readonly string[]> => {
  const dropped = named([headers['connection'] ?? ''].flat().join(','));
  const kept: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(headers))
    if (!ofOneHop.has(name) && !dropped.has(name) && !cors.test(name)) kept[name] = value;
  return kept;
};

/** As the client spoke to us. */
export const hostOf = (request: ApiRequest): string => request.headers.get('host') ?? request.headers.get(':authority') ?? '';
