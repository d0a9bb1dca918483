import { describe, expect, test } from '@jest/globals';
import { parseRequest } from './request-info.ts';

const target = { group: '', version: 'v1', resource: 'pods', subresource: '', namespace: '', name: '', rest: '' };

describe('what a request asks for', () => {
  test.each([
    ['GET', '/api/v1/pods', 'list', target],
    ['GET', '/api/v1/pods?watch=1', 'watch', target],
    ['GET', '/api/v1/pods?watch=false', 'list', target],
    ['HEAD', '/api/v1/namespaces/n/pods/a', 'get', { ...target, namespace: 'n', name: 'a' }],
    ['POST', '/api/v1/namespaces/n/pods', 'create', { ...target, namespace: 'n' }],
    ['DELETE', '/api/v1/namespaces/n/pods', 'deletecollection', { ...target, namespace: 'n' }],
    ['DELETE', '/api/v1/namespaces/n/pods/a', 'delete', { ...target, namespace: 'n', name: 'a' }],
    ['PUT', '/api/v1/namespaces/n/pods/a/status', 'update', { ...target, namespace: 'n', name: 'a', subresource: 'status' }],
    ['GET', '/api/v1/watch/namespaces/n/pods/a', 'watch', { ...target, namespace: 'n', name: 'a' }],
    ['GET', '/api/v1/namespaces/n', 'get', { ...target, resource: 'namespaces', namespace: 'n', name: 'n' }],
    [
      'PUT',
      '/api/v1/namespaces/n/finalize',
      'update',
      { ...target, resource: 'namespaces', namespace: 'n', name: 'n', subresource: 'finalize' },
    ],
    [
      'PATCH',
      '/apis/apps/v1/namespaces/n/deployments/d',
      'patch',
      { ...target, group: 'apps', resource: 'deployments', namespace: 'n', name: 'd' },
    ],
    [
      'GET',
      '/api/v1/namespaces/n/services/s/proxy/a/b',
      'get',
      { ...target, resource: 'services', namespace: 'n', name: 's', subresource: 'proxy', rest: 'a/b' },
    ],
    ['GET', 'https://host:6443/api/v1/pods?limit=1', 'list', target],
    ['GET', '/api/v1/namespaces/n/pods/a%2Fb', 'get', { ...target, namespace: 'n', name: 'a', subresource: 'b' }],
  ])('%s %s', (method, url, verb, expected) => {
    const info = parseRequest(method, url);
    expect(info.verb).toBe(verb);
    expect(info.target).toEqual(expected);
  });

  test.each(['/', '/healthz', '/api', '/api/v1', '/apis', '/apis/apps', '/apis/apps/v1', '/openapi/v3', '/apiserver/v1/pods'])(
    '%s names no resource',
    url => {
      expect(parseRequest('GET', url)).toMatchObject({ verb: 'get', path: url });
      expect(parseRequest('GET', url).target).toBeUndefined();
    },
  );

  test("a broken escape is the client's mistake", () => {
    expect(() => parseRequest('GET', '/api/v1/namespaces/n/pods/%zz')).toThrow(expect.objectContaining({ reason: 'BadRequest' }));
  });
});
