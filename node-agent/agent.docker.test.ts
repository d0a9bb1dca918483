import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { WebSocket } from 'ws';
import type { Pod } from '../kinds/types.ts';
import { noDocker, startTestDocker, type TestDocker } from './testing/docker.ts';
import { startTestNode, type TestNode } from './testing/node.ts';
import { aContainer } from './testing/pods.ts';

jest.setTimeout(120_000);
const withDocker = noDocker === undefined ? describe : describe.skip;

const isReady = (pod: Pod): boolean => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
const container = (pod: Pod | undefined, name: string) =>
  [...(pod?.status?.containerStatuses ?? []), ...(pod?.status?.initContainerStatuses ?? [])].find(each => each.name === name);
const sh = (script: string) => ['sh', '-c', script];
/** Ends at once when asked to: a shell as first process would not hear the signal. */
const waiting = sh('trap "exit 0" TERM; while :; do sleep 0.1; done');

withDocker('pods on a real engine', () => {
  let docker: TestDocker;
  let node: TestNode;
  beforeAll(async () => {
    docker = await startTestDocker();
    node = await startTestNode(docker);
  });
  afterAll(async () => {
    await node?.close();
    await docker?.stop();
  });

  const agentOptions = () => ({
    host: '127.0.0.1',
    port: node.port(),
    ca: readFileSync(node.files.ca),
    cert: readFileSync(node.files.clientCert),
    key: readFileSync(node.files.clientKey),
  });
  const get = (path: string): Promise<{ code: number; text: string }> =>
    new Promise((resolve, reject) => {
      https
        .get({ ...agentOptions(), path, agent: false }, response => {
          let text = '';
          response.on('data', chunk => {
            text += String(chunk);
          });
          response.on('end', () => resolve({ code: response.statusCode ?? 0, text }));
        })
        .on('error', reject);
    });
  const exec = (
    pod: string,
    command: string[],
    stdin?: string,
  ): Promise<{ stdout: string; stderr: string; status: Record<string, unknown> }> =>
    new Promise((resolve, reject) => {
      const query = new URLSearchParams({ output: '1', error: '1', ...(stdin === undefined ? {} : { input: '1' }) });
      for (const word of command) query.append('command', word);
      const { host, port, ...tls } = agentOptions();
      const socket = new WebSocket(`wss://${host}:${port}/exec/default/${pod}/main?${query}`, 'v5.channel.k8s.io', tls);
      const said = ['', '', '', ''];
      socket.on('open', () => {
        if (stdin === undefined) return;
        socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(stdin)]));
        socket.send(Buffer.from([255, 0]));
      });
      socket.on('message', (data: Buffer) => {
        said[data[0] ?? 0] += data.subarray(1).toString();
      });
      socket.on('close', () => resolve({ stdout: said[1] ?? '', stderr: said[2] ?? '', status: JSON.parse(said[3] || '{}') }));
      socket.on('error', reject);
    });

  test('a web server gets an address, its configuration and its variables, and goes without a trace', async () => {
    node.api.put('/api/v1/namespaces/default/configmaps/site', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'site', namespace: 'default' },
      data: { 'index.html': 'hello', colour: 'green' },
    });
    node.run('web', {
      containers: [
        aContainer('main', {
          command: sh('httpd -p 8080 -h /site; trap "exit 0" TERM; echo up $IP $MODE; while :; do sleep 0.1; done'),
          env: [
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'site', key: 'colour' } } },
            { name: 'MODE', value: '$(COLOUR)-$$x' },
          ],
          readinessProbe: { httpGet: { path: '/index.html', port: 8080 } },
          volumeMounts: [{ name: 'site', mountPath: '/site' }],
        }),
      ],
      volumes: [{ name: 'site', configMap: { name: 'site' } }],
    });
    const pod = await node.until('web', isReady);
    const ip = pod.status?.podIP;
    expect(ip).toMatch(/^10\.213\.7\./);
    expect(await (await fetch(`http://${ip}:8080/`)).text()).toBe('hello');
    expect((await get('/containerLogs/default/web/main')).text).toBe(`up ${ip} green-$x\n`);
    expect((await get('/containerLogs/default/web/main?timestamps=true')).text).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z up /);
    expect((await get('/containerLogs/default/web/other')).code).toBe(400);
    expect((await get('/containerLogs/default/nothing/main')).code).toBe(404);
    expect(container(pod, 'main')).toMatchObject({ ready: true, started: true, restartCount: 0, image: 'busybox:test' });
    expect(node.events('web')).toEqual([
      'Normal Pulled: Container image "busybox:test" already present on machine and can be accessed by the pod',
      'Normal Created: Container created',
      'Normal Started: Container started',
    ]);

    expect(await exec('web', sh('cat; echo no >&2; exit 3'), 'typed')).toMatchObject({
      stdout: 'typed',
      stderr: 'no\n',
      status: { reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: '3' }] } },
    });
    expect((await exec('web', ['hostname'])).stdout).toBe('web\n');
    expect((await exec('web', ['cat', '/etc/hosts'])).stdout).toContain(`${ip}\tweb\n`);

    await node.remove('web', 5);
    expect(await docker.engine.states('io.kubernetes.pod.name=web')).toEqual([]);
    expect(execFileSync('ip', ['route', 'show', `${ip}`]).toString()).toBe('');
  });

  test('init containers run in order, then a sidecar beside the others; the pod ends when its work does', async () => {
    node.run('job', {
      restartPolicy: 'Never',
      initContainers: [
        aContainer('first', { command: sh('echo first >> /work/log'), volumeMounts: [{ name: 'work', mountPath: '/work' }] }),
        aContainer('side', { restartPolicy: 'Always', command: waiting }),
        aContainer('second', { command: sh('echo second >> /work/log'), volumeMounts: [{ name: 'work', mountPath: '/work' }] }),
      ],
      containers: [
        aContainer('main', {
          command: sh('cat /work/log; echo done > /dev/termination-log; exit 4'),
          volumeMounts: [{ name: 'work', mountPath: '/work' }],
        }),
      ],
      volumes: [{ name: 'work', emptyDir: {} }],
    });
    const pod = await node.until(
      'job',
      ({ status }) => status?.phase === 'Failed' && container({ status } as Pod, 'side')?.state?.terminated !== undefined,
    );
    expect(container(pod, 'main')?.state?.terminated).toMatchObject({ exitCode: 4, reason: 'Error', message: 'done\n' });
    expect(container(pod, 'first')?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect((await get('/containerLogs/default/job/main')).text).toBe('first\nsecond\n');
  });

  test('a container that fails restarts after a wait that is told', async () => {
    node.run('crash', { containers: [aContainer('main', { command: sh('echo life; exit 7') })] });
    const pod = await node.until('crash', each => container(each, 'main')?.state?.waiting?.reason === 'CrashLoopBackOff');
    expect(container(pod, 'main')).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 7, reason: 'Error' } } });
    expect(container(pod, 'main')?.state?.waiting?.message).toMatch(
      /^back-off 10s restarting failed container=main pod=crash_default\(.*\)$/,
    );
    expect(pod.status?.phase).toBe('Running');
    expect((await get('/containerLogs/default/crash/main?previous=true')).text).toBe('life\n');
    await node.remove('crash', 1);
  });

  test('a container killed from outside is started again; one that fails its liveness probe too', async () => {
    node.run('alive', {
      containers: [
        aContainer('main', {
          command: sh('touch /tmp/ok; trap "exit 0" TERM; while :; do sleep 0.1; done'),
          livenessProbe: { exec: { command: ['cat', '/tmp/ok'] }, periodSeconds: 1, failureThreshold: 1 },
        }),
      ],
    });
    const first = await node.until('alive', isReady);
    await docker.engine.kill((container(first, 'main')?.containerID ?? '').replace('docker://', ''));
    const second = await node.until('alive', pod => isReady(pod) && container(pod, 'main')?.restartCount === 1);
    expect(container(second, 'main')?.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
    await exec('alive', ['rm', '/tmp/ok']);
    await node.until('alive', pod => container(pod, 'main')?.lastState?.terminated?.exitCode === 0);
    const events = node.events('alive');
    expect(events).toContain("Warning Unhealthy: Liveness probe failed: cat: can't open '/tmp/ok': No such file or directory\n");
    expect(events).toContain('Normal Killing: Container main failed liveness probe, will be restarted');
  });

  test('a restarted agent leaves running pods alone and goes on with them', async () => {
    node.run('stays', { containers: [aContainer('main', { command: waiting })] });
    const before = await node.until('stays', isReady);
    await node.restartAgent();
    await docker.engine.kill((container(before, 'main')?.containerID ?? '').replace('docker://', ''));
    const after = await node.until('stays', pod => isReady(pod) && container(pod, 'main')?.restartCount === 1);
    expect(after.status?.podIP).toBe(before.status?.podIP);
    expect(container(after, 'main')?.containerID).not.toBe(container(before, 'main')?.containerID);
  });

  test('what a container waits for is said, and it starts when it is there', async () => {
    node.run('needy', {
      containers: [aContainer('main', { command: waiting, env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'late', key: 'a' } } }] })],
    });
    const pod = await node.until('needy', each => container(each, 'main')?.state?.waiting?.reason === 'CreateContainerConfigError');
    expect(container(pod, 'main')?.state?.waiting?.message).toBe('secret "late" not found');
    expect(pod.status?.phase).toBe('Pending');
    node.run('image', {
      containers: [
        aContainer('main', { image: 'registry.invalid/none:1' }),
        aContainer('bad', { image: 'No Such Image' }),
        aContainer('never', { image: 'absent:1', imagePullPolicy: 'Never' }),
      ],
    });
    const broken = await node.until('image', each => container(each, 'main')?.state?.waiting?.reason === 'ImagePullBackOff');
    expect(container(broken, 'main')?.state?.waiting?.message).toMatch(
      /^Back-off pulling image "registry.invalid\/none:1": ErrImagePull: /,
    );
    expect(container(broken, 'bad')?.state?.waiting?.reason).toBe('InvalidImageName');
    expect(container(broken, 'never')?.state?.waiting?.reason).toBe('ErrImageNeverPull');
    node.api.put('/api/v1/namespaces/default/secrets/late', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'late', namespace: 'default' },
      data: { a: Buffer.from('x').toString('base64') },
    });
    await node.until('needy', isReady);
    expect((await exec('needy', sh('echo -n $A'))).stdout).toBe('x');
  });

  test('hooks run, limits hold, and a pod past its deadline fails', async () => {
    node.run('hooked', {
      activeDeadlineSeconds: 3,
      containers: [
        aContainer('main', {
          command: waiting,
          resources: { requests: { memory: '64Mi', cpu: '500m' }, limits: { memory: '64Mi', cpu: '500m' } },
          lifecycle: { postStart: { exec: { command: sh('echo begun > /tmp/hook') } } },
        }),
      ],
    });
    await node.until('hooked', isReady);
    expect((await exec('hooked', ['cat', '/tmp/hook'])).stdout).toBe('begun\n');
    const pod = await node.until('hooked', ({ status }) => status?.phase === 'Failed');
    expect(pod.status).toMatchObject({
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
      qosClass: 'Guaranteed',
    });
  });
});
