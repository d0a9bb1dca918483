import { afterEach, expect, test } from '@jest/globals';
import { anApi, type TestApi } from '../testing.ts';
import { serviceAccount } from './service-account.ts';

let api: TestApi;
afterEach(() => api.close());

const random = { next: () => 0, uuid: () => 'u' };
const start = async (account: object): Promise<(spec: object, name?: string) => ReturnType<TestApi['send']>> => {
  api = await anApi(({ replicas }) => [serviceAccount(replicas, random)]);
  const path = '/api/v1/namespaces/default';
  await api.send('POST', `${path}/serviceaccounts`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'strict' },
    ...account,
  });
  return spec =>
    api.send('POST', `${path}/pods`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { serviceAccountName: 'strict', containers: [{ name: 'c', image: 'i' }], ...spec },
    });
};
const enforcing = { metadata: { name: 'strict', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } } };

test('an account that asks for it limits its pods to the secrets it lists', async () => {
  const create = await start({ ...enforcing, secrets: [{ name: 'mine' }], imagePullSecrets: [{ name: 'pull' }] });
  const message = async (spec: object): Promise<string> => (await create(spec)).body.message;
  const why = 'is not allowed because service account strict does not reference that';
  expect(await message({ volumes: [{ name: 'v', secret: { secretName: 'other' } }] })).toBe(
    `pods "p" is forbidden: volume with secret.secretName="other" ${why} secret`,
  );
  const container = { name: 'c', image: 'i', env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'other', key: 'k' } } }] };
  expect(await message({ containers: [container] })).toBe(
    `pods "p" is forbidden: container c with envVar X referencing secret.secretName="other" ${why} secret`,
  );
  expect(await message({ initContainers: [{ name: 'i', image: 'i', envFrom: [{ secretRef: { name: 'o' } }] }] })).toBe(
    `pods "p" is forbidden: init container i with envFrom referencing secret.secretName="o" ${why} secret`,
  );
  expect(await message({ imagePullSecrets: [{ name: 'pull' }, { name: 'x' }] })).toBe(
    `pods "p" is forbidden: imagePullSecrets[1].name="x" ${why} imagePullSecret`,
  );
  expect((await create({ volumes: [{ name: 'v', secret: { secretName: 'mine' } }] })).status).toBe(201);
});

test('others may use any secret; an account of no possible name is told as such', async () => {
  const create = await start({});
  expect((await create({ serviceAccountName: 'a/b' })).body.message).toBe(
    `pods "p" is forbidden: error looking up service account default/a/b: invalid resource name "a/b": [may not contain '/']`,
  );
  expect((await create({ serviceAccountName: 'strict', volumes: [{ name: 'v', secret: { secretName: 'other' } }] })).status).toBe(201);
});
