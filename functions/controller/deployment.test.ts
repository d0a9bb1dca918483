import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../kinds/object.ts';
import type { Deployment, Pod, ReplicaSet } from '../../kinds/types.ts';
import { createScheduler } from '../scheduler/scheduler.ts';
import { deploymentReconciler } from './deployment.ts';
import { replicaSetReconciler } from './replica-set.ts';
import { aDeployment, aNode } from './testing/builders.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster([deploymentReconciler, replicaSetReconciler, createScheduler()]);
  await cluster.admin.create('nodes', aNode('n1'));
});
afterEach(() => cluster.close());

const deployment = async (): Promise<Deployment> => (await cluster.list<Deployment>('deployments.apps'))[0] as Deployment;
const sets = () => cluster.list<ReplicaSet>('replicasets.apps');
const sizes = async (): Promise<Record<string, number>> =>
  Object.fromEntries((await sets()).map(set => [set.spec?.template?.spec?.containers[0]?.image ?? '', set.spec?.replicas ?? 0]));
const livePods = async () => (await cluster.list<Pod>('pods')).filter(pod => !pod.metadata.deletionTimestamp);
const condition = async (type: string) => (await deployment()).status?.conditions?.find(each => each.type === type);
const patch = async (change: JsonObject): Promise<void> => {
  await cluster.admin.patch('deployments.apps', 'default', 'web', 'merge', change);
  await cluster.settle();
};
const image = (name: string): JsonObject => ({
  spec: { template: { spec: { containers: [{ name: 'c', image: name }] } } },
});
const create = async (replicas: number, spec: Parameters<typeof aDeployment>[2] = {}): Promise<void> => {
  await cluster.admin.create('deployments.apps', aDeployment('web', replicas, spec));
  await cluster.settle();
};
/** Kubelets run until nothing moves any more. */
const rollOut = async (picks?: (pod: Pod) => boolean): Promise<void> => {
  for (let i = 0; i < 30; i++) await cluster.kubelet(picks);
};

describe('a new Deployment', () => {
  test('becomes a ReplicaSet becomes bound pods without a wait', async () => {
    await create(3);
    const [set] = await sets();
    expect(set?.metadata.name).toMatch(/^web-[456789bcdf]+$/);
    expect(set?.metadata.annotations).toEqual({
      'deployment.kubernetes.io/revision': '1',
      'deployment.kubernetes.io/desired-replicas': '3',
      'deployment.kubernetes.io/max-replicas': '4',
    });
    expect(set?.spec?.selector.matchLabels).toEqual({ app: 'web', 'pod-template-hash': set?.metadata.labels?.['pod-template-hash'] });
    expect((await livePods()).map(pod => pod.spec?.nodeName)).toEqual(['n1', 'n1', 'n1']);
    expect((await deployment()).metadata.annotations).toEqual({ 'deployment.kubernetes.io/revision': '1' });
    expect(await condition('Available')).toMatchObject({ status: 'False', reason: 'MinimumReplicasUnavailable' });
    expect(await condition('Progressing')).toMatchObject({ status: 'True', reason: 'ReplicaSetUpdated' });
  });

  test('is complete when its pods are available', async () => {
    await create(3);
    await rollOut();
    const status = (await deployment()).status;
    expect(status).toMatchObject({ replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, observedGeneration: 1 });
    expect(status?.unavailableReplicas).toBeUndefined();
    expect(await condition('Available')).toMatchObject({ status: 'True', message: 'Deployment has minimum availability.' });
    const [set] = await sets();
    expect(await condition('Progressing')).toMatchObject({
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: `ReplicaSet "${set?.metadata.name}" has successfully progressed.`,
    });
    expect(await cluster.events()).toContain(`Normal ScalingReplicaSet Scaled up replica set ${set?.metadata.name} from 0 to 3`);
  });

  test('two copies of the controller make one ReplicaSet', async () => {
    await cluster.another([deploymentReconciler, replicaSetReconciler]);
    await create(3);
    await rollOut();
    expect(await sets()).toHaveLength(1);
    expect(await livePods()).toHaveLength(3);
  });
});

