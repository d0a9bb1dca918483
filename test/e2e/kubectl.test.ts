/** What people do with kubectl all day, against a real cluster: each command does and says what it does and says elsewhere. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Any, aCluster, background, docker, eventually, root, run } from './cluster.ts';

jest.setTimeout(90_000);
const cluster = aCluster('kubectl');
const { kubectl, json, tryKubectl } = cluster;
const image = '--image=busybox:1.37';
const serve = 'mkdir -p /w; hostname > /w/index.html; httpd -p 80 -h /w; trap "exit 0" TERM; while true; do sleep 0.1; done';
const rolledOut = () => kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
const template = async (): Promise<Any> => (await json<Any>('get', 'deployment', 'web')).spec.template;
const get = async (url: string) => (await fetch(url)).text();

beforeAll(async () => {
  const up = await cluster.windvane('up');
  if (up.code !== 0) throw new Error(up.stderr);
  const images = await run(process.execPath, [join(root, 'dist', 'images.js')]);
  if (images.code !== 0) throw new Error(images.stderr);
  await kubectl('create', 'deployment', 'web', image, '--replicas=2', '--', 'sh', '-c', serve);
  await rolledOut();
});
afterAll(() => cluster.purge());

describe('deployments', () => {
  test('set, history, undo to a revision, pause, resume, restart', async () => {
    await kubectl('set', 'image', 'deployment/web', 'busybox=busybox:1.36');
    await kubectl('annotate', 'deployment/web', 'kubernetes.io/change-cause=older');
    await rolledOut();
    await kubectl('set', 'env', 'deployment/web', 'WORD=x');
    await kubectl('set', 'resources', 'deployment/web', '--limits=memory=64Mi');
    await rolledOut();
    expect(await kubectl('rollout', 'history', 'deployment/web')).toMatch(/1 +<none>\n2 +older\n3 +older\n4 +older/);
    expect(await kubectl('rollout', 'history', 'deployment/web', '--revision=2')).toMatch(/Image:\tbusybox:1.36/);
    await kubectl('rollout', 'undo', 'deployment/web', '--to-revision=1');
    await rolledOut();
    expect((await template()).spec.containers[0]).toMatchObject({ image: 'busybox:1.37', resources: {} });
    await kubectl('rollout', 'pause', 'deployment/web');
    await kubectl('set', 'env', 'deployment/web', 'WORD=y');
    expect((await json('get', 'replicasets')).items.map((set: Any) => JSON.stringify(set.spec.template)).join()).not.toMatch(/"y"/);
    await kubectl('rollout', 'resume', 'deployment/web');
    await rolledOut();
    await kubectl('rollout', 'restart', 'deployment/web');
    await rolledOut();
    expect((await template()).metadata.annotations).toHaveProperty(['kubectl.kubernetes.io/restartedAt']);
    expect(await kubectl('describe', 'deployment', 'web')).toMatch(/Scaled up replica set web-\w+ from 0 to 1/);
  });

  test('orphans and foreground', async () => {
    await kubectl('create', 'deployment', 'left', image, '--', 'sh', '-c', serve);
    await kubectl('rollout', 'status', 'deployment/left', '--timeout=30s');
    await kubectl('delete', 'deployment', 'left', '--cascade=orphan');
    const sets = async () => (await json('get', 'replicasets', '-l', 'app=left')).items;
    await eventually('it belongs to nobody', async () => (await sets())[0].metadata.ownerReferences === undefined);
    const [set] = await sets();
    await kubectl('delete', 'replicaset', set.metadata.name, '--cascade=foreground', '--timeout=30s');
    expect((await json('get', 'pods', '-l', 'app=left')).items).toEqual([]);
  });
});

describe('services', () => {
  test('every type is reached as it should be', async () => {
    await kubectl('expose', 'deployment', 'web', '--port=80', '--type=NodePort');
    await kubectl('expose', 'deployment', 'web', '--port=80', '--name=headless', '--cluster-ip=None');
    await kubectl('create', 'service', 'externalname', 'outside', '--external-name=example.com');
    const { spec } = await json<Any>('get', 'service', 'web');
    const pods = (await json('get', 'pods', '-l', 'app=web')).items.map((pod: Any) => pod.metadata.name);
    for (const url of [`http://127.0.0.1:${spec.ports[0].nodePort}/`, `http://${spec.clusterIP}/`]) {
      const answer = await eventually(`${url} answers`, () => get(url));
      expect(pods).toContain(answer.trim());
    }
    const inside = (name: string) => tryKubectl(['exec', 'deploy/web', '--', 'nslookup', `${name}.default.svc.cluster.local`]);
    await eventually('both addresses', async () => ((await inside('headless')).stdout.match(/Address: 10\./g) ?? []).length === 2);
    expect((await inside('outside')).stdout).toMatch(/canonical name = example.com/);
  });

  test('port-forward to a Service and to a pod', async () => {
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
    for (const target of ['service/web', 'deployment/web']) {
      const forward = background('kubectl', ['--context=windvane-kubectl', 'port-forward', target, '18463:80'], env);
      const answer = await eventually(`${target} answers`, () => get('http://127.0.0.1:18463/'));
      expect(answer).toMatch(/^web-/);
      await forward.stop();
    }
  });
});

describe('at a pod', () => {
  beforeAll(async () => {
    await kubectl('run', 'box', image, '--', 'sh', '-c', `echo begun; ${serve}`);
    await kubectl('wait', '--for=condition=Ready', 'pod/box', '--timeout=30s');
  });

  test('files go in and out whole', async () => {
    const [there, back] = [join(cluster.home, 'there'), join(cluster.home, 'back')];
    writeFileSync(there, Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7) % 251)));
    await kubectl('cp', there, 'box:/tmp/file');
    await kubectl('cp', 'box:/tmp/file', back);
    expect(readFileSync(back).equals(readFileSync(there))).toBe(true);
  });

  test('a terminal has a size, and the exit code comes back', async () => {
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
    const command = 'stty cols 101 rows 37; kubectl --context=windvane-kubectl exec -it box -- sh -c "sleep 0.5; stty size; exit 4"';
    const output = await run('script', ['-qec', command, '/dev/null'], env);
    expect(output.stdout).toMatch(/37 101/);
    expect(output.code).toBe(4);
  });

  test('run attaches, waits and cleans up', async () => {
    const input = ['run', '-i', '--rm', '--quiet', 'once', image, '--restart=Never', '--', 'sh', '-c', 'cat; exit 5'];
    expect(await tryKubectl(input, { input: 'from outside\n' })).toMatchObject({
      code: 5,
      stdout: expect.stringContaining('from outside\n'),
    });
    expect((await tryKubectl(['get', 'pod', 'once'])).stderr).toMatch(/pods "once" not found/);
  });

  test('a debugging container sees the processes of its target, and the node', async () => {
    await kubectl('debug', 'box', '--profile=general', '-c', 'look', image, '--target=box', '--', 'ps');
    await eventually('it shows them', async () => /httpd -p 80/.test(await kubectl('logs', 'box', '-c', 'look')));
    const made = await kubectl('debug', 'node/kubectl-1', '--profile=general', image, '--', 'ls', '/host');
    const name = /pod (node-debugger-\S+)/.exec(made)?.[1] ?? '';
    await eventually('it shows the disk of the node', async () => /^etc$/m.test(await kubectl('logs', name)));
    await kubectl('delete', 'pod', name);
  });

  test('logs of several pods, and what is refused', async () => {
    await kubectl('patch', 'pod', 'box', '-p', '{"metadata":{"labels":{"app":"web"}}}');
    expect(await kubectl('logs', '-l', 'app=web', '--prefix', '--all-containers')).toMatch(/\[pod\/box\/box\] begun/);
    expect(await kubectl('logs', 'box', '--limit-bytes=3')).toBe('beg');
    expect((await tryKubectl(['logs', 'box', '-c', 'box', '-p'])).stderr).toBe(
      'Error from server (BadRequest): previous terminated container "box" in pod "box" not found\n',
    );
    await kubectl('label', 'pod', 'box', 'app-');
  });
});

describe('objects', () => {
  test('edit, diff, dry runs, server-side apply, kustomize', async () => {
    const map = (value: string) => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'map' }, data: { a: value } });
    await tryKubectl(['apply', '-f', '-'], { input: map('one') });
    const diff = await tryKubectl(['diff', '-f', '-'], { input: map('two') });
    expect(diff).toMatchObject({ code: 1, stdout: expect.stringMatching(/^-\s+a: one\n\+\s+a: two$/m) });
    expect((await tryKubectl(['apply', '--dry-run=server', '-f', '-'], { input: map('two') })).stdout).toBe(
      'configmap/map configured (server dry run)\n',
    );
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, KUBE_EDITOR: 'sed -i "s/a: one/a: three/"' };
    expect((await run('kubectl', ['--context=windvane-kubectl', 'edit', 'configmap', 'map'], env)).stdout).toBe('configmap/map edited\n');
    const refused = await tryKubectl(['apply', '--server-side', '-f', '-'], { input: map('four') });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/Apply failed with 1 conflict: conflict with "kubectl-edit"/) });
    expect(await tryKubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: map('four') })).toMatchObject({ code: 0 });
    expect((await json<Any>('get', 'configmap', 'map')).data).toEqual({ a: 'four' });
    const dir = join(cluster.home, 'kustomize');
    mkdirSync(dir);
    writeFileSync(join(dir, 'kustomization.yaml'), 'namePrefix: k-\nconfigMapGenerator: [{name: made, literals: [a=b]}]\n');
    expect(await kubectl('apply', '-k', dir)).toMatch(/configmap\/k-made-\w+ created/);
  });

  test('who may do what', async () => {
    expect(await kubectl('auth', 'can-i', 'create', 'pods')).toBe('yes\n');
    const robot = '--as=system:serviceaccount:default:robot';
    expect((await tryKubectl(['auth', 'can-i', 'get', 'pods', robot])).stdout).toBe('no\n');
    await kubectl('create', 'serviceaccount', 'robot');
    await kubectl('create', 'role', 'reader', '--verb=get', '--resource=pods');
    await kubectl('create', 'rolebinding', 'reader', '--role=reader', '--serviceaccount=default:robot');
    expect(await kubectl('auth', 'can-i', 'get', 'pods', robot)).toBe('yes\n');
    expect((await tryKubectl(['top', 'pods'])).stderr).toMatch(/Metrics API not available/);
  });
});

describe('the node', () => {
  test('cordon, drain and uncordon', async () => {
    await kubectl('drain', 'kubectl-1', '--force', '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=60s');
    const waiting = async () => (await json('get', 'pods', '-l', 'app=web')).items.filter((pod: Any) => pod.status.phase === 'Pending');
    await eventually('the new pods wait', async () => (await waiting()).length === 2);
    expect(await docker('ps', '-q', '--filter', 'label=dev.windvane.node=kubectl/kubectl-1')).toBe('');
    await kubectl('uncordon', 'kubectl-1');
    await rolledOut();
  });

  test('a namespace waits for finalizers, says so, and takes nothing new', async () => {
    await kubectl('create', 'namespace', 'held');
    await kubectl('-n', 'held', 'create', 'configmap', 'map');
    await kubectl('-n', 'held', 'patch', 'configmap', 'map', '-p', '{"metadata":{"finalizers":["example.com/hold"]}}');
    await kubectl('-n', 'held', 'run', 'box', image, '--', 'sh', '-c', serve);
    await kubectl('delete', 'namespace', 'held', '--wait=false');
    const conditions = async (): Promise<Any[]> => (await json<Any>('get', 'namespace', 'held')).status.conditions ?? [];
    const says = /Some content in the namespace has finalizers remaining: example.com\/hold in 1 resource instances/;
    await eventually('it says what it waits for', async () => (await conditions()).some(one => says.test(one.message)));
    expect((await tryKubectl(['-n', 'held', 'create', 'configmap', 'late'])).stderr).toMatch(/because it is being terminated/);
    await kubectl('-n', 'held', 'patch', 'configmap', 'map', '-p', '{"metadata":{"finalizers":null}}');
    await kubectl('wait', '--for=delete', 'namespace/held', '--timeout=30s');
  });

  test('nothing that nobody asked for is in the logs', () => {
    const lines = ['control-plane', 'agent-kubectl-1'].flatMap(name =>
      readFileSync(join(cluster.home, 'kubectl', 'logs', `${name}.log`), 'utf8')
        .trim()
        .split('\n'),
    );
    expect(lines.filter(line => JSON.parse(line).level > 30)).toEqual([]);
  });
});
