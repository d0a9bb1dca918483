import { expect, test } from '@jest/globals';
import { hostPortsOf } from './host-ports.ts';
import type { BoundPod } from './pod.ts';

const pod = (spec: Partial<BoundPod['spec']>, phase = 'Running'): BoundPod =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default', uid: 'u' },
    spec: { nodeName: 'n', containers: [], ...spec },
    status: { phase },
  }) as BoundPod;
const ports = [{ containerPort: 80, hostPort: 8080, protocol: 'TCP' }, { containerPort: 81 }];

test('only the ports that ask for one of the node, once the pod has an address', () => {
  const one = pod({ containers: [{ name: 'a', ports }] });
  expect(hostPortsOf(one, '10.112.0.5')).toEqual([{ protocol: 'TCP', hostPort: 8080, address: '10.112.0.5', port: 80 }]);
  expect(hostPortsOf(one, '')).toEqual([]);
});

test('none on the network of the node, none when the pod has ended', () => {
  expect(hostPortsOf(pod({ hostNetwork: true, containers: [{ name: 'a', ports }] }), '10.112.0.5')).toEqual([]);
  expect(hostPortsOf(pod({ containers: [{ name: 'a', ports }] }, 'Succeeded'), '10.112.0.5')).toEqual([]);
});
