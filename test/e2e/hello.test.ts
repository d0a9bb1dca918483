/** The main job, whole and real: a manifest is applied with kubectl, and Docker containers run, find each other, are replaced, and survive. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Any, aCluster, docker, eventually, kubectls, root, run } from './cluster.ts';

jest.setTimeout(300_000);
const cluster = aCluster('e2e');
const { kubectl, json, tryKubectl } = cluster;
const hello = join(root, 'examples', 'hello.yaml');
const node = 'e2e-1';

const podsOf = async (label = 'app=hello'): Promise<Any[]> => (await json('get', 'pods', '-l', label)).items;
const livePods = async (): Promise<Any[]> => (await podsOf()).filter(pod => !pod.metadata.deletionTimestamp);
const available = (deployment = 'hello') => kubectl('rollout', 'status', `deployment/${deployment}`, '--timeout=120s');
const containersOf = (pod: string) =>
  docker('ps', '--no-trunc', '--filter', 'label=dev.windvane.node=e2e/e2e-1', '--format', '{{.ID}} {{.Names}}').then(text =>
    text.split('\n').filter(line => line.includes(`_${pod}_`)),
  );
/** A pod that asks the Service again and again and writes a line for each answer. */
const askForever =
  'while true; do if out=$(printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 2 hello 80 2>&1) && echo "$out" | grep -q " from "; then echo "ok $(echo "$out" | tail -1)"; else echo "failed $out"; fi; sleep 0.05; done';

beforeAll(async () => {
  const up = await cluster.windvane('up');
  if (up.code !== 0) throw new Error(up.stderr);
  const images = await run(process.execPath, [join(root, 'dist', 'images.js')]);
  if (images.code !== 0) throw new Error(images.stderr);
});
afterAll(() => cluster.purge());

describe('a fresh cluster', () => {
  test('has a Ready node, and a context in the kubeconfig', async () => {
    const [only] = (await json('get', 'nodes')).items;
    expect(only.metadata.name).toBe(node);
    expect(only.status.conditions.find((one: Any) => one.type === 'Ready').status).toBe('True');
    expect(await kubectl('config', 'current-context')).toBe('windvane-e2e\n');
  });

  test('says in one sentence that it already runs', async () => {
    const again = await cluster.windvane('up');
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/Cluster e2e is already running/);
  });

  test('tells what runs', async () => {
    const status = await cluster.windvane('status');
    expect(status).toMatchObject({ code: 0 });
    expect(status.stdout).toMatch(/control-plane\s+running/);
    expect(status.stdout).toMatch(/node e2e-1\s+Ready/);
  });
});

