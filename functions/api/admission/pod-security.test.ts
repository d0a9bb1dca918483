import { afterEach, expect, test } from '@jest/globals';
import { anApi, type TestAnswer, type TestApi } from '../testing.ts';
import { podSecurity } from './pod-security.ts';

let api: TestApi;
afterEach(() => api.close());

const prefix = 'pod-security.kubernetes.io/';
const label = (labels: Record<string, string>): Promise<TestAnswer> =>
  api.send(
    'PATCH',
    '/api/v1/namespaces/default',
    { metadata: { labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [`${prefix}${key}`, value])) } },
    { 'content-type': 'application/merge-patch+json' },
  );
const start = async (labels: Record<string, string>): Promise<void> => {
  api = await anApi(({ replicas }) => [podSecurity(replicas)]);
  if (Object.keys(labels).length > 0) expect((await label(labels)).status).toBe(200);
};
const podSpec = (securityContext?: object, more: object = {}) => ({
  containers: [{ name: 'main', image: 'i', ...(securityContext ? { securityContext } : {}) }],
  ...more,
});
const create = (name: string, spec: object, annotations = {}): Promise<TestAnswer> =>
  api.send('POST', '/api/v1/namespaces/default/pods', { apiVersion: 'v1', kind: 'Pod', metadata: { name, annotations }, spec });
const why = async (spec: object, annotations?: object): Promise<string> =>
  (await create('a', spec, annotations)).body.message?.replace(/^pods "a" is forbidden: violates PodSecurity /, '');
const hardened = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

test('what the baseline forbids', async () => {
  await start({ enforce: 'baseline' });
  expect(await why(podSpec(undefined, { hostNetwork: true, hostPID: true }))).toBe(
    '"baseline:latest": host namespaces (hostNetwork=true, hostPID=true)',
  );
  expect(await why(podSpec({ privileged: true, capabilities: { add: ['SYS_ADMIN', 'KILL', 'BPF'] } }))).toBe(
    '"baseline:latest": non-default capabilities (container "main" must not include "BPF", "SYS_ADMIN" in securityContext.capabilities.add), privileged (container "main" must not set securityContext.privileged=true)',
  );
  const probe = { httpGet: { host: 'elsewhere', port: 80 } };
  expect(
    await why({
      containers: ['b', 'a'].map(name => ({ name, image: 'i', livenessProbe: probe })),
    }),
  ).toContain('probe or lifecycle host (containers "a", "b" use probe or lifecycle host "elsewhere")');
  expect(await why(podSpec({ seLinuxOptions: { type: 't', user: 'u' } }))).toBe(
    '"baseline:latest": seLinuxOptions (container "main" set forbidden securityContext.seLinuxOptions: type "t"; user may not be set)',
  );
  expect((await create('a', podSpec())).status).toBe(201);
});

test('what a restricted pod must say', async () => {
  await start({ enforce: 'restricted', 'enforce-version': 'v1.30' });
  expect(await why(podSpec())).toBe(
    '"restricted:v1.30": allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  );
  const nfs = {
    volumes: [
      { name: 'n', nfs: { server: 's', path: '/' } },
      { name: 'h', hostPath: { path: '/' } },
    ],
  };
  expect(await why(podSpec({ ...hardened, runAsUser: 0 }, nfs))).toBe(
    '"restricted:v1.30": restricted volume types (volumes "n", "h" use restricted volume types "hostPath", "nfs"), runAsUser=0 (container "main" must not set runAsUser=0)',
  );
  expect((await create('a', podSpec(hardened))).status).toBe(201);
});

test('a namespace of its own for users relaxes the newer versions', async () => {
  const spec = podSpec({ ...hardened, runAsNonRoot: false, runAsUser: 0 }, { hostUsers: false });
  await start({ enforce: 'restricted', 'enforce-version': 'v1.34' });
  expect(await why(spec)).toContain('runAsNonRoot != true (container "main" must not set securityContext.runAsNonRoot=false)');
  await label({ 'enforce-version': 'latest' });
  expect((await create('a', spec)).status).toBe(201);
});

test('controllers are warned about what their pods would break', async () => {
  await start({ enforce: 'baseline' });
  const spec = {
    template: { metadata: { labels: { a: 'b' } }, spec: podSpec(undefined, { hostIPC: true }) },
    selector: { matchLabels: { a: 'b' } },
  };
  const { status, headers } = await api.send('POST', '/apis/apps/v1/namespaces/default/deployments', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd' },
    spec,
  });
  expect(status).toBe(201);
  expect(JSON.stringify(headers)).toContain('would violate PodSecurity');
});

test('labels are checked, and pods that are there when the level rises', async () => {
  await start({});
  expect((await label({ enforce: 'none' })).body.message).toBe(
    'Namespace "default" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "none": must be one of privileged, baseline, restricted',
  );
  for (const name of ['b', 'a']) await create(name, podSpec(undefined, { hostPID: true }));
  const { headers } = await label({ enforce: 'baseline' });
  expect(headers['warning']).toEqual([
    '299 - "existing pods in namespace \\"default\\" violate the new PodSecurity enforce level \\"baseline:latest\\""',
    '299 - "a (and 1 other pod): host namespaces"',
  ]);
});

test('an update that changes nothing of weight passes', async () => {
  await start({});
  await create('a', podSpec(undefined, { hostPID: true }));
  await label({ enforce: 'baseline' });
  const patch = (body: object): Promise<TestAnswer> =>
    api.send('PATCH', '/api/v1/namespaces/default/pods/a', body, { 'content-type': 'application/strategic-merge-patch+json' });
  expect((await patch({ metadata: { labels: { x: 'y' } } })).status).toBe(200);
  expect((await patch({ spec: { containers: [{ name: 'main', image: 'j' }] } })).status).toBe(403);
});
