import { afterEach, expect, test } from '@jest/globals';
import { anApi, type TestApi } from '../testing.ts';
import { deviceAdminAccess } from './device-admin-access.ts';

let api: TestApi;
afterEach(() => api.close());

test('only claims of marked namespaces get devices that others use', async () => {
  api = await anApi(({ replicas }) => [deviceAdminAccess(replicas)]);
  for (const [name, labels] of [
    ['plain', {}],
    ['marked', { 'resource.kubernetes.io/admin-access': 'true' }],
  ] as const)
    await api.send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  const claim = (namespace: string, adminAccess: boolean) =>
    api.send('POST', `/apis/resource.k8s.io/v1/namespaces/${namespace}/resourceclaims`, {
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceClaim',
      metadata: { name: adminAccess ? 'admin' : 'user' },
      spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'c', adminAccess } }] } },
    });
  const refused = await claim('plain', true);
  expect(refused.body.message).toBe(
    'ResourceClaim.resource.k8s.io "admin" is invalid: spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace',
  );
  expect((await claim('plain', false)).status).toBe(201);
  expect((await claim('marked', true)).status).toBe(201);
});
