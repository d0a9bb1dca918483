/** What a request asks for, read from method, path and query, as apiserver `pkg/endpoints/request/requestinfo.go` does. */
import { badRequest } from '../../kinds/status.ts';
import type { RequestInfo } from './types.ts';

const noQuery = new URLSearchParams();
const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
const nonResourceVerbs: Readonly<Record<string, string>> = {
  POST: 'post',
  GET: 'get',
  HEAD: 'head',
  PUT: 'put',
  PATCH: 'patch',
  DELETE: 'delete',
  OPTIONS: 'options',
};
/** Prefixes of old that stand where the namespace or resource would. */
const prefixes = new Set(['proxy', 'watch']);
/** `/namespaces/NAME/X`: these X are subresources of the namespace, any other is a resource within it. */
const namespaceSubresources = new Set(['status', 'finalize']);

const decode = (segment: string): string => {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (error instanceof URIError) throw badRequest(`invalid URL escape in ${JSON.stringify(segment)}`);
    throw error;
  }
};

/** The path and query of an absolute URL or of a request target. */
const split = (url: string): { path: string; query: URLSearchParams } => {
  let start = 0;
  if (!url.startsWith('/')) {
    const scheme = url.indexOf('://');
    start = url.indexOf('/', scheme < 0 ? 0 : scheme + 3);
    if (start < 0) return { path: '/', query: noQuery };
  }
  const mark = url.indexOf('?', start);
  if (mark < 0) return { path: url.slice(start), query: noQuery };
  return { path: url.slice(start, mark), query: new URLSearchParams(url.slice(mark + 1)) };
};

const isTrue = (text: string | null): boolean => text !== null && text !== '0' && text.toLowerCase() !== 'false';

export const parseRequest = (method: string, url: string): RequestInfo => {
  const { path, query } = split(url);
  const nonResource = (): RequestInfo => ({ verb: nonResourceVerbs[method] ?? method.toLowerCase(), path, query });
  const core = path.startsWith('/api/');
  if (!core && !path.startsWith('/apis/')) return nonResource();
  // What an escape stands for counts as if it were written, slashes too.
  const parts = decode(path).split('/').filter(Boolean);
  if (parts.length < (core ? 3 : 4)) return nonResource();
  let at = 1;
  const group = core ? '' : (parts[at++] ?? '');
  const version = parts[at++] ?? '';
  let verb = verbs[method] ?? '';
  const first = parts[at] ?? '';
  if (prefixes.has(first)) {
    if (parts.length - at < 2) return nonResource();
    verb = first;
    at++;
  }
  let namespace = '';
  if (parts[at] === 'namespaces') {
    const rest = parts.length - at;
    if (rest > 1) {
      namespace = parts[at + 1] ?? '';
      if (rest > 2 && !namespaceSubresources.has(parts[at + 2] ?? '')) at += 2;
    }
  }
  const resource = parts[at] ?? '';
  const name = parts[at + 1] ?? '';
  const plain = verb !== 'watch' && verb !== 'proxy';
  const subresource = plain ? (parts[at + 2] ?? '') : '';
  const rest = parts.slice(at + 3).join('/');
  if (!name && verb === 'get') verb = isTrue(query.get('watch')) ? 'watch' : 'list';
  else if (!name && verb === 'delete') verb = 'deletecollection';
  return { verb, path, query, target: { group, version, resource, subresource, namespace, name, rest } };
};
