import { afterEach, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../kinds/registry.ts';
import { admissionPolicyStatusReconciler } from './admission-policy-status.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

test('expressions that cannot work on what a policy matches are told of', async () => {
  cluster = await testCluster([admissionPolicyStatusReconciler(builtInRegistry())]);
  const resource = 'validatingadmissionpolicies.admissionregistration.k8s.io';
  await cluster.admin.create(resource, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'p', generation: 1 },
    spec: {
      matchConstraints: {
        resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['deployments', 'replicasets'] }],
      },
      variables: [{ name: 'n', expression: 'object.spec.replicas' }],
      validations: [
        { expression: 'object.spec.replicas > 1 && variables.n < 9' },
        { expression: 'object.spec.paused', messageExpression: 'object.metadata.nme' },
      ],
    },
  } as never);
  await cluster.settle();
  const { status } = await cluster.admin.get<{ status: object } & never>(resource, '', 'p');
  expect(status).toEqual({
    observedGeneration: 1,
    typeChecking: {
      expressionWarnings: [
        {
          fieldRef: 'spec.validations[1].expression',
          warning:
            "apps/v1, Kind=ReplicaSet: compilation failed: ERROR: <input>:1:12: undefined field 'paused'\n | object.spec.paused\n | ...........^\n",
        },
        { fieldRef: 'spec.validations[1].messageExpression', warning: expect.stringContaining("undefined field 'nme'") },
      ],
    },
  });
});
