import { expect, test } from '@jest/globals';
import { internalForm } from './internal-form.ts';

test('all fields stand there in Go order and under Go names, those not set included', () => {
  const claim = { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'c', allocationMode: 'ExactCount', count: 1 } }] } };
  expect(JSON.stringify(internalForm('resource.v1.ResourceClaimSpec', claim))).toBe(
    '{"Devices":{"Requests":[{"Name":"gpu","Exactly":{"DeviceClassName":"c","Selectors":null,"AllocationMode":"ExactCount","Count":1,"AdminAccess":null,"Tolerations":null,"Capacity":null},"FirstAvailable":null}],"Constraints":null,"Config":null}}',
  );
});

test('embedded metadata is flattened, types with tags keep theirs, and maps are sorted', () => {
  const template = { metadata: { labels: { b: '1', a: '2' } }, spec: {} };
  expect(JSON.stringify(internalForm('resource.v1.ResourceClaimTemplateSpec', template))).toBe(
    '{"labels":{"a":"2","b":"1"},"Spec":{"Devices":{"Requests":null,"Constraints":null,"Config":null}}}',
  );
});

test('what Go holds in the security context is taken from the pod', () => {
  const shown = internalForm('core.v1.PodSpec', { hostNetwork: true, securityContext: {} }) as { SecurityContext: object };
  expect(shown.SecurityContext).toMatchObject({ HostNetwork: true, HostPID: false, HostUsers: null, RunAsUser: null });
  expect(shown).not.toHaveProperty('HostNetwork');
});
