import { afterEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kinds/object.ts';
import { bootstrapObjects } from '../../kinds/schema/data.ts';
import type { FlowSchema } from '../../kinds/types.ts';
import { flowControlBootstrapReconcilers, flowSchemaReconciler } from './flow-control.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';

const schemas = 'flowschemas.flowcontrol.apiserver.k8s.io';
const levels = 'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io';
const delivered = bootstrapObjects().filter(({ kind }) => kind === 'FlowSchema' || kind === 'PriorityLevelConfiguration');
const resourceOf = ({ kind }: KubeObject): string => (kind === 'FlowSchema' ? schemas : levels);

let cluster: TestCluster;
afterEach(() => cluster.close());

const spec = (level: string) => ({ matchingPrecedence: 500, priorityLevelConfiguration: { name: level } });
const aSchema = (name: string, level: string, annotations: Record<string, string> = {}): FlowSchema => ({
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind: 'FlowSchema',
  metadata: { name, annotations },
  spec: spec(level),
});
const aLevel = (name: string) => ({
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind: 'PriorityLevelConfiguration',
  metadata: { name },
  spec: { type: 'Exempt' },
});
const dangling = async (name: string): Promise<string> => {
  const schema = await cluster.admin.get<FlowSchema>(schemas, '', name);
  return schema.status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`).join() ?? '';
};

test('a schema says whether its level is there', async () => {
  cluster = await testCluster([flowSchemaReconciler]);
  await cluster.admin.create(schemas, aSchema('one', 'mine'));
  await cluster.settle();
  expect(await dangling('one')).toBe('Dangling True NotFound');
  await cluster.admin.create(levels, aLevel('mine'));
  await cluster.settle();
  expect(await dangling('one')).toBe('Dangling False Found');
  await cluster.admin.delete(levels, '', 'mine');
  await cluster.settle();
  expect(await dangling('one')).toBe('Dangling True NotFound');
});

const started = async (): Promise<void> => {
  cluster = await testCluster(flowControlBootstrapReconcilers(bootstrapObjects()));
  for (const object of delivered) await cluster.admin.create(resourceOf(object), object);
  await cluster.settle();
};
const keeping = 'apf.kubernetes.io/autoupdate-spec';

test('what is as delivered is left alone, what was deleted comes back', async () => {
  await started();
  const before = cluster.written.length;
  await cluster.settle();
  expect(cluster.written.slice(before)).toEqual([]);
  await cluster.admin.delete(schemas, '', 'catch-all');
  await cluster.admin.delete(levels, '', 'system');
  await cluster.settle();
  expect((await cluster.admin.get(schemas, '', 'catch-all'))['spec']).toMatchObject({ matchingPrecedence: 10000 });
  expect(await cluster.admin.get(levels, '', 'system')).toMatchObject({ metadata: { annotations: { [keeping]: 'true' } } });
});

test('administrators may change what is only suggested, once they say so', async () => {
  await started();
  const { admin } = cluster;
  for (const name of ['probes', 'catch-all']) {
    const schema = await admin.get<FlowSchema>(schemas, '', name);
    await admin.update(schemas, { ...schema, spec: spec('system') });
    await cluster.settle();
    expect((await admin.get<FlowSchema>(schemas, '', name)).spec?.priorityLevelConfiguration.name).not.toBe('system');
    const again = await admin.get<FlowSchema>(schemas, '', name);
    await admin.update(schemas, { ...again, metadata: { ...again.metadata, annotations: { [keeping]: 'false' } }, spec: spec('system') });
    await cluster.settle();
  }
  expect((await admin.get<FlowSchema>(schemas, '', 'probes')).spec?.priorityLevelConfiguration.name).toBe('system');
  expect((await admin.get<FlowSchema>(schemas, '', 'catch-all')).spec?.priorityLevelConfiguration.name).toBe('catch-all');
});

test('what an earlier release delivered goes, what people made stays', async () => {
  await started();
  await cluster.admin.create(schemas, aSchema('old', 'system', { [keeping]: 'true' }));
  await cluster.admin.create(schemas, aSchema('own', 'system'));
  await cluster.settle();
  const names = (await cluster.list(schemas)).map(({ metadata }) => metadata.name);
  expect(names).toContain('own');
  expect(names).not.toContain('old');
});
