import { expect, test } from '@jest/globals';
import { qosClass } from './qos.ts';
import type { Container, ResourceRequirements } from './types.ts';

const container = (resources?: ResourceRequirements): Container => ({ name: 'c', ...(resources ? { resources } : {}) });
const equal = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1000m', memory: '1Gi' } };

test.each([
  ['BestEffort', [container()]],
  ['BestEffort', [container({ requests: { cpu: '0' } })]],
  ['Guaranteed', [container(equal)]],
  ['Guaranteed', [container(equal), container(equal)]],
  ['Burstable', [container(equal), container()]],
  ['Burstable', [container({ requests: { cpu: '1' } })]],
  ['Burstable', [container({ ...equal, requests: { cpu: '500m', memory: '1Gi' } })]],
])('%s', (expected, containers) => {
  expect(qosClass({ containers })).toBe(expected);
});

test('resources of the pod decide where they are given', () => {
  expect(qosClass({ containers: [container()], resources: equal })).toBe('Guaranteed');
  expect(qosClass({ containers: [container(equal)], resources: { requests: { cpu: '1' } } })).toBe('Burstable');
});
