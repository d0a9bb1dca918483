import { expect, test } from '@jest/globals';
import { builtInRegistry } from '../registry.ts';
import { openApiV2, openApiV3 } from './index.ts';

const registry = builtInRegistry();
type Document = { paths: Record<string, Record<string, { operationId: string; parameters?: unknown[] }>> };

test('documents that lead to no resource are described, alone in version 3 and with all in version 2', () => {
  const all = (openApiV2(registry) as unknown as Document).paths;
  for (const [path, id] of [
    ['version', 'getCodeVersion'],
    ['apis/rbac.authorization.k8s.io', 'getRbacAuthorizationAPIGroup'],
  ] as const) {
    const { paths } = openApiV3(registry, path) as unknown as Document;
    expect(Object.keys(paths)).toEqual([`/${path}/`]);
    expect(paths[`/${path}/`]?.['get']?.operationId).toBe(id);
    expect(all[`/${path}/`]?.['get']?.operationId).toBe(id);
  }
});

test('a path with one method has all its parameters beside it, and watches have paths of old', () => {
  const { paths } = openApiV3(registry, 'apis/apps/v1') as unknown as Document;
  const watched = paths['/apis/apps/v1/watch/namespaces/{namespace}/deployments/{name}'];
  expect(watched?.['get']).toMatchObject({ operationId: 'watchAppsV1NamespacedDeployment' });
  expect(watched?.['get']?.parameters).toBeUndefined();
  const parameters = (watched?.['parameters'] ?? []) as unknown as { name: string }[];
  const names = parameters.map(({ name }) => name);
  expect(names).toEqual([...names].sort());
  expect(names).toEqual(expect.arrayContaining(['name', 'namespace', 'pretty', 'watch']));
  expect(paths['/apis/apps/v1/']?.['get']?.operationId).toBe('getAppsV1APIResources');
});