describe('an update', () => {
  test('never has too few available nor too many pods', async () => {
    await create(10);
    await rollOut();
    let fewest = 10;
    let most = 0;
    await patch(image('image:2'));
    for (let i = 0; i < 40; i++) {
      const live = await livePods();
      most = Math.max(most, live.length);
      fewest = Math.min(fewest, live.filter(pod => pod.status?.phase === 'Running').length);
      let started = false;
      await cluster.kubelet(() => {
        const first = !started;
        started = true;
        return first;
      });
    }
    expect(fewest).toBe(8);
    expect(most).toBe(13);
    expect(await sizes()).toEqual({ 'image:1': 0, 'image:2': 10 });
    expect(await condition('Progressing')).toMatchObject({ reason: 'NewReplicaSetAvailable' });
  });

  test('to what never becomes ready keeps the old pods and reports the deadline', async () => {
    await create(4, { progressDeadlineSeconds: 60 });
    await rollOut();
    await patch(image('broken'));
    const works = (pod: Pod): boolean => pod.spec?.containers[0]?.image !== 'broken';
    await rollOut(works);
    expect(await sizes()).toEqual({ 'image:1': 3, broken: 2 });
    expect((await deployment()).status?.availableReplicas).toBe(3);
    await cluster.advance(62_000);
    expect(await condition('Progressing')).toMatchObject({ status: 'False', reason: 'ProgressDeadlineExceeded' });
  });

  test('undone goes back to the old ReplicaSet under a new revision', async () => {
    await create(2);
    await rollOut();
    await patch(image('image:2'));
    await rollOut();
    await patch(image('image:1'));
    await rollOut();
    expect(await sizes()).toEqual({ 'image:1': 2, 'image:2': 0 });
    const first = (await sets()).find(set => set.spec?.replicas === 2);
    expect(first?.metadata.annotations).toMatchObject({
      'deployment.kubernetes.io/revision': '3',
      'deployment.kubernetes.io/revision-history': '1',
    });
    expect((await deployment()).metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
  });

  test('keeps as many old ReplicaSets as the history limit says', async () => {
    await create(1, { revisionHistoryLimit: 2 });
    for (const n of [2, 3, 4, 5]) {
      await rollOut();
      await patch(image(`image:${n}`));
    }
    await rollOut();
    expect(Object.keys(await sizes()).sort()).toEqual(['image:3', 'image:4', 'image:5']);
  });

  test('with Recreate, the last old pod is gone before the first new one comes', async () => {
    await create(2, { strategy: { type: 'Recreate' } });
    await rollOut();
    await patch(image('image:2'));
    expect(await sizes()).toEqual({ 'image:1': 0 });
    expect((await cluster.list<Pod>('pods')).every(pod => pod.metadata.deletionTimestamp)).toBe(true);
    await rollOut();
    expect(await sizes()).toEqual({ 'image:1': 0, 'image:2': 2 });
  });
});

describe('scaling', () => {
  test('up, down and to zero', async () => {
    await create(3);
    await rollOut();
    for (const replicas of [10, 1, 0]) {
      await patch({ spec: { replicas } });
      await rollOut();
      expect(await livePods()).toHaveLength(replicas);
      const set = (await sets())[0];
      expect(set?.metadata.annotations?.['deployment.kubernetes.io/desired-replicas']).toBe(String(replicas));
    }
  });

  test('in the middle of a rollout gives every ReplicaSet its share', async () => {
    await create(10, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3 as never, maxUnavailable: 2 as never } } });
    await rollOut();
    await patch(image('broken'));
    await rollOut(pod => pod.spec?.containers[0]?.image !== 'broken');
    expect(await sizes()).toEqual({ 'image:1': 8, broken: 5 });
    await patch({ spec: { replicas: 20 } });
    const { 'image:1': old = 0, broken = 0 } = await sizes();
    expect(old + broken).toBe(23);
    expect(old).toBe(14);
  });
});

test('while paused nothing rolls out, and resuming starts it', async () => {
  await create(1);
  await rollOut();
  await patch({ spec: { paused: true } });
  await patch(image('image:2'));
  await rollOut();
  expect(await sizes()).toEqual({ 'image:1': 1 });
  expect(await condition('Progressing')).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused' });
  await patch({ spec: { paused: false } });
  await rollOut();
  expect(await sizes()).toEqual({ 'image:1': 0, 'image:2': 1 });
});

test('when all is done nobody writes any more', async () => {
  await create(3);
  await rollOut();
  const before = cluster.written.length;
  await cluster.advance(3_600_000);
  expect(cluster.written.length).toBe(before);
  expect(cluster.logger.lines.filter(line => line.level === 'error')).toEqual([]);
});
