import { afterEach, expect, test } from '@jest/globals';
import { anApi, type TestAnswer, type TestApi } from '../testing.ts';
import { claimResize } from './claim-resize.ts';

let api: TestApi;
afterEach(() => api.close());

const claims = '/api/v1/namespaces/default/persistentvolumeclaims';
const merge = { 'content-type': 'application/merge-patch+json' };

test('only bound claims of a class that allows it grow', async () => {
  api = await anApi(({ replicas }) => [claimResize(replicas)]);
  const storageClass = (name: string, allowVolumeExpansion: boolean): Promise<TestAnswer> =>
    api.send('POST', '/apis/storage.k8s.io/v1/storageclasses', {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name },
      provisioner: 'example.com/p',
      allowVolumeExpansion,
    });
  await storageClass('fixed', false);
  await storageClass('elastic', true);
  const sized = (storage: string) => ({ spec: { resources: { requests: { storage } } } });
  for (const name of ['fixed', 'elastic'])
    await api.send('POST', claims, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name },
      spec: { storageClassName: name, accessModes: ['ReadWriteOnce'], ...sized('1Gi').spec },
    });
  const grow = (name: string): Promise<TestAnswer> => api.send('PATCH', `${claims}/${name}`, sized('2Gi'), merge);
  for (const name of ['fixed', 'elastic'])
    await api.send('PATCH', `${claims}/${name}/status`, { status: { phase: 'Bound', capacity: { storage: '1Gi' } } }, merge);
  expect((await grow('fixed')).body.message).toContain(
    'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
  );
  const grown = await grow('elastic');
  expect(grown.body.message ?? '').not.toContain('only dynamically');
});
