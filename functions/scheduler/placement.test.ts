import { describe, expect, test } from '@jest/globals';
import type { Node, Pod } from '../../kinds/types.ts';
import { aNode, aPod } from '../controller/testing/builders.ts';
import { seededRandom } from '../controller/testing/virtual-time.ts';
import { place } from './placement.ts';
import type { Cluster } from './plugin.ts';
import { plugins } from './plugins/index.ts';
import { allocatableOf, assumedRequestsOf, requestsOf, totalOf } from './resources.ts';

const cluster = (nodes: Node[], pods: Pod[] = []): Cluster => ({
  nodes: nodes.map(node => {
    const name = node.metadata.name;
    const own = pods.filter(pod => pod.spec?.nodeName === name);
    return {
      node,
      name,
      pods: own,
      allocatable: allocatableOf(node),
      requested: totalOf(own, requestsOf),
      assumed: totalOf(own, assumedRequestsOf),
    };
  }),
  namespace: () => undefined,
});
const placed = (pod: ReturnType<typeof aPod>, nodes: Node[], pods: Pod[] = []): string => {
  const result = place(pod.build(), cluster(nodes, pods), plugins, seededRandom());
  return 'node' in result ? result.node : result.message;
};
const hopeless = (count: number, reasons: string): string =>
  `0/${count} nodes are available: ${reasons}. no new claims to deallocate, preemption: 0/${count} nodes are available: ${count} Preemption is not helpful for scheduling.`;

test('no nodes at all', () => {
  expect(placed(aPod(), [])).toBe('no nodes available to schedule pods');
});

describe('resources', () => {
  test('a pod goes where it fits', () => {
    const busy = aPod('busy').on('n1').requesting({ cpu: '3500m' }).build();
    expect(placed(aPod().requesting({ cpu: '1' }), [aNode('n1'), aNode('n2')], [busy])).toBe('n2');
  });
  test('what could fit an empty node is told apart from what never fits', () => {
    const busy = aPod('busy').on('n1').requesting({ cpu: '3500m', memory: '8Gi' }).build();
    const small = aNode('n2', { allocatable: { cpu: '1' } });
    expect(placed(aPod().requesting({ cpu: '2', memory: '1Gi' }), [aNode('n1'), small], [busy])).toBe(
      '0/2 nodes are available: 1 Insufficient memory, 2 Insufficient cpu. no new claims to deallocate, preemption: ' +
        '0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
    );
  });
  test('the number of pods counts, and extended resources', () => {
    const full = aNode('n', { allocatable: { pods: '1' } });
    expect(placed(aPod(), [full], [aPod('other').on('n').build()])).toContain('1 Too many pods.');
    expect(placed(aPod().requesting({ 'example.com/gpu': '1' }), [aNode('n')])).toBe(hopeless(1, '1 Insufficient example.com/gpu'));
    expect(placed(aPod().requesting({ 'example.com/gpu': '1' }), [aNode('n', { allocatable: { 'example.com/gpu': '1' } })])).toBe('n');
  });
  test('finished pods and pods elsewhere take no room; the emptier node wins', () => {
    const busy = aPod('busy').on('n1').requesting({ cpu: '2', memory: '2Gi' }).build();
    expect(placed(aPod().requesting({ cpu: '1', memory: '1Gi' }), [aNode('n1'), aNode('n2')], [busy])).toBe('n2');
  });
  test('init containers count where they need more than the containers, sidecars beside them', () => {
    const requests = (cpu: string) => ({ resources: { requests: { cpu } } });
    const init = aPod()
      .requesting({ cpu: '1' })
      .initContainer({ name: 'i', ...requests('3') });
    expect(requestsOf(init.build()).get('cpu')).toBe(3000);
    const sidecar = aPod()
      .requesting({ cpu: '1' })
      .initContainer({ name: 's', restartPolicy: 'Always', ...requests('500m') })
      .initContainer({ name: 'i', ...requests('2') })
      .spec({ overhead: { cpu: '100m' } });
    expect(requestsOf(sidecar.build()).get('cpu')).toBe(2600);
  });
});

describe('taints', () => {
  const taint = { key: 'k', value: 'v', effect: 'NoSchedule' };
  test('keep pods away that do not tolerate them', () => {
    const nodes = [aNode('n', { taints: [taint] })];
    expect(placed(aPod(), nodes)).toBe(hopeless(1, '1 node(s) had untolerated taint(s)'));
    expect(placed(aPod().tolerating({ key: 'k', operator: 'Equal', value: 'v' }), nodes)).toBe('n');
    expect(placed(aPod().tolerating({ operator: 'Exists' }), nodes)).toBe('n');
    expect(placed(aPod().tolerating({ key: 'k', operator: 'Exists', effect: 'NoExecute' }), nodes)).toContain('untolerated');
  });
  test('a preference only makes a node worse', () => {
    const soft = aNode('n1', { taints: [{ ...taint, effect: 'PreferNoSchedule' }] });
    expect(placed(aPod(), [soft, aNode('n2')])).toBe('n2');
    expect(placed(aPod(), [soft])).toBe('n1');
  });
  test('a cordoned node', () => {
    expect(placed(aPod(), [aNode('n', { unschedulable: true })])).toBe(hopeless(1, '1 node(s) were unschedulable'));
  });
});

describe('node selection', () => {
  const nodes = [aNode('n1', { labels: { disk: 'ssd', size: '10' } }), aNode('n2', { labels: { disk: 'hdd' } })];
  const affinity = (matchExpressions: object[]) => ({
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } } } as never,
  });
  test('by label', () => {
    expect(placed(aPod().spec({ nodeSelector: { disk: 'hdd' } }), nodes)).toBe('n2');
    expect(placed(aPod().spec({ nodeSelector: { disk: 'tape' } }), nodes)).toBe(
      hopeless(2, "2 node(s) didn't match Pod's node affinity/selector"),
    );
  });
  test.each([
    [{ key: 'disk', operator: 'In', values: ['ssd'] }, 'n1'],
    [{ key: 'disk', operator: 'NotIn', values: ['ssd'] }, 'n2'],
    [{ key: 'size', operator: 'Exists' }, 'n1'],
    [{ key: 'size', operator: 'DoesNotExist' }, 'n2'],
    [{ key: 'size', operator: 'Gt', values: ['9'] }, 'n1'],
  ])('required: %j', (expression, node) => {
    expect(placed(aPod().spec(affinity([expression])), nodes)).toBe(node);
  });
  test('preferred', () => {
    const preference = { matchExpressions: [{ key: 'disk', operator: 'In', values: ['hdd'] }] };
    const preferred = [{ weight: 10, preference }];
    const spec = { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } } };
    expect(placed(aPod().spec(spec as never), nodes)).toBe('n2');
  });
});

test('a host port is taken once a node', () => {
  const holder = aPod('holder').on('n').hostPort(80).build();
  expect(placed(aPod().hostPort(80), [aNode('n')], [holder])).toContain("1 node(s) didn't have free ports for the requested pod ports.");
  expect(placed(aPod().hostPort(81), [aNode('n')], [holder])).toBe('n');
});
