import { afterEach, expect, test } from '@jest/globals';
import { anApi, type TestApi } from './testing.ts';

let api: TestApi;
afterEach(() => api.close());

const service = (uid: string, resourceVersion?: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 's', uid, ...(resourceVersion ? { resourceVersion } : {}) },
  spec: { ports: [{ port: 80 }] },
});
const services = '/api/v1/namespaces/default/services';

test('another identity is refused with the place it would have in the store of upstream', async () => {
  api = await anApi(() => []);
  const { uid } = (await api.send('POST', services, service(''))).body.metadata as { uid: string };
  const refused = await api.send('PUT', `${services}/s`, service('other'));
  expect(refused.status).toBe(409);
  expect(refused.body.message).toBe(
    `Operation cannot be fulfilled on services "s": StorageError: invalid object, Code: 4, Key: /registry/services/specs/default/s, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: other, UID in object meta: ${uid}`,
  );
  const rehearsed = await api.send('PUT', `${services}/s?dryRun=All`, service('other'));
  expect(rehearsed.body.message).toContain('Key: /services/specs/default/s,');
});

test('a version that is no number is no conflict', async () => {
  api = await anApi(() => []);
  await api.send('POST', services, service(''));
  const { status, body } = await api.send('PUT', `${services}/s`, service('', 'a'));
  expect([status, body.message]).toEqual([500, 'strconv.ParseUint: parsing "a": invalid syntax']);
  const beyond = await api.send('PUT', `${services}/s`, service('', '18446744073709551616'));
  expect(beyond.body.message).toContain('value out of range');
});
