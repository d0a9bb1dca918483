import { afterEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../kinds/object.ts';
import type { Client } from '../../client.ts';
import { anApi, type TestApi } from '../testing.ts';
import { certificateSubject } from './certificate-subject.ts';
import { nodeRestriction } from './node-restriction.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';

let api: TestApi;
let node: Client;
let admin: Client;
afterEach(() => api.close());

/** Of an EC key, for O=system:masters, O=second, CN=system:node:n1. */
const csr =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIK01JR2xBZ0VBTUVNeEZ6QVZCZ05WQkFvTURuTjVjM1JsYlRwdFlYTjBaWEp6TVE4d0RRWURWUVFLREFaegpaV052Ym1ReEZ6QVZCZ05WQkFNTURuTjVjM1JsYlRwdWIyUmxPbTR4TUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJCnpqMERBUWNEUWdBRU95NnFUWXh2MGFkNGtNRHFVN2ZTRU45VHJaMXFjaVYvNlNIUmpPK3I5VmhTWVBiQ1A5YjEKeTlHZzFSWGJRSEJoWkNKN0dvQytIb2J1aDlKRTRLd0c3S0FBTUFvR0NDcUdTTTQ5QkFNQ0EwZ0FNRVVDSVFESwpNREpCaFBUL21ORW13NHJIcGxRQk5iY2h3U3h3U2VRUXlqVE5vck9kckFJZ051NDBvTWVXU2UzQzZYYTNYc3FjCmIyVlQ1amYyZVEyRmlqUU0vdko5WEd3PQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K';

const start = async (): Promise<void> => {
  api = await anApi(({ replicas }) => [nodeRestriction(replicas), certificateSubject(), podTopologyLabels(replicas)]);
  node = api.api.clients.asUser('system:node:n1', ['system:nodes']);
  admin = api.api.clients.asUser('admin', ['system:masters']);
};
const aNode = (name: string, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
});
const aPod = (name: string, nodeName: string, metadata = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', ...metadata },
  spec: { nodeName, containers: [{ name: 'main', image: 'i' }] },
});
const refusal = (write: Promise<unknown>): Promise<string> =>
  write.then(
    () => 'allowed',
    (error: Error) => error.message.replace(/^.* is forbidden: /, ''),
  );

test('a node writes only itself, and no labels that draw workloads to it', async () => {
  await start();
  const reserved = {
    'node-restriction.kubernetes.io/a': 'b',
    'kubernetes.io/hostname': 'n1',
    'node-role.kubernetes.io/master': '',
    free: 'x',
  };
  expect(await refusal(node.create('nodes', aNode('n1', reserved)))).toBe(
    'node "n1" is not allowed to set the following labels: node-restriction.kubernetes.io/a, node-role.kubernetes.io/master',
  );
  expect(await refusal(node.create('nodes', aNode('n2')))).toBe('node "n1" is not allowed to modify node "n2"');
  await node.create('nodes', aNode('n1', { 'kubernetes.io/hostname': 'n1', 'node.kubernetes.io/x': 'y' }));
  const patch = (body: object): Promise<string> => refusal(node.patch('nodes', '', 'n1', 'merge', body as never));
  expect(await patch({ metadata: { labels: { free: 'z' } } })).toBe('allowed');
  expect(await patch({ metadata: { labels: { 'k8s.io/x': 'z' } } })).toBe('is not allowed to modify labels: k8s.io/x');
  expect(await patch({ spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } })).toBe('node "n1" is not allowed to modify taints');
});

test('of pods only its own, and of these only what it has to say', async () => {
  await start();
  await admin.create('pods', aPod('mine', 'n1'));
  await admin.create('pods', aPod('other', 'n2'));
  const status = (name: string, body: object): Promise<string> =>
    refusal(node.patch('pods', 'default', name, 'merge', body as never, { subresource: 'status' }));
  expect(await status('mine', { status: { phase: 'Running' } })).toBe('allowed');
  expect(await status('other', { status: { phase: 'Running' } })).toBe(
    'node "n1" can only update pod status for pods with spec.nodeName set to itself',
  );
  expect(await refusal(node.delete('pods', 'default', 'other', { gracePeriodSeconds: 0 }))).toBe(
    'node "n1" can only delete pods with spec.nodeName set to itself',
  );
  expect(await refusal(node.delete('pods', 'default', 'mine', { gracePeriodSeconds: 0 }))).toBe('allowed');
  expect(await refusal(node.create('pods', aPod('new', 'n1')))).toBe(
    'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
  );
});

test('mirror pods belong to their node and refer to nothing', async () => {
  await start();
  const { uid = '' } = (await node.create('nodes', aNode('n1'))).metadata;
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid, controller: true };
  const annotations = { 'kubernetes.io/config.mirror': 'x' };
  expect(await refusal(node.create('pods', aPod('a', 'n1', { annotations })))).toBe(
    'node "n1" can only create pods with an owner reference set to itself',
  );
  const mirror = aPod('a', 'n1', { annotations, ownerReferences: [owner] });
  const spec = mirror['spec'] as object;
  const volumes = [{ name: 'v', configMap: { name: 'c' } }];
  expect(await refusal(node.create('pods', { ...mirror, spec: { ...spec, volumes } } as KubeObject))).toBe(
    'node "n1" can not create pods that reference configmaps',
  );
  expect(await refusal(node.create('pods', mirror))).toBe('allowed');
});

test('leases, and certificates in its own name', async () => {
  await start();
  await admin.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-node-lease' } });
  const lease = (namespace: string, name: string): KubeObject => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace, name },
  });
  expect(await refusal(node.create('leases.coordination.k8s.io', lease('default', 'n1')))).toBe(
    'can only access leases in the "kube-node-lease" system namespace',
  );
  expect(await refusal(node.create('leases.coordination.k8s.io', lease('kube-node-lease', 'n2')))).toBe(
    'can only access node lease with the same name as the requesting node',
  );
  expect(await refusal(node.create('leases.coordination.k8s.io', lease('kube-node-lease', 'n1')))).toBe('allowed');
  const request = (signer: string): KubeObject => ({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: signer },
    spec: { request: csr, signerName: `kubernetes.io/${signer}`, usages: ['client auth'] },
  });
  const other = api.api.clients.asUser('system:node:n2', ['system:nodes']);
  const resource = 'certificatesigningrequests.certificates.k8s.io';
  expect(await refusal(other.create(resource, request('kubelet-serving')))).toBe('can only create a node CSR with CN=system:node:n2');
  expect(await refusal(node.create(resource, request('kubelet-serving')))).toBe('allowed');
  expect(await refusal(admin.create(resource, request('kube-apiserver-client')))).toBe(
    'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
  );
});

test('a bound pod carries its zone', async () => {
  await start();
  await admin.create('nodes', aNode('n1', { 'topology.kubernetes.io/zone': 'z1', other: 'x' }));
  await admin.create('pods', aPod('a', ''));
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'a' }, target: { kind: 'Node', name: 'n1' } } as KubeObject;
  await admin.createSubresource('pods', 'default', 'a', 'binding', binding);
  expect((await admin.get('pods', 'default', 'a')).metadata.labels).toEqual({ 'topology.kubernetes.io/zone': 'z1' });
});