describe('hello', () => {
  test('is applied and becomes available', async () => {
    expect(await kubectl('apply', '-f', hello)).toMatch(/deployment.apps\/hello created/);
    await available();
    const pods = await podsOf();
    expect(pods).toHaveLength(3);
    expect(new Set(pods.map(pod => pod.status.podIP)).size).toBe(3);
    for (const pod of pods) expect(await containersOf(pod.metadata.name)).toHaveLength(2);
  });

  test('answers with all three replicas through the Service, by its DNS name, from another pod', async () => {
    await kubectl('run', 'client', '--image=busybox:1.37', '--restart=Never', '--command', '--', 'sh', '-c', askForever);
    await kubectl('wait', '--for=condition=Ready', 'pod/client', '--timeout=60s');
    const names = (await podsOf()).map(pod => pod.metadata.name).sort();
    const answering = await eventually('all replicas answer', async () => {
      const seen = new Set([...(await kubectl('logs', 'client')).matchAll(/ok Hello from (\S+)/g)].map(match => match[1]));
      return seen.size === 3 && [...seen].sort();
    });
    expect(answering).toEqual(names);
    for (const name of ['hello.default', 'hello.default.svc.cluster.local']) {
      const { stdout } = await tryKubectl(['exec', 'client', '--', 'sh', '-c', `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${name} 80`]);
      expect(stdout).toMatch(/Hello from hello-/);
    }
  });

  test('a killed container is restarted in the same pod', async () => {
    const [pod] = await podsOf();
    await docker('kill', String(pod.status.containerStatuses[0].containerID).replace('docker://', ''));
    const after = await eventually('the container is back', async () => {
      const now = await json<Any>('get', 'pod', pod.metadata.name);
      const status = now.status.containerStatuses[0];
      return status.restartCount === 1 && status.ready && now;
    });
    expect(after.status.podIP).toBe(pod.status.podIP);
    expect(after.status.containerStatuses[0].lastState.terminated.exitCode).toBe(137);
    await available();
  });

  test('a deleted pod is replaced with a new name and address, and no request fails', async () => {
    const [pod, ...others] = await podsOf();
    const before = (await kubectl('logs', 'client')).split('\n').length;
    await kubectl('delete', 'pod', pod.metadata.name);
    const replacement = await eventually('a third pod is ready', async () => {
      const now = await livePods();
      return (
        now.length === 3 &&
        now.every(one => one.status.containerStatuses?.[0]?.ready) &&
        now.find(one => !others.some(other => other.metadata.uid === one.metadata.uid))
      );
    });
    expect(replacement.metadata.name).not.toBe(pod.metadata.name);
    expect(replacement.status.podIP).not.toBe(pod.status.podIP);
    const since = (await kubectl('logs', 'client')).split('\n').slice(before - 1);
    expect(since.filter(line => line.startsWith('ok')).length).toBeGreaterThan(5);
    expect(since.filter(line => line.startsWith('failed'))).toEqual([]);
  });

  test('scales 3 -> 10 -> 1', async () => {
    for (const count of [10, 1, 3]) {
      await kubectl('scale', 'deployment/hello', `--replicas=${count}`);
      await eventually(`${count} pods`, async () => {
        const pods = await podsOf();
        return pods.length === count && pods.every(pod => pod.status.containerStatuses?.[0]?.ready);
      });
    }
    await available();
  });

  test('rolls to a new image and back without a failed request', async () => {
    const before = (await kubectl('logs', 'client')).split('\n').length;
    await kubectl('set', 'image', 'deployment/hello', 'web=busybox:1.36');
    await available();
    expect(new Set((await livePods()).map(pod => pod.spec.containers[0].image))).toEqual(new Set(['busybox:1.36']));
    expect(await kubectl('rollout', 'history', 'deployment/hello')).toMatch(/1 .*\n2 /);
    await kubectl('rollout', 'undo', 'deployment/hello');
    await available();
    expect(new Set((await livePods()).map(pod => pod.spec.containers[0].image))).toEqual(new Set(['busybox:1.37']));
    const since = (await kubectl('logs', 'client')).split('\n').slice(before - 1);
    expect(since.filter(line => line.startsWith('ok')).length).toBeGreaterThan(5);
    expect(since.filter(line => line.startsWith('failed'))).toEqual([]);
  });

  test('an image that cannot be had leaves the old pods serving, and says why', async () => {
    await kubectl('set', 'image', 'deployment/hello', 'web=registry.invalid/none:1');
    await eventually('the reason is shown', async () => /ErrImagePull|ImagePullBackOff/.test(await kubectl('get', 'pods')));
    const pods = await livePods();
    expect(pods.filter(pod => pod.spec.containers[0].image === 'busybox:1.37' && pod.status.containerStatuses[0].ready)).toHaveLength(3);
    expect(await kubectl('get', 'events')).toMatch(/Failed to pull image "registry.invalid\/none:1"/);
    await kubectl('rollout', 'undo', 'deployment/hello');
    await available();
  });
});

describe('at the pod', () => {
  test('logs: followed, of before, from the end, with times', async () => {
    const [pod] = await livePods();
    expect(await kubectl('logs', 'client', '--tail=2')).toMatch(/^.*\n.*\n$/);
    expect(await kubectl('logs', 'client', '--tail=1', '--timestamps')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ok/);
    await kubectl(
      'run',
      'talker',
      '--image=busybox:1.37',
      '--restart=Always',
      '--command',
      '--',
      'sh',
      '-c',
      'echo first life; sleep 1; exit 3',
    );
    await eventually(
      'it was restarted',
      async () => (await json<Any>('get', 'pod', 'talker')).status.containerStatuses?.[0]?.restartCount >= 1,
    );
    expect(await kubectl('logs', 'talker', '--previous')).toBe('first life\n');
    await kubectl('delete', 'pod', 'talker', '--grace-period=1');
    await kubectl(
      'run',
      'counter',
      '--image=busybox:1.37',
      '--restart=Never',
      '--command',
      '--',
      'sh',
      '-c',
      'for i in 1 2 3; do echo $i; sleep 0.2; done',
    );
    await eventually('it runs or has run', async () => /Running|Succeeded/.test((await json<Any>('get', 'pod', 'counter')).status.phase));
    expect(await kubectl('logs', '-f', 'counter')).toBe('1\n2\n3\n');
    await kubectl('delete', 'pod', 'counter');
    expect(pod).toBeDefined();
  });

  test('exec carries input, output and the exit code, for every kubectl there is', async () => {
    const versions = kubectls();
    for (const program of versions) {
      const input = await tryKubectl(['exec', '-i', 'client', '--', 'cat'], { input: 'hello from outside\n', program });
      expect({ program, ...input }).toMatchObject({ code: 0, stdout: 'hello from outside\n' });
      const failed = await tryKubectl(['exec', 'client', '--', 'sh', '-c', 'echo oops >&2; exit 7'], { program });
      expect({ program, ...failed }).toMatchObject({ code: 7 });
      expect(failed.stderr).toMatch(/oops/);
    }
  });

  test('kubectl of every version at hand reads, applies and explains', async () => {
    for (const program of kubectls()) {
      const call = async (...args: string[]) => {
        const output = await tryKubectl(args, { program });
        if (output.code !== 0) throw new Error(`${program} ${args.join(' ')}: ${output.stderr}`);
        return output.stdout;
      };
      expect(await call('get', 'deployments,services,pods', '-o', 'wide')).toMatch(/deployment.apps\/hello\s+3\/3/);
      expect(await call('explain', 'deployment.spec.strategy')).toMatch(/rollingUpdate/);
      expect(await call('apply', '-f', hello)).toMatch(/deployment.apps\/hello (unchanged|configured)/);
      expect(await call('api-resources')).toMatch(/deployments\s+deploy\s+apps\/v1/);
      expect(await call('describe', 'deployment', 'hello')).toMatch(/StrategyType:\s+RollingUpdate/);
    }
  });
});

