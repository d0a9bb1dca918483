/** kubectl of every version that the machine has: the commands that speak to the API alone, against a cluster without nodes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import yaml from 'js-yaml';
import { type Any, aCluster, kubectls, type Output, run } from './cluster.ts';

jest.setTimeout(120_000);
const cluster = aCluster('versions');
beforeAll(async () => {
  const up = await cluster.windvane('up', '--nodes', '0', '--port', '17844');
  if (up.code !== 0) throw new Error(up.stderr);
});
afterAll(() => cluster.purge());

test('there is a kubectl to test with', () => {
  expect(kubectls().length).toBeGreaterThan(0);
});

/** Made by the X.509 library that the control plane uses. */
const signingRequest = async (): Promise<string> => {
  await import('reflect-metadata');
  const { Pkcs10CertificateRequestGenerator, cryptoProvider } = await import('@peculiar/x509');
  cryptoProvider.set(globalThis.crypto);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await globalThis.crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await Pkcs10CertificateRequestGenerator.create({ name: 'CN=jane, O=readers', keys, signingAlgorithm: algorithm });
  return Buffer.from(made.toString('pem')).toString('base64');
};

describe.each(kubectls())('%s', program => {
  const namespace = `n${kubectls().indexOf(program)}`;
  const attempt = (args: readonly string[], input?: string): Promise<Output> =>
    cluster.tryKubectl(['-n', namespace, ...args], { program, ...(input === undefined ? {} : { input }) });
  const kubectl = async (...args: string[]): Promise<string> => {
    const output = await attempt(args);
    if (output.code !== 0) throw new Error(`${program} ${args.join(' ')}: ${output.stderr || output.stdout}`);
    return output.stdout;
  };
  const file = (name: string, ...objects: object[]): string => {
    const path = join(cluster.home, `${namespace}-${name}.yaml`);
    writeFileSync(path, objects.map(object => yaml.dump(object)).join('---\n'));
    return path;
  };
  const json = async (...args: string[]): Promise<Any> => JSON.parse(await kubectl(...args, '-o', 'json'));
  let minor = 0;

  beforeAll(async () => {
    const version = await run(program, ['version', '--client', '-o', 'json']);
    minor = Number.parseInt(JSON.parse(version.stdout).clientVersion.minor, 10);
    await kubectl('create', 'namespace', namespace);
  });

  test('asks what there is', async () => {
    expect(await kubectl('version')).toMatch(/Server Version: .*v1\.36\./s);
    expect(await kubectl('api-versions')).toMatch(/^apps\/v1$/m);
    const resources = await kubectl('api-resources', '--namespaced', '--verbs=list,get');
    expect(resources).toMatch(/^deployments\s+deploy\s+apps\/v1\s+true\s+Deployment$/m);
    expect(await kubectl('api-resources', '--categories=all')).toMatch(/^pods/m);
    expect(await kubectl('explain', 'pod.spec.containers.livenessProbe')).toMatch(/periodSeconds/);
    expect(await kubectl('explain', 'deployments', '--api-version=apps/v1', '--recursive')).toMatch(/maxUnavailable/);
    expect(await kubectl('cluster-info')).toMatch(/is running at/);
    expect(await kubectl('get', '--raw', '/readyz')).toBe('ok');
  });

  const since = (version: number, ...args: string[]): [number, string[]] => [version, args];
  test('creates with every generator', async () => {
    const generators = [
      since(0, 'clusterrole', `${namespace}-reader`, '--verb=get,list', '--resource=pods,deployments.apps'),
      since(0, 'clusterrole', `${namespace}-paths`, '--verb=get', '--non-resource-url=/logs/*'),
      since(0, 'clusterrolebinding', `${namespace}-reader`, `--clusterrole=${namespace}-reader`, '--group=readers'),
      since(0, 'configmap', 'map', '--from-literal=a=b'),
      since(0, 'cronjob', 'clock', '--image=busybox', '--schedule=*/5 * * * *', '--', 'date'),
      since(0, 'deployment', 'web', '--image=web:1', '--replicas=2', '--port=80'),
      since(0, 'ingress', 'way', '--rule=a.example.com/path*=web:80'),
      since(0, 'job', 'once', '--image=busybox', '--', 'date'),
      since(0, 'job', 'now', '--from=cronjob/clock'),
      since(0, 'poddisruptionbudget', 'budget', '--selector=app=web', '--min-available=1'),
      since(0, 'priorityclass', `${namespace}-high`, '--value=1000', '--description=high'),
      since(0, 'quota', 'few', '--hard=pods=20,services=10'),
      since(0, 'role', 'reader', '--verb=get', '--resource=pods', '--resource-name=one'),
      since(0, 'rolebinding', 'reader', '--role=reader', '--user=jane', '--serviceaccount=default:default'),
      since(0, 'secret', 'generic', 'words', '--from-literal=a=b'),
      since(0, 'secret', 'docker-registry', 'pull', '--docker-username=u', '--docker-password=p', '--docker-server=registry.example'),
      since(0, 'service', 'clusterip', 'inside', '--tcp=80:8080'),
      since(0, 'service', 'nodeport', 'outside', '--tcp=80'),
      since(0, 'service', 'loadbalancer', 'balanced', '--tcp=80'),
      since(0, 'service', 'externalname', 'elsewhere', '--external-name=example.com'),
      since(0, 'serviceaccount', 'robot'),
      since(24, 'token', 'robot', '--duration=10m'),
    ];
    for (const [version, args] of generators) {
      if (version > minor) continue;
      expect(await kubectl('create', ...args)).toMatch(/ created$|^eyJ/m);
    }
    expect(await kubectl('get', 'all,cm,secret,ing,pdb,quota,roles,rolebindings,sa')).toMatch(/deployment.apps\/web/);
    expect(await kubectl('describe', 'deploy,svc,quota,ing,cronjob')).toMatch(/Replicas:\s+2 desired/);
    expect((await attempt(['create', 'configmap', 'map'])).stderr).toMatch(/configmaps "map" already exists/);
  });

  test('applies, compares, prunes', async () => {
    const map = (name: string, value: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, labels: { set: 'mine' } },
      data: { a: value },
    });
    const both = file('both', map('one', '1'), map('two', '2'));
    expect(await kubectl('apply', '-f', both)).toBe('configmap/one created\nconfigmap/two created\n');
    expect(await kubectl('apply', '-f', both)).toBe('configmap/one unchanged\nconfigmap/two unchanged\n');
    const other = file('other', map('one', '3'));
    expect(await attempt(['diff', '-f', other])).toMatchObject({ code: 1, stdout: expect.stringMatching(/^\+\s+a: "3"$/m) });
    const pruned = await kubectl('apply', '--prune', '-l', 'set=mine', '-f', other);
    expect(pruned).toMatch(/configmap\/one configured/);
    expect(pruned).toMatch(/configmap\/two pruned/);
    expect(await attempt(['diff', '-f', other])).toMatchObject({ code: 0, stdout: '' });
    expect(await kubectl('apply', '--server-side', '-f', file('own', map('three', '1')))).toBe('configmap/three serverside-applied\n');
    expect(await kubectl('apply', '--server-side', '--field-manager=else', '-f', file('same', map('three', '1')))).toMatch(
      /serverside-applied/,
    );
    const refused = await attempt(['apply', '--server-side', '--field-manager=third', '-f', file('clash', map('three', '2'))]);
    expect(refused.stderr).toMatch(/Apply failed with 2 conflicts: conflicts? with "else"/);
    expect(await kubectl('apply', '--dry-run=server', '-f', file('dry', map('four', '1')))).toBe(
      'configmap/four created (server dry run)\n',
    );
    const unknown = await attempt(['apply', '-f', file('odd', { ...map('five', '1'), oops: 1 })]);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringMatching(/unknown field.*oops/) });
    expect(await kubectl('replace', '-f', file('again', map('one', '4')))).toBe('configmap/one replaced\n');
    expect(await kubectl('delete', '-f', other)).toMatch(/configmap "one" deleted/);
  });

  test('changes in place', async () => {
    await kubectl('label', 'configmap', 'map', 'a=b');
    await kubectl('annotate', 'configmap', 'map', 'note=x');
    await kubectl('patch', 'configmap', 'map', '--type=merge', '-p', '{"data":{"b":"c"}}');
    await kubectl('patch', 'configmap', 'map', '--type=json', '-p', '[{"op":"remove","path":"/data/a"}]');
    expect((await json('get', 'configmap', 'map')).data).toEqual({ b: 'c' });
    await kubectl('set', 'image', 'deployment/web', '*=web:2');
    await kubectl('set', 'env', 'deployment/web', 'A=B');
    await kubectl('set', 'resources', 'deployment/web', '--requests=cpu=100m');
    await kubectl('scale', 'deployment/web', '--replicas=3');
    await kubectl('autoscale', 'deployment/web', '--min=1', '--max=4');
    await kubectl('expose', 'deployment', 'web', '--port=80');
    const { spec } = await json('get', 'deployment', 'web');
    expect(spec.replicas).toBe(3);
    expect(spec.template.spec.containers[0]).toMatchObject({ image: 'web:2', env: [{ name: 'A', value: 'B' }] });
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, KUBE_EDITOR: 'sed -i s/web:2/web:3/' };
    const edited = await run(program, ['--context=windvane-versions', '-n', namespace, 'edit', 'deployment', 'web'], env);
    expect(edited.stdout).toBe('deployment.apps/web edited\n');
    expect(await kubectl('rollout', 'history', 'deployment/web')).toMatch(/REVISION/);
    await kubectl('rollout', 'undo', 'deployment/web');
    expect((await json('get', 'deployment', 'web')).spec.template.spec.containers[0].image).toBe('web:2');
  });

  test('waits, watches and tells what happened', async () => {
    await kubectl('wait', '--for=condition=Progressing', 'deployment/web', '--timeout=30s');
    if (minor >= 23) await kubectl('wait', '--for=jsonpath={.spec.replicas}=3', 'deployment/web', '--timeout=30s');
    const late = await attempt(['wait', '--for=condition=Available', 'deployment/web', '--timeout=1s']);
    expect(late).toMatchObject({ code: 1, stderr: expect.stringMatching(/timed out waiting for the condition/) });
    expect(await kubectl('get', 'events')).toMatch(/ScalingReplicaSet/);
    if (minor >= 26) expect(await kubectl('events', '--for', 'deployment/web')).toMatch(/Scaled up replica set/);
    const seen = await attempt(['get', 'configmaps', '--watch', '--request-timeout=2s']);
    expect(seen.stdout).toMatch(/^map\s/m);
    const gone = kubectl('wait', '--for=delete', 'configmap/map', '--timeout=30s');
    await kubectl('delete', 'configmap', 'map');
    await gone;
  });

  test('prints in every form', async () => {
    expect(await kubectl('get', 'deployment', 'web', '-o', 'wide')).toMatch(/CONTAINERS\s+IMAGES\s+SELECTOR/);
    expect(await kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.metadata.name}')).toBe('web');
    expect(await kubectl('get', 'deploy', '-o', 'custom-columns=N:.metadata.name,R:.spec.replicas')).toBe('N     R\nweb   3\n');
    expect(await kubectl('get', 'deploy', '-o', 'name', '--chunk-size=1')).toBe('deployment.apps/web\n');
    expect(await kubectl('get', 'pods', '-l', 'app in (web)', '--sort-by=.metadata.name', '--no-headers')).toMatch(/^web-/);
    expect(await kubectl('get', 'pods', '--field-selector=status.phase=Pending', '--show-labels')).toMatch(/app=web/);
    expect((await attempt(['get', 'nothing'])).stderr).toMatch(/the server doesn't have a resource type "nothing"/);
  });

  test('asks and says who may do what', async () => {
    expect(await kubectl('auth', 'can-i', 'create', 'pods')).toBe('yes\n');
    expect((await attempt(['auth', 'can-i', 'create', 'pods', '--as=jane'])).stdout).toMatch(/^no/);
    expect(await kubectl('auth', 'can-i', '--list', '--as=jane')).toMatch(/pods\s+\[\]\s+\[one\]\s+\[get\]/);
    if (minor >= 28) expect(await kubectl('auth', 'whoami', '--as=jane', '--as-group=a')).toMatch(/Username\s+jane/);
    const role = (verbs: string[]) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'reconciled', namespace },
      rules: [{ apiGroups: [''], resources: ['pods'], verbs }],
    });
    expect(await kubectl('auth', 'reconcile', '-f', file('role', role(['get'])))).toMatch(/role.*reconciled reconciled/);
    await kubectl('auth', 'reconcile', '-f', file('role', role(['list'])));
    expect((await json('get', 'role', 'reconciled')).rules).toHaveLength(2);
  });

  test('has certificates approved and denied', async () => {
    const request = await signingRequest();
    const csr = (name: string) => ({
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: `${namespace}-${name}` },
      spec: { request, signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] },
    });
    await kubectl('create', '-f', file('csr', csr('good'), csr('bad')));
    expect(await kubectl('certificate', 'approve', `${namespace}-good`)).toMatch(/approved/);
    expect(await kubectl('certificate', 'deny', `${namespace}-bad`)).toMatch(/denied/);
    expect(await kubectl('get', 'csr', `${namespace}-good`)).toMatch(/Approved/);
    expect(await kubectl('get', 'csr', `${namespace}-bad`)).toMatch(/Denied/);
  });

  test('takes its namespace away', async () => {
    await kubectl('delete', 'namespace', namespace, '--timeout=60s');
    expect((await attempt(['get', 'namespace', namespace])).stderr).toMatch(/NotFound/);
  });
});
