import { afterEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kinds/object.ts';
import type { ApiService, ConfigMap } from '../../kinds/types.ts';
import { apiServices } from '../extensions.ts';
import { definitions } from '../served.ts';
import { apiServiceAvailability } from './api-service-availability.ts';
import { apiServiceRegistration } from './api-service-registration.ts';
import { extensionAuthentication } from './extension-authentication.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

const label = 'kube-aggregator.kubernetes.io/automanaged';
const anApiService = (name: string, spec: object, labels = {}): ApiService => {
  const [version = '', ...group] = name.split('.');
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name, labels },
    spec: { group: group.join('.'), version, groupPriorityMinimum: 1000, versionPriority: 100, ...spec },
  };
};
const names = async (): Promise<string[]> => (await cluster.list(apiServices)).map(({ metadata }) => metadata.name);

describe('registration', () => {
  const aDefinition = (plural: string, versions: Record<string, boolean>): KubeObject => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com` },
    spec: { group: 'example.com', versions: Object.entries(versions).map(([name, served]) => ({ name, served })) },
  });

  test('every served version of a group has one, for as long as any definition serves it', async () => {
    cluster = await testCluster([apiServiceRegistration]);
    await cluster.admin.create(definitions, aDefinition('cows', { v1: true, v2: false }));
    await cluster.admin.create(definitions, aDefinition('pigs', { v1: true }));
    await cluster.settle();
    expect(await names()).toEqual(['v1.example.com']);
    expect(await cluster.admin.get(apiServices, '', 'v1.example.com')).toMatchObject({
      metadata: { labels: { [label]: 'true' } },
      spec: { group: 'example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 100 },
    });
    const cows = await cluster.admin.get(definitions, '', 'cows.example.com');
    await cluster.admin.update(definitions, { ...aDefinition('cows', { v2: true }), metadata: cows.metadata });
    await cluster.settle();
    expect(await names()).toEqual(['v1.example.com', 'v2.example.com']);
    await cluster.admin.delete(definitions, '', 'pigs.example.com');
    await cluster.settle();
    expect(await names()).toEqual(['v2.example.com']);
  });

  test('what others made stays, and what was changed is put right', async () => {
    cluster = await testCluster([apiServiceRegistration]);
    await cluster.admin.create(apiServices, anApiService('v1.other.com', {}));
    await cluster.admin.create(apiServices, anApiService('v1.apps', {}, { [label]: 'onstart' }));
    await cluster.admin.create(apiServices, anApiService('v1.gone.com', {}, { [label]: 'true' }));
    await cluster.admin.create(apiServices, anApiService('v1.example.com', { groupPriorityMinimum: 7 }, { [label]: 'true' }));
    await cluster.admin.create(definitions, aDefinition('cows', { v1: true }));
    await cluster.settle();
    expect(await names()).toEqual(['v1.apps', 'v1.example.com', 'v1.other.com']);
    expect((await cluster.admin.get<ApiService>(apiServices, '', 'v1.example.com')).spec?.groupPriorityMinimum).toBe(1000);
  });
});

describe('availability', () => {
  let probes: number;
  let failure: string | undefined;
  const start = async (): Promise<void> => {
    probes = 0;
    failure = undefined;
    const probe = async () => {
      probes++;
      return failure;
    };
    cluster = await testCluster([apiServiceAvailability(probe)]);
  };
  const name = 'v1.ext.example.com';
  const register = (spec: object = { service: { namespace: 'default', name: 'ext', port: 443 } }) =>
    cluster.admin.create(apiServices, anApiService(name, spec));
  const condition = async () => {
    await cluster.settle();
    const { status } = await cluster.admin.get<ApiService>(apiServices, '', name);
    const [one] = status?.conditions ?? [];
    return one && { status: one.status, reason: one.reason, message: one.message };
  };
  const service = (ports: object[]) =>
    cluster.admin.create('services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'default', name: 'ext' },
      spec: { type: 'ClusterIP', ports },
    } as KubeObject);
  const slice = (conditions: object) =>
    cluster.admin.create('endpointslices.discovery.k8s.io', {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace: 'default', name: 'ext-1', labels: { 'kubernetes.io/service-name': 'ext' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'], conditions }],
      ports: [{ name: 'https', port: 8443 }],
    } as KubeObject);

  test('a local one is available', async () => {
    await start();
    await register({});
    expect(await condition()).toEqual({ status: 'True', reason: 'Local', message: 'Local APIServices are always available' });
    expect(probes).toBe(0);
  });

  test('follows its Service, the endpoints and what the server says', async () => {
    await start();
    await register();
    expect(await condition()).toEqual({ status: 'False', reason: 'ServiceNotFound', message: 'service/ext in "default" is not present' });
    await service([{ port: 80 }]);
    expect(await condition()).toEqual({
      status: 'False',
      reason: 'ServicePortError',
      message: 'service/ext in "default" is not listening on port 443',
    });
    await cluster.admin.delete('services', 'default', 'ext');
    await service([{ name: 'https', port: 443 }]);
    expect(await condition()).toEqual({
      status: 'False',
      reason: 'EndpointsNotFound',
      message: 'cannot find endpointslices for service/ext in "default"',
    });
    await slice({ ready: false });
    expect(await condition()).toEqual({
      status: 'False',
      reason: 'MissingEndpoints',
      message: 'endpointslices for service/ext in "default" have no addresses with port name "https"',
    });
    expect(probes).toBe(0);
    failure = 'failing or missing response from somewhere';
    await cluster.admin.delete('endpointslices.discovery.k8s.io', 'default', 'ext-1');
    await slice({ ready: true });
    expect(await condition()).toEqual({ status: 'False', reason: 'FailedDiscoveryCheck', message: failure });
    failure = undefined;
    await cluster.advance(1000);
    expect(await condition()).toEqual({ status: 'True', reason: 'Passed', message: 'all checks passed' });
  });

  test('is looked at again for as long as it is registered, and writes only what is new', async () => {
    await start();
    await service([{ name: 'https', port: 443 }]);
    await slice({});
    await register();
    await cluster.settle();
    const before = probes;
    const written = cluster.written.length;
    await cluster.advance(30_000);
    await cluster.advance(30_000);
    expect(probes).toBe(before + 2);
    expect(cluster.written.length).toBe(written);
    await cluster.admin.delete(apiServices, '', name);
    await cluster.settle();
    await cluster.advance(300_000);
    expect(probes).toBeLessThanOrEqual(before + 2);
  });

  test('a server that stays away is asked less and less often', async () => {
    await start();
    failure = 'no';
    await service([{ name: 'https', port: 443 }]);
    await slice({});
    await register();
    await cluster.settle();
    for (let i = 0; i < 60; i++) await cluster.advance(500);
    const first = probes;
    for (let i = 0; i < 60; i++) await cluster.advance(500);
    expect(first).toBeGreaterThan(4);
    expect(probes - first).toBeLessThanOrEqual(2);
  });
});

describe('authentication of extensions', () => {
  const pem = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
  const aConfig = (metadata: KubeObject['metadata'], data: Record<string, string>): ConfigMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data,
  });
  const start = async (): Promise<void> => {
    cluster = await testCluster([extensionAuthentication({ clientCa: pem('A'), frontProxy: { ca: pem('F'), allowedNames: ['front'] } })]);
    await cluster.admin.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } });
    await cluster.settle();
  };
  const data = async () =>
    (await cluster.admin.get<ConfigMap>('configmaps', 'kube-system', 'extension-apiserver-authentication')).data ?? {};

  test('says whom to believe', async () => {
    await start();
    expect(await data()).toEqual({
      'client-ca-file': pem('A'),
      'requestheader-client-ca-file': pem('F'),
      'requestheader-allowed-names': '["front"]',
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-uid-headers': '["X-Remote-Uid"]',
      'requestheader-username-headers': '["X-Remote-User"]',
    });
  });

  test('comes back, and keeps what another copy said', async () => {
    await start();
    await cluster.admin.delete('configmaps', 'kube-system', 'extension-apiserver-authentication');
    await cluster.settle();
    expect((await data())['client-ca-file']).toBe(pem('A'));
    const { metadata } = await cluster.admin.get('configmaps', 'kube-system', 'extension-apiserver-authentication');
    await cluster.admin.update(
      'configmaps',
      aConfig(metadata, { 'client-ca-file': pem('B'), 'requestheader-allowed-names': '["b"]', x: 'y' }),
    );
    await cluster.settle();
    expect(await data()).toMatchObject({ 'client-ca-file': pem('B') + pem('A'), 'requestheader-allowed-names': '["b","front"]', x: 'y' });
  });
});