describe('death and return', () => {
  const essence = async (): Promise<unknown> => {
    const all = await Promise.all(['deployments', 'replicasets', 'services', 'configmaps', 'pods'].map(kind => json('get', kind, '-A')));
    return all.flatMap(list =>
      list.items.map(item => [item.kind, item.metadata.namespace, item.metadata.name, item.metadata.uid, item.metadata.resourceVersion]),
    );
  };
  const kill = async (process_: string): Promise<void> => {
    process.kill(cluster.pid(process_), 'SIGKILL');
    await eventually('it is dead', async () => /stopped/.test((await cluster.windvane('status')).stdout));
  };
  const ids = () =>
    docker('ps', '--no-trunc', '--filter', 'label=dev.windvane.node=e2e/e2e-1', '--format', '{{.ID}}').then(text =>
      text.split('\n').sort(),
    );

  test('the control plane is killed: same objects, same resource versions, pods untouched', async () => {
    await kubectl('delete', 'pod', 'client', '--grace-period=0', '--force');
    await eventually('all is quiet', async () => (await json('get', 'pods', '-A')).items.length === 3 && (await ids()).length === 6);
    const [before, containers] = [await essence(), await ids()];
    await kill('control-plane');
    const up = await cluster.windvane('up');
    expect(up.stderr).not.toMatch(/windvane:/);
    expect(up.code).toBe(0);
    expect(await essence()).toEqual(before);
    expect(await ids()).toEqual(containers);
    await kubectl('scale', 'deployment/hello', '--replicas=4');
    await available();
    await kubectl('scale', 'deployment/hello', '--replicas=3');
    await eventually('three again', async () => (await podsOf()).length === 3);
  });

  test('the agent is killed: no container is restarted, and it goes on', async () => {
    const containers = await ids();
    await kill(`agent-${node}`);
    expect(await cluster.windvane('up', hello)).toMatchObject({ code: 0 });
    await eventually('the agent is back', async () => {
      try {
        process.kill(cluster.pid(`agent-${node}`), 0);
        return true;
      } catch {
        return false;
      }
    });
    const [pod] = await podsOf();
    expect(await kubectl('exec', pod.metadata.name, '--', 'echo', 'still here')).toBe('still here\n');
    expect(await ids()).toEqual(containers);
    expect((await podsOf()).map(one => one.status.containerStatuses[0].restartCount)).toEqual([0, 0, 0]);
  });

  test('down and up again brings everything back', async () => {
    expect(await cluster.windvane('down')).toMatchObject({ code: 0 });
    expect(await cluster.windvane('status')).toMatchObject({ code: 1 });
    expect((await cluster.windvane('up')).code).toBe(0);
    await available();
    expect(await podsOf()).toHaveLength(3);
  });
});

