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
  namespace: name => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } }),
  siblings: () => undefined,
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

describe('near and away from other pods', () => {
  const nodes = [aNode('n1', { labels: { zone: 'a' } }), aNode('n2', { labels: { zone: 'a' } }), aNode('n3', { labels: { zone: 'b' } })];
  const term = (app: string, topologyKey: string, more: object = {}) => ({ labelSelector: { matchLabels: { app } }, topologyKey, ...more });
  const required = (kind: 'podAffinity' | 'podAntiAffinity', ...terms: object[]) => ({
    affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: terms } } as never,
  });
  const web = aPod('web').labeled({ app: 'web' }).on('n3').build();

  test('affinity goes to the same zone, anti-affinity to another', () => {
    expect(placed(aPod().spec(required('podAffinity', term('web', 'zone'))), nodes, [web])).toBe('n3');
    const away = placed(aPod().spec(required('podAntiAffinity', term('web', 'zone'))), nodes, [web]);
    expect(['n1', 'n2']).toContain(away);
  });
  test('affinity to nobody fits nowhere, but the first of its like may start', () => {
    expect(placed(aPod().spec(required('podAffinity', term('db', 'zone'))), nodes, [web])).toBe(
      hopeless(3, "3 node(s) didn't match pod affinity rules"),
    );
    expect(
      placed(
        aPod()
          .labeled({ app: 'db' })
          .spec(required('podAffinity', term('db', 'zone'))),
        nodes,
        [web],
      ),
    ).toMatch(/^n[123]$/);
  });
  test('pods that are there keep others away', () => {
    const shy = aPod('shy')
      .labeled({ app: 'shy' })
      .on('n1')
      .spec(required('podAntiAffinity', term('web', 'zone')))
      .build();
    expect(placed(aPod().labeled({ app: 'web' }), nodes, [shy])).toBe('n3');
    expect(placed(aPod().labeled({ app: 'web' }), nodes.slice(0, 2), [shy])).toContain(
      "2 node(s) didn't satisfy existing pods anti-affinity rules. ",
    );
  });
  test('only pods of the named namespaces count', () => {
    const elsewhere = aPod('web', 'other').labeled({ app: 'web' }).on('n3').build();
    const near = (more: object) => placed(aPod().spec(required('podAffinity', term('web', 'zone', more))), nodes, [elsewhere]);
    expect(near({})).toContain("didn't match pod affinity rules");
    expect(near({ namespaces: ['other'] })).toBe('n3');
    expect(near({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'other' } } })).toBe('n3');
    expect(near({ namespaceSelector: {} })).toBe('n3');
  });
  test('preferences decide among nodes that fit', () => {
    const preferred = { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term('web', 'zone') }] };
    expect(placed(aPod().spec({ affinity: { podAffinity: preferred } } as never), nodes, [web])).toBe('n3');
    expect(placed(aPod().spec({ affinity: { podAntiAffinity: preferred } } as never), [nodes[0], nodes[2]] as Node[], [web])).toBe('n1');
  });
});

describe('spreading', () => {
  const nodes = [aNode('n1', { labels: { zone: 'a' } }), aNode('n2', { labels: { zone: 'b' } })];
  const web = (name: string, node: string) => aPod(name).labeled({ app: 'web' }).on(node).build();
  const spread = (whenUnsatisfiable: string, more: object = {}) => ({
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable, labelSelector: { matchLabels: { app: 'web' } }, ...more },
    ],
  });
  const newcomer = (whenUnsatisfiable: string, more: object = {}) => aPod().labeled({ app: 'web' }).spec(spread(whenUnsatisfiable, more));

  test('the fuller zone is refused beyond the skew', () => {
    expect(placed(newcomer('DoNotSchedule'), nodes, [web('a', 'n1')])).toBe('n2');
    const full = aPod('big').on('n2').requesting({ cpu: '4' }).build();
    expect(placed(newcomer('DoNotSchedule').requesting({ cpu: '1' }), nodes, [web('a', 'n1'), full])).toContain(
      "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints.",
    );
  });
  test('a node without the label is no place', () => {
    expect(placed(newcomer('DoNotSchedule'), [aNode('n0')])).toContain('(missing required label)');
  });
  test('too few zones count as empty ones', () => {
    expect(placed(newcomer('DoNotSchedule', { minDomains: 3 }), nodes, [web('a', 'n1'), web('b', 'n2')])).toContain(
      "2 node(s) didn't match pod topology spread constraints.",
    );
  });
  test('as a preference it only ranks', () => {
    expect(placed(newcomer('ScheduleAnyway'), nodes, [web('a', 'n1'), web('b', 'n1')])).toBe('n2');
    expect(placed(newcomer('ScheduleAnyway'), nodes.slice(0, 1), [web('a', 'n1'), web('b', 'n1')])).toBe('n1');
  });
});
