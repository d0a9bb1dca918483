/** The command itself: clusters side by side, credentials, and bad surroundings, each with one sentence and what to do. */
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Any, aCluster, eventually, root, run } from './cluster.ts';

jest.setTimeout(120_000);
const cluster = aCluster('alone');
const env = { ...process.env, WINDVANE_HOME: cluster.home, KUBECONFIG: cluster.kubeconfig };
const windvane = (...args: string[]) => run(process.execPath, [join(root, 'dist', 'cli.js'), ...args], env);

beforeAll(async () => {
  const up = await cluster.windvane('up', '--nodes', '0', '--no-controllers', '--port', '17843');
  if (up.code !== 0) throw new Error(up.stderr);
});
afterAll(async () => {
  await windvane('down', '--purge', '--name', 'second');
  await cluster.purge();
});

describe('credentials', () => {
  test('the token is the administrator’s', async () => {
    const token = (await cluster.windvane('token')).stdout.trim();
    const review = await run('curl', [
      ...['-sk', '-X', 'POST', 'https://127.0.0.1:17843/apis/authentication.k8s.io/v1/selfsubjectreviews'],
      ...['-H', `Authorization: Bearer ${token}`, '-H', 'Content-Type: application/json'],
      ...['-d', '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'],
    ]);
    expect(JSON.parse(review.stdout).status.userInfo).toMatchObject({
      username: 'admin',
      groups: expect.arrayContaining(['system:masters']),
    });
    expect((await run('curl', ['-sk', 'https://127.0.0.1:17843/api/v1/pods'])).stdout).toMatch(
      /pods is forbidden: User \\"system:anonymous\\"/,
    );
  });

  test('keys, data and kubeconfig are readable by their owner alone', () => {
    const dir = join(cluster.home, 'alone');
    for (const file of readdirSync(join(dir, 'pki'))) expect([file, statSync(join(dir, 'pki', file)).mode & 0o077]).toEqual([file, 0]);
    for (const path of [dir, join(dir, 'store'), cluster.kubeconfig, join(dir, 'cluster.json')])
      expect([path, statSync(path).mode & 0o077]).toEqual([path, 0]);
  });

  test('a kubeconfig of one’s own works, and a merge keeps what is there', async () => {
    const own = join(cluster.home, 'own');
    writeFileSync(own, (await cluster.windvane('kubeconfig')).stdout);
    expect((await run('kubectl', ['--kubeconfig', own, 'get', 'namespaces'])).stdout).toMatch(/default\s+Active/);
    const other = join(cluster.home, 'other');
    writeFileSync(
      other,
      'apiVersion: v1\nkind: Config\nclusters: [{name: mine, cluster: {server: "https://example.test"}}]\ncontexts: []\nusers: []\n',
    );
    await run(process.execPath, [join(root, 'dist', 'cli.js'), 'kubeconfig', '--merge', '--name', 'alone'], { ...env, KUBECONFIG: other });
    const contexts = await run('kubectl', [
      '--kubeconfig',
      other,
      'config',
      'view',
      '-o',
      'jsonpath={.clusters[*].name} {.current-context}',
    ]);
    expect(contexts.stdout).toBe('mine windvane-alone windvane-alone');
  });
});

describe('side by side', () => {
  test('two clusters by name, each with its own port and objects', async () => {
    const up = await windvane('up', '--name', 'second', '--nodes', '0');
    expect(up).toMatchObject({ code: 0 });
    const get = (context: string) => run('kubectl', ['--context', context, 'get', 'configmaps', '-A', '-o', 'name'], env);
    await run('kubectl', ['--context', 'windvane-second', 'create', 'configmap', 'only-here'], env);
    await eventually('it is there', async () => (await get('windvane-second')).stdout.includes('only-here'));
    expect((await get('windvane-alone')).stdout).not.toContain('only-here');
    expect(await windvane('down', '--name', 'second', '--purge')).toMatchObject({ code: 0 });
    expect(existsSync(join(cluster.home, 'second'))).toBe(false);
    expect((await windvane('status', '--name', 'alone')).code).toBe(0);
  });

  test('data where the user wants it, found again by name', async () => {
    const dir = join(cluster.home, 'elsewhere', 'data');
    expect(await windvane('up', '--name', 'second', '--nodes', '0', '--data-dir', dir)).toMatchObject({ code: 0 });
    expect(existsSync(join(dir, 'cluster.json'))).toBe(true);
    expect((await windvane('status', '--name', 'second')).stdout).toContain(dir);
    expect(await windvane('down', '--name', 'second', '--purge')).toMatchObject({ code: 0 });
    expect(existsSync(dir)).toBe(false);
  });

  test('an API on every address of the machine is reached by its own', async () => {
    expect(await windvane('up', '--name', 'second', '--nodes', '0', '--host', '0.0.0.0')).toMatchObject({ code: 0 });
    expect((await run('kubectl', ['--context', 'windvane-second', 'get', '--raw', '/readyz'], env)).stdout).toBe('ok');
    await windvane('down', '--name', 'second', '--purge');
  });

  test('an API server alone has no controllers: nothing follows a Deployment', async () => {
    const list = async (kind: string): Promise<Any[]> => (await cluster.json('get', kind, '-A')).items;
    await cluster.kubectl('apply', '-f', join(root, 'examples', 'hello.yaml'));
    expect(await list('deployments')).toHaveLength(1);
    expect(await list('replicasets')).toEqual([]);
  });
});

