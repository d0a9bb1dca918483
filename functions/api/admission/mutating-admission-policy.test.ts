import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../kinds/registry.ts';
import { anApi, type TestAnswer, type TestApi } from '../testing.ts';
import { mutatingAdmissionPolicy } from './mutating-admission-policy.ts';

let api: TestApi;
beforeEach(async () => {
  const registry = builtInRegistry();
  api = await anApi(({ replicas, clock }) => [mutatingAdmissionPolicy({ replicas, registry, clock })]);
});
afterEach(() => api.close());

const policies = '/apis/admissionregistration.k8s.io/v1';
const base = '/api/v1/namespaces/default';
const resourceRules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps', 'pods'] }];
const put = async (name: string, mutations: object[], spec: object = {}): Promise<void> => {
  const about = (kind: string, content: object) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name },
    spec: content,
  });
  const policy = { matchConstraints: { resourceRules }, reinvocationPolicy: 'Never', mutations, ...spec };
  const made = await api.send('POST', `${policies}/mutatingadmissionpolicies`, about('MutatingAdmissionPolicy', policy));
  expect(made.status).toBe(201);
  const binding = about('MutatingAdmissionPolicyBinding', { policyName: name });
  expect((await api.send('POST', `${policies}/mutatingadmissionpolicybindings`, binding)).status).toBe(201);
};
const json = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } });
const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
const map = (name: string, data: object = { a: '1' }): Promise<TestAnswer> =>
  api.send('POST', `${base}/configmaps`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });

test('a JSON patch, with escaped keys', async () => {
  await put('p', [
    json('[JSONPatch{op: "add", path: "/data/added", value: "by-" + object.metadata.name}]'),
    json(
      '[JSONPatch{op: "add", path: "/metadata/labels", value: {}}, JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("a.b/c"), value: string(object.data.size())}]',
    ),
  ]);
  const { body } = await map('x');
  expect(body.data).toEqual({ a: '1', added: 'by-x' });
  expect(body.metadata.labels).toEqual({ 'a.b/c': '2' });
});

test('a part to be applied is merged by the keys of its lists', async () => {
  await put('p', [
    apply(
      'Object{spec: Object.spec{containers: [Object.spec.containers{name: "main", imagePullPolicy: "Always"}, Object.spec.containers{name: "extra", image: "e"}]}}',
    ),
  ]);
  const spec = { containers: [{ name: 'main', image: 'i:1' }] };
  const { status, body } = await api.send('POST', `${base}/pods`, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec });
  expect(status).toBe(201);
  expect(body.spec.template).toBeUndefined();
  const { containers } = body.spec as unknown as { containers: { name: string; image: string; imagePullPolicy: string }[] };
  expect(containers.map(({ name, image, imagePullPolicy }) => [name, image, imagePullPolicy])).toEqual([
    ['main', 'i:1', 'Always'],
    ['extra', 'e', 'Always'],
  ]);
});

test('policies look again, if they ask to, at what later ones changed', async () => {
  const missing = "!has(object.data.b) || has(object.data.c) ? [] : [JSONPatch{op: 'add', path: '/data/c', value: 'after b'}]";
  await put('first', [json(missing)], { reinvocationPolicy: 'IfNeeded' });
  await put('second', [json("[JSONPatch{op: 'add', path: '/data/b', value: '2'}]")]);
  expect((await map('x')).body.data).toEqual({ a: '1', b: '2', c: 'after b' });
});

test('what cannot be made refuses, unless the policy is lenient', async () => {
  await put('p', [json("[JSONPatch{op: 'add', path: '/data/b', value: object.data.missing}]")]);
  const { status, body } = await map('x');
  expect(status).toBe(403);
  expect(body.message).toContain("policy 'p' with binding 'p' denied request: ");
  await api.send(
    'PATCH',
    `${policies}/mutatingadmissionpolicies/p`,
    { spec: { failurePolicy: 'Ignore' } },
    { 'content-type': 'application/merge-patch+json' },
  );
  expect((await map('x')).body.data).toEqual({ a: '1' });
});