describe('what is refused, and how', () => {
  const refused = async (input: string, ...args: string[]): Promise<string> => {
    const output = await tryKubectl(['apply', ...args, '-f', '-'], { input });
    expect(output.code).not.toBe(0);
    return output.stderr;
  };
  const pod = (spec: string, name = 'bad') => `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"${name}"},"spec":${spec}}`;

  test('invalid YAML, unknown and missing fields, wrong types, a 2 MB object', async () => {
    expect(await refused('a: b: c\n  - d')).toMatch(/error parsing|error converting YAML|mapping values/);
    expect(await refused(pod('{"containers":[{"name":"a","image":"busybox:1.37"}],"colour":"red"}'))).toMatch(
      /unknown field "spec.colour"/,
    );
    expect(await refused(pod('{"containers":[{"name":"a"}]}'), '--validate=false')).toMatch(/spec.containers\[0\].image: Required value/);
    expect(await refused(pod('{"containers":"none"}'), '--validate=false')).toMatch(
      /cannot unmarshal string into Go struct field PodSpec.spec.containers/,
    );
    const large = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"large"},"data":{"a":"${'x'.repeat(2 * 1024 * 1024)}"}}`;
    expect(await refused(large, '--server-side')).toMatch(/Too long|too large|must have at most/i);
    expect((await tryKubectl(['get', 'pod', 'bad'])).stderr).toMatch(/pods "bad" not found/);
    expect((await tryKubectl(['get', 'configmap', 'large'])).stderr).toMatch(/configmaps "large" not found/);
  });

  test('a pod that no node can hold stays pending and says why', async () => {
    await tryKubectl(['apply', '-f', '-'], {
      input: pod('{"containers":[{"name":"a","image":"busybox:1.37","resources":{"requests":{"cpu":"1000"}}}]}', 'huge'),
    });
    const pending = await eventually('the reason is there', async () => {
      const found = await json<Any>('get', 'pod', 'huge');
      return found.status.conditions?.find((one: Any) => one.type === 'PodScheduled' && one.status === 'False');
    });
    expect(pending).toMatchObject({
      reason: 'Unschedulable',
      message: expect.stringMatching(/^0\/1 nodes are available: 1 Insufficient cpu/),
    });
    await eventually('an event says so', async () =>
      /FailedScheduling/.test(await kubectl('get', 'events', '--field-selector', 'involvedObject.name=huge')),
    );
    await kubectl('delete', 'pod', 'huge');
  });
});

describe('the end of a namespace', () => {
  test('nothing is left in the store, in Docker, in nftables', async () => {
    await kubectl('create', 'namespace', 'gone');
    await kubectl('apply', '-n', 'gone', '-f', hello);
    await kubectl('rollout', 'status', '-n', 'gone', 'deployment/hello', '--timeout=120s');
    const ip = (await json<Any>('get', 'service', 'hello', '-n', 'gone')).spec.clusterIP;
    expect((await run('nft', ['list', 'table', 'ip', 'windvane-e2e'])).stdout).toContain(ip);
    await kubectl('delete', 'namespace', 'gone', '--timeout=120s');
    for (const kind of [
      'pods',
      'services',
      'endpointslices',
      'endpoints',
      'configmaps',
      'serviceaccounts',
      'replicasets',
      'deployments',
      'events',
    ]) {
      expect((await json('get', kind, '-A')).items.filter(item => item.metadata.namespace === 'gone')).toEqual([]);
    }
    expect((await json('get', 'ipaddresses')).items.map(item => item.metadata.name)).not.toContain(ip);
    await eventually('the rules are gone', async () => !(await run('nft', ['list', 'table', 'ip', 'windvane-e2e'])).stdout.includes(ip));
    await eventually('the containers are gone', async () => !(await docker('ps', '-a', '--format', '{{.Names}}')).includes('_gone_'));
  });

  test('purging the cluster leaves nothing of it on the machine', async () => {
    const { podCidr } = JSON.parse(readFileSync(join(cluster.home, 'e2e', 'cluster.json'), 'utf8')) as { podCidr: string };
    const prefix = podCidr.split('.').slice(0, 2).join('.');
    expect((await run('ip', ['route'])).stdout).toContain(`${prefix}.`);
    expect(await cluster.windvane('down', '--purge')).toMatchObject({ code: 0 });
    expect((await run('nft', ['list', 'tables'])).stdout).not.toContain('windvane-e2e');
    for (const what of ['route', 'address']) expect((await run('ip', [what])).stdout).not.toContain(`${prefix}.`);
    expect(await docker('ps', '-a', '-q', '--filter', 'label=dev.windvane.node=e2e/e2e-1').catch(() => '')).toBe('');
    expect(readFileSync(cluster.kubeconfig, 'utf8')).not.toContain('windvane-e2e');
    expect((await cluster.windvane('status')).stderr).toMatch(/There is no cluster "e2e" here/);
  });
});
