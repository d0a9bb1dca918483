import { afterEach, expect, test } from '@jest/globals';
import type { ConfigMap, Secret } from '../../../kinds/types.ts';
import { type TestCluster, testCluster } from '../testing/cluster.ts';
import { bootstrapSigner, signature } from './signer.ts';
import { bootstrapTokenCleaner } from './token-cleaner.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

const token = (id: string, values: Record<string, string> = {}): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
  type: 'bootstrap.kubernetes.io/token',
  data: Object.fromEntries(
    Object.entries({ 'token-id': id, 'token-secret': '0123456789abcdef', ...values }).map(([key, value]) => [
      key,
      Buffer.from(value).toString('base64'),
    ]),
  ),
});
const after = (ms: number): string => new Date(cluster.clock.now() + ms).toISOString();

test('a token goes when its time is over, one that says no readable time at once, one without never', async () => {
  cluster = await testCluster([bootstrapTokenCleaner]);
  await cluster.admin.create('secrets', token('aaaaaa', { expiration: after(5000) }));
  await cluster.admin.create('secrets', token('bbbbbb', { expiration: 'tomorrow' }));
  await cluster.admin.create('secrets', token('cccccc'));
  await cluster.settle();
  const names = async () => (await cluster.list<Secret>('secrets')).map(({ metadata }) => metadata.name);
  expect(await names()).toEqual(['bootstrap-token-aaaaaa', 'bootstrap-token-cccccc']);
  await cluster.advance(6000);
  expect(await names()).toEqual(['bootstrap-token-cccccc']);
});

test('the cluster info is signed by the tokens that sign, and follows them', async () => {
  cluster = await testCluster([bootstrapSigner]);
  const info: ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cluster-info', namespace: 'kube-public' },
    data: { kubeconfig: 'text', 'jws-kubeconfig-gone': 'x' },
  };
  await cluster.admin.create('configmaps', info);
  await cluster.admin.create('secrets', token('aaaaaa', { 'usage-bootstrap-signing': 'true', expiration: after(5000) }));
  await cluster.admin.create('secrets', token('bbbbbb'));
  await cluster.settle();
  const data = async () => (await cluster.admin.get<ConfigMap>('configmaps', 'kube-public', 'cluster-info')).data;
  const signed = signature('text', { id: 'aaaaaa', secret: '0123456789abcdef' });
  expect(await data()).toEqual({ kubeconfig: 'text', 'jws-kubeconfig-aaaaaa': signed });
  await cluster.advance(6000);
  expect(await data()).toEqual({ kubeconfig: 'text' });
});

test('the signature is one of HS256 without its payload', () => {
  const [head, payload, mac] = signature('text', { id: 'aaaaaa', secret: 's' }).split('.');
  expect(JSON.parse(Buffer.from(head ?? '', 'base64url').toString())).toEqual({ alg: 'HS256', kid: 'aaaaaa' });
  expect(payload).toBe('');
  expect(Buffer.from(mac ?? '', 'base64url')).toHaveLength(32);
});
