import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../kinds/registry.ts';
import { anApi, type TestAnswer, type TestApi } from '../testing.ts';
import { validatingAdmissionPolicy } from './validating-admission-policy.ts';

let api: TestApi;
beforeEach(async () => {
  const registry = builtInRegistry();
  api = await anApi(({ replicas, clock }) => [validatingAdmissionPolicy({ replicas, registry, clock })]);
});
afterEach(() => api.close());

const policies = '/apis/admissionregistration.k8s.io/v1';
const maps = '/api/v1/namespaces/default/configmaps';
const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE', 'DELETE'], resources: ['configmaps'] }];
const about = (kind: string, name: string, spec: object) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind,
  metadata: { name },
  spec,
});
const put = async (spec: object, binding: object = {}, name = 'p'): Promise<void> => {
  const policy = about('ValidatingAdmissionPolicy', name, { matchConstraints: { resourceRules: rules }, ...spec });
  expect((await api.send('POST', `${policies}/validatingadmissionpolicies`, policy)).status).toBe(201);
  const bound = about('ValidatingAdmissionPolicyBinding', name, { policyName: name, validationActions: ['Deny'], ...binding });
  expect((await api.send('POST', `${policies}/validatingadmissionpolicybindings`, bound)).status).toBe(201);
};
const map = (name: string, data: object = {}, labels: object = {}): Promise<TestAnswer> =>
  api.send('POST', maps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data });

test('an expression that does not hold denies, in the words of the policy', async () => {
  await put({
    validations: [{ expression: "!('bad' in object.data)", messageExpression: "'no ' + object.metadata.name", reason: 'Forbidden' }],
  });
  expect((await map('a', { good: '1' })).status).toBe(201);
  const { status, body } = await map('b', { bad: '1' });
  expect(status).toBe(403);
  expect(body.message).toBe("configmaps \"b\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no b");
  expect(body.reason).toBe('Forbidden');
});

test('an expression that fails denies, unless the policy is lenient', async () => {
  await put({ validations: [{ expression: "object.data.missing == 'x'" }] });
  const refused = await map('a', { one: '1' });
  expect(refused.status).toBe(422);
  expect(refused.body.message).toContain("denied request: expression 'object.data.missing == 'x'' resulted in error: no such key: missing");
  await api.send('DELETE', `${policies}/validatingadmissionpolicies/p`);
  await api.send('DELETE', `${policies}/validatingadmissionpolicybindings/p`);
  await put({ failurePolicy: 'Ignore', validations: [{ expression: "object.data.missing == 'x'" }] });
  expect((await map('a', { one: '1' })).status).toBe(201);
});

test('conditions, variables and selectors decide whom it concerns', async () => {
  const selector = { matchExpressions: [{ key: 'free', operator: 'DoesNotExist' }] };
  await put(
    {
      matchConditions: [{ name: 'c', expression: "request.operation == 'CREATE' && request.userInfo.username == 'admin'" }],
      variables: [{ name: 'size', expression: 'object.data.size()' }],
      validations: [{ expression: 'variables.size < 2', message: 'too much' }],
    },
    { matchResources: { objectSelector: selector } },
  );
  const two = { one: '1', two: '2' };
  expect((await map('a', two)).body.message).toContain('denied request: too much');
  expect((await map('b', two, { free: 'yes' })).status).toBe(201);
  expect((await map('c', { one: '1' })).status).toBe(201);
  const merge = { 'content-type': 'application/merge-patch+json' };
  expect((await api.send('PATCH', `${maps}/c`, { data: two }, merge)).status).toBe(200);
});

test('parameters, and a binding that only warns', async () => {
  await map('limits', { most: '3' });
  await put(
    {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      validations: [{ expression: '!has(object.data.n) || int(object.data.n) <= int(params.data.most)' }],
    },
    { validationActions: ['Warn'], paramRef: { name: 'limits', namespace: 'default', parameterNotFoundAction: 'Deny' } },
  );
  const { status, headers } = await map('a', { n: '4' });
  expect(status).toBe(201);
  expect(JSON.stringify(headers['warning'])).toContain(
    "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p': failed expression",
  );
  expect((await map('b', { n: '3' })).headers['warning']).toBeUndefined();
});

test('what decides over admission can always be taken back', async () => {
  const all = [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }];
  await put({ matchConstraints: { resourceRules: all }, validations: [{ expression: 'false' }] });
  expect((await map('a')).status).toBe(422);
  expect((await api.send('DELETE', `${policies}/validatingadmissionpolicies/p`)).status).toBe(200);
  expect((await map('a')).status).toBe(201);
});

test('what is to be recorded is recorded; where it cannot be made out the request is denied', async () => {
  await api.close();
  const said: Record<string, string> = {};
  const registry = builtInRegistry();
  const plugin = ({ replicas, clock }: Parameters<Parameters<typeof anApi>[0]>[0]) =>
    validatingAdmissionPolicy({ replicas, registry, clock });
  api = await anApi(parts => {
    const { validate, ...rest } = plugin(parts);
    const annotate = (key: string, value: string): void => {
      said[key] = value;
    };
    return [{ ...rest, validate: async request => validate?.({ ...request, annotate }) }];
  });
  await put(
    {
      auditAnnotations: [
        { key: 'size', valueExpression: "' ' + string(object.data.size())" },
        { key: 'none', valueExpression: 'null' },
        { key: 'one', valueExpression: 'string(object.data.one)' },
      ],
      validations: [{ expression: 'false', message: 'never' }],
    },
    { validationActions: ['Audit'] },
  );
  expect((await map('a', { one: 'x' })).status).toBe(201);
  expect(said).toEqual({
    'p/size': '1',
    'p/one': 'x',
    'validation.policy.admission.k8s.io/validation_failure':
      '[{"message":"never","policy":"p","binding":"p","expressionIndex":0,"validationActions":["Audit"]}]',
  });
  const refused = await map('b', { two: 'x' });
  expect(refused.status).toBe(422);
  expect(refused.body.message).toContain(
    "with binding 'p' denied request: expression 'string(object.data.one)' resulted in error: no such key: one",
  );
});
