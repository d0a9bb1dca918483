import { describe, expect, test } from '@jest/globals';
import { parseQuantity } from '../../kinds/quantity.ts';
import { notFound } from '../../kinds/status.ts';
import type { ConfigMap, Container, Secret, Service } from '../../kinds/types.ts';
import { aContainer, aPod } from '../testing/pods.ts';
import { environment, expandAll } from './environment.ts';
import { expand } from './expansion.ts';
import { serviceEnvironment } from './service-env.ts';

const node = { cpu: parseQuantity('2'), memory: parseQuantity('1Gi'), 'ephemeral-storage': parseQuantity('10Gi') };
const maps: Record<string, Record<string, string>> = { settings: { colour: 'green', size: 'L' } };
const sources = {
  configMap: async (_: string, name: string) => {
    const data = maps[name];
    if (!data) throw notFound({ group: '', resource: 'configmap' }, name);
    return { data } as unknown as ConfigMap;
  },
  secret: async (_: string, name: string) => {
    if (name !== 'keys') throw notFound({ group: '', resource: 'secret' }, name);
    return { data: { token: Buffer.from('secret').toString('base64') } } as unknown as Secret;
  },
};
const variables = async (container: Partial<Container>, services = new Map<string, string>()) =>
  Object.fromEntries(
    await environment({
      pod: aPod({ serviceAccountName: 'robot' }, { labels: { app: 'web' }, annotations: { note: 'a "b"' } }),
      container: aContainer('main', container),
      addresses: { hostIp: '192.0.2.1', podIp: '10.0.0.2' },
      node,
      services,
      sources,
    }),
  );

describe('references in text', () => {
  const lookup = (name: string) => ({ A: '1', B: '' })[name];
  test.each([
    ['$(A)', '1'],
    ['x$(B)y', 'xy'],
    ['$(C)', '$(C)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$1'],
    ['$(A', '$(A'],
    ['$A$', '$A$'],
    ['', ''],
  ])('%s', (text, wanted) => {
    expect(expand(text, lookup)).toBe(wanted);
  });
});

describe("a container's variables", () => {
  test('see those declared before, and Services', async () => {
    const env = [
      { name: 'A', value: '1' },
      { name: 'B', value: '$(A)$(WEB)$(C)' },
      { name: 'C', value: '3' },
    ];
    expect(await variables({ env }, new Map([['WEB', 'w']]))).toEqual({ A: '1', B: '1w$(C)', C: '3', WEB: 'w' });
  });
  test('come from every source', async () => {
    const field = (fieldPath: string) => ({ fieldRef: { fieldPath } });
    const env = [
      { name: 'KEY', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } },
      { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
      { name: 'IP', valueFrom: field('status.podIP') },
      { name: 'HOST', valueFrom: field('status.hostIP') },
      { name: 'WHO', valueFrom: field('spec.serviceAccountName') },
      { name: 'LABEL', valueFrom: field("metadata.labels['app']") },
      { name: 'NOTES', valueFrom: field('metadata.annotations') },
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      { name: 'MILLI', valueFrom: { resourceFieldRef: { resource: 'requests.cpu', divisor: '1m' } } },
      { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
    ];
    expect(await variables({ env, resources: { requests: { cpu: '250m' } } })).toEqual({
      KEY: 'green',
      TOKEN: 'secret',
      IP: '10.0.0.2',
      HOST: '192.0.2.1',
      WHO: 'robot',
      LABEL: 'web',
      NOTES: 'note="a \\"b\\""',
      CPU: '2',
      MILLI: '250',
      MEMORY: '1024',
    });
  });
  test('whole objects come first, with a prefix; what is declared replaces them', async () => {
    const envFrom = [{ prefix: 'S_', configMapRef: { name: 'settings' } }, { secretRef: { name: 'none', optional: true } }];
    expect(await variables({ envFrom, env: [{ name: 'S_size', value: 'XL' }] })).toEqual({ S_colour: 'green', S_size: 'XL' });
  });
  test('what is missing is named, unless it is optional', async () => {
    const key = (name: string, keyName: string, optional: boolean) => [
      { name: 'A', valueFrom: { configMapKeyRef: { name, key: keyName, optional } } },
    ];
    await expect(variables({ env: key('none', 'a', false) })).rejects.toThrow('configmap "none" not found');
    await expect(variables({ env: key('settings', 'a', false) })).rejects.toThrow("couldn't find key a in ConfigMap default/settings");
    expect(await variables({ env: key('none', 'a', true) })).toEqual({});
    await expect(variables({ env: key('settings', '__proto__', false) })).rejects.toThrow("couldn't find key __proto__");
  });
  test('expand in commands', () => {
    expect(expandAll(['echo', '$(A)', '$$(A)'], new Map([['A', '1']]))).toEqual(['echo', '1', '$(A)']);
    expect(expandAll(undefined, new Map())).toBeUndefined();
  });
});

test('Services are told in the form of links', () => {
  const service = (name: string, namespace: string, clusterIP: string): Service =>
    ({
      metadata: { name, namespace },
      spec: {
        clusterIP,
        ports: [
          { name: 'http', port: 80 },
          { name: 'dns', port: 53, protocol: 'UDP' },
        ],
      },
    }) as unknown as Service;
  const services = [service('kubernetes', 'default', '10.96.0.1'), service('my-web', 'team', '10.96.0.7'), service('head', 'team', 'None')];
  const links = serviceEnvironment(services, 'team', true);
  expect([...links.keys()].filter(name => name.startsWith('HEAD'))).toEqual([]);
  expect(Object.fromEntries([...links].filter(([name]) => name.startsWith('MY_WEB')))).toEqual({
    MY_WEB_SERVICE_HOST: '10.96.0.7',
    MY_WEB_SERVICE_PORT: '80',
    MY_WEB_SERVICE_PORT_HTTP: '80',
    MY_WEB_SERVICE_PORT_DNS: '53',
    MY_WEB_PORT: 'tcp://10.96.0.7:80',
    MY_WEB_PORT_80_TCP: 'tcp://10.96.0.7:80',
    MY_WEB_PORT_80_TCP_PROTO: 'tcp',
    MY_WEB_PORT_80_TCP_PORT: '80',
    MY_WEB_PORT_80_TCP_ADDR: '10.96.0.7',
    MY_WEB_PORT_53_UDP: 'udp://10.96.0.7:53',
    MY_WEB_PORT_53_UDP_PROTO: 'udp',
    MY_WEB_PORT_53_UDP_PORT: '53',
    MY_WEB_PORT_53_UDP_ADDR: '10.96.0.7',
  });
  expect(serviceEnvironment(services, 'team', false).has('KUBERNETES_SERVICE_HOST')).toBe(true);
  expect(serviceEnvironment(services, 'team', false).has('MY_WEB_PORT')).toBe(false);
});