describe('bad surroundings', () => {
  const refusal = async (...args: string[]): Promise<string> => {
    const output = await windvane(...args);
    expect([args, output.code]).toEqual([args, 1]);
    // One sentence, and a line of what to do; never a stack.
    expect(output.stderr).toMatch(/windvane: .+\.\n {10}\S.+\n$/);
    expect(output.stderr).not.toMatch(/ {4}at /);
    return output.stderr;
  };

  test('a second up', async () => expect(await refusal('up', '--name', 'alone')).toMatch(/Cluster alone is already running/));
  test('a cluster nobody made', async () => expect(await refusal('down', '--name', 'nobody')).toMatch(/There is no cluster "nobody" here/));
  test('a port that is taken', async () => {
    const squatter = createServer().listen(17555, '127.0.0.1');
    expect(await refusal('up', '--name', 'second', '--nodes', '0', '--port', '17555')).toMatch(/Port 17555 is taken by/);
    squatter.close();
  });
  test('no Docker Engine where one was named', async () =>
    expect(await refusal('up', '--name', 'second', '--docker-socket', '/nowhere.sock')).toMatch(
      /No Docker Engine answers at \/nowhere.sock/,
    ));
  test('more nodes than this version runs', async () =>
    expect(await refusal('up', '--name', 'second', '--nodes', '7')).toMatch(/--nodes is not valid/));
  test('an address to listen on that is none', async () =>
    expect(await refusal('up', '--name', 'second', '--nodes', '0', '--host', 'nowhere')).toMatch(/--host is not valid/));
  test('a node without controllers', async () =>
    expect(await refusal('up', '--name', 'second', '--no-controllers')).toMatch(/A node needs the controllers/));
  test('a manifest that is none, before anything is started', async () => {
    const file = join(cluster.home, 'bad.yaml');
    writeFileSync(file, 'just: text\n');
    expect(await refusal('up', file, '--name', 'third', '--nodes', '0')).toMatch(/no Kubernetes object/);
    expect(existsSync(join(cluster.home, 'third'))).toBe(false);
  });
  test('nobody but root can have a node', async () => {
    const output = await run('unshare', ['--user', process.execPath, join(root, 'dist', 'cli.js'), 'up', '--name', 'fourth'], env);
    expect(output).toMatchObject({ code: 1, stderr: expect.stringMatching(/A node needs root.*\n.*--nodes 0/) });
  });
  test('a damaged data directory', async () => {
    expect(await windvane('up', '--name', 'second', '--nodes', '0')).toMatchObject({ code: 0 });
    await windvane('down', '--name', 'second');
    const store = join(cluster.home, 'second', 'store');
    const data = readdirSync(store)
      .map(name => join(store, name))
      .find(path => /\.mdb$/.test(path) && !/lock/.test(path));
    if (!data) throw new Error(`no data file in ${readdirSync(store)}`);
    truncateSync(data, Math.floor(statSync(data).size / 3));
    expect(await refusal('up', '--name', 'second', '--nodes', '0')).toMatch(/The data in .* is damaged/);
  });
  test('damaged settings', async () => {
    const file = join(cluster.home, 'second', 'cluster.json');
    const before = readFileSync(file);
    writeFileSync(file, '{"name":');
    expect(await refusal('status', '--name', 'second')).toMatch(/The settings in .* are damaged/);
    writeFileSync(file, before);
  });
  test('every command has help', async () => {
    for (const command of ['up', 'down', 'status', 'logs', 'kubeconfig', 'token']) {
      expect(await windvane(command, '--help')).toMatchObject({ code: 0, stdout: expect.stringContaining(`windvane ${command}`) });
    }
  });
});
