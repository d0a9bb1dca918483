/** Pods of every sort on a real node: what goes into them, how they begin, fail and end, and what is said of it. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Any, aCluster, docker, eventually, root, run } from './cluster.ts';

jest.setTimeout(90_000);
const cluster = aCluster('pods');
const { kubectl, json, tryKubectl } = cluster;

const image = 'busybox:1.37';
const apply = async (...objects: unknown[]): Promise<void> => {
  const output = await tryKubectl(['apply', '-f', '-'], { input: objects.map(one => JSON.stringify(one)).join('\n') });
  if (output.code !== 0) throw new Error(output.stderr);
};
const container = (script: string, more: object = {}) => ({ name: 'main', image, command: ['sh', '-c', script], ...more });
const pod = (name: string, spec: object, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...more },
  spec: { terminationGracePeriodSeconds: 1, ...spec },
});
const configMap = (name: string, data: Record<string, string>) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
const statusOf = async (name: string): Promise<Any> => (await json<Any>('get', 'pod', name)).status;
const phaseIs = (name: string, phase: string): Promise<Any> =>
  eventually(`${name} is ${phase}`, async () => {
    const status = await statusOf(name);
    return status.phase === phase && status;
  });
const waitsFor = (name: string, reason: string): Promise<Any> =>
  eventually(`${name} waits: ${reason}`, async () => (await statusOf(name)).containerStatuses?.[0]?.state?.waiting?.reason === reason);
const runs = (name: string) => kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=30s');
const forever = 'trap "exit 0" TERM; while true; do sleep 0.1; done';

beforeAll(async () => {
  const up = await cluster.windvane('up');
  if (up.code !== 0) throw new Error(up.stderr);
  const images = await run(process.execPath, [join(root, 'dist', 'images.js')]);
  if (images.code !== 0) throw new Error(images.stderr);
  await apply(configMap('settings', { a: 'one', b: 'two' }), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys' },
    stringData: { key: '$ecret' },
  });
});
afterAll(() => cluster.purge());

describe('what a container finds', () => {
  const volumeMounts = ['config', 'secret', 'words', 'all', 'shared'].map(name => ({ name, mountPath: `/${name}` }));
  const field = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });
  beforeAll(async () => {
    await apply(
      pod(
        'full',
        {
          hostAliases: [{ ip: '192.0.2.1', hostnames: ['alias'] }],
          initContainers: [
            { ...container('echo first >> /shared/order', { volumeMounts }), name: 'one' },
            { ...container('echo second >> /shared/order', { volumeMounts }), name: 'two' },
            { ...container(`echo side >> /shared/order; ${forever}`, { volumeMounts }), name: 'side', restartPolicy: 'Always' },
          ],
          containers: [
            container(`echo main >> /shared/order; httpd -p 8080 -h /shared; ${forever}`, {
              env: [
                { name: 'WORD', value: 'w' },
                { name: 'WORDS', value: '$(WORD)-$(NONE)-$$(WORD)' },
                { name: 'IP', ...field('status.podIP') },
                { name: 'LABEL', ...field("metadata.labels['app']") },
                { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
                { name: 'KEY', valueFrom: { secretKeyRef: { name: 'keys', key: 'key' } } },
              ],
              envFrom: [{ prefix: 'SET_', configMapRef: { name: 'settings' } }],
              resources: { limits: { cpu: '250m', memory: '32Mi' } },
              volumeMounts: [...volumeMounts, { name: 'config', mountPath: '/only-a', subPath: 'a' }],
            }),
            { ...container(forever, { volumeMounts: [{ name: 'shared', mountPath: '/there', readOnly: true }] }), name: 'other' },
          ],
          volumes: [
            { name: 'shared', emptyDir: {} },
            { name: 'config', configMap: { name: 'settings', defaultMode: 0o400 } },
            { name: 'secret', secret: { secretName: 'keys' } },
            { name: 'words', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
            {
              name: 'all',
              projected: {
                sources: [
                  { configMap: { name: 'settings', items: [{ key: 'b', path: 'deep/b' }] } },
                  { serviceAccountToken: { path: 'token', audience: 'someone' } },
                ],
              },
            },
          ],
        },
        { labels: { app: 'full' } },
      ),
    );
    await runs('full');
  });
  const inside = async (script: string, name = 'main') => (await kubectl('exec', 'full', '-c', name, '--', 'sh', '-c', script)).trim();

  test('its variables', async () => {
    const variables = Object.fromEntries((await inside('env')).split('\n').map(line => line.split(/=(.*)/s).slice(0, 2)));
    const { podIP } = await statusOf('full');
    expect(variables).toMatchObject({
      WORDS: 'w-$(NONE)-$(WORD)',
      IP: podIP,
      LABEL: 'full',
      CPU: '250',
      KEY: '$ecret',
      SET_a: 'one',
      SET_b: 'two',
    });
    expect(variables).toMatchObject({ KUBERNETES_SERVICE_PORT: '443', HOSTNAME: 'full' });
  });

  test('its volumes; those that only the node writes are read-only', async () => {
    expect(await inside('cat /config/a /secret/key /words/labels /all/deep/b /only-a')).toBe('one$ecretapp="full"twoone');
    expect(await inside('stat -L -c %a /config/a /secret/key')).toBe('400\n644');
    for (const path of ['/config/x', '/secret/x', '/words/x', '/all/x']) {
      expect(await inside(`touch ${path} 2>&1 || true`)).toMatch(/Read-only file system/);
    }
    expect(await inside('cut -d. -f2 /all/token | tr -d "\\n" | base64 -d 2>/dev/null || true')).toMatch(/"aud":\["someone"\]/);
  });

  test('init containers went before it in their order, and neighbours share localhost and files', async () => {
    expect(await inside('wget -qO- http://127.0.0.1:8080/order', 'other')).toBe('first\nsecond\nside\nmain');
    expect(await inside('touch /there/x 2>&1 || true', 'other')).toMatch(/Read-only file system/);
    expect(await inside('grep alias /etc/hosts')).toMatch(/^192\.0\.2\.1\s+alias$/);
  });

  test('changes of a ConfigMap and of labels arrive', async () => {
    await apply(configMap('settings', { a: 'changed', b: 'two' }));
    await kubectl('label', 'pod', 'full', 'more=yes');
    await eventually('both are there', async () =>
      /^changed\napp="full"\nmore="yes"/.test(await inside('cat /config/a; echo; cat /words/labels')),
    );
    // A path inside a volume stays what it was.
    expect(await inside('cat /only-a')).toBe('one');
  });

  test('a token that the API takes', async () => {
    const token = await inside('cat /var/run/secrets/kubernetes.io/serviceaccount/token');
    const [, claims = ''] = token.split('.');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      sub: 'system:serviceaccount:default:default',
      'kubernetes.io': { pod: { name: 'full' } },
    });
    const pid = await docker('inspect', '-f', '{{.State.Pid}}', String((await statusOf('full')).containerStatuses[0].containerID).slice(9));
    const address = (await json<Any>('get', 'service', 'kubernetes')).spec.clusterIP;
    const script = `const [address, token] = process.argv.slice(1);
      require('node:https').get({ host: address, path: '/api/v1/namespaces/default/pods', headers: { authorization: 'Bearer ' + token }, rejectUnauthorized: false }, response => {
        response.setEncoding('utf8').on('data', text => process.stdout.write(text));
      });`;
    const answer = await run('nsenter', ['--net', '--target', pid, process.execPath, '-e', script, address, token]);
    expect(answer.stdout).toContain('User \\"system:serviceaccount:default:default\\" cannot list resource \\"pods\\"');
  });
});

describe('how pods end', () => {
  test('phases, exit codes and last words', async () => {
    await apply(
      pod('good', { restartPolicy: 'Never', containers: [container('echo well > /dev/termination-log')] }),
      pod('bad', {
        restartPolicy: 'Never',
        containers: [container('echo why; exit 3', { terminationMessagePolicy: 'FallbackToLogsOnError' })],
      }),
      pod('again', {
        restartPolicy: 'OnFailure',
        containers: [container('test -f /e/x || { touch /e/x; exit 1; }', { volumeMounts: [{ name: 'e', mountPath: '/e' }] })],
        volumes: [{ name: 'e', emptyDir: {} }],
      }),
      pod('unready', { restartPolicy: 'Never', initContainers: [{ ...container('exit 4'), name: 'i' }], containers: [container(forever)] }),
      pod('greedy', { restartPolicy: 'Never', containers: [container('tail /dev/zero', { resources: { limits: { memory: '20Mi' } } })] }),
      pod('late', { activeDeadlineSeconds: 1, containers: [container(forever)] }),
    );
    const ended = async (name: string, phase: string) => (await phaseIs(name, phase)).containerStatuses[0].state.terminated;
    expect(await ended('good', 'Succeeded')).toMatchObject({ exitCode: 0, reason: 'Completed', message: 'well\n' });
    expect(await ended('bad', 'Failed')).toMatchObject({ exitCode: 3, reason: 'Error', message: 'why\n' });
    expect((await phaseIs('again', 'Succeeded')).containerStatuses[0].restartCount).toBe(1);
    expect((await phaseIs('unready', 'Failed')).initContainerStatuses[0].state.terminated.exitCode).toBe(4);
    expect(await ended('greedy', 'Failed')).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    expect(await phaseIs('late', 'Failed')).toMatchObject({ reason: 'DeadlineExceeded' });
    // Nothing of a pod that ended looks as if it were still to come, however early it ended.
    await eventually('its container has ended', async () => (await statusOf('late')).containerStatuses[0].state.terminated !== undefined);
  });

  test('what cannot start says why, and starts when the reason is gone', async () => {
    const waits = { containers: [container(forever, { envFrom: [{ configMapRef: { name: 'later' } }] })] };
    await apply(
      pod('missing', waits),
      pod('rootless', { containers: [container(forever, { securityContext: { runAsNonRoot: true } })] }),
      pod('nopull', { containers: [{ name: 'main', image: 'none:1', imagePullPolicy: 'Never' }] }),
      pod('noname', { containers: [{ name: 'main', image: 'NOT/A:::NAME' }] }),
      pod('crashes', { containers: [container('echo last life; exit 1')] }),
      pod('choosy', { nodeSelector: { disk: 'fast' }, containers: [container(forever)] }),
    );
    await waitsFor('missing', 'CreateContainerConfigError');
    await waitsFor('rootless', 'CreateContainerConfigError');
    await waitsFor('nopull', 'ErrImageNeverPull');
    await waitsFor('noname', 'InvalidImageName');
    await waitsFor('crashes', 'CrashLoopBackOff');
    expect((await tryKubectl(['logs', 'nopull'])).stderr).toBe(
      'Error from server (BadRequest): container "main" in pod "nopull" is waiting to start: ErrImageNeverPull\n',
    );
    expect(await kubectl('logs', 'crashes', '--previous')).toBe('last life\n');
    await apply(configMap('later', { a: 'b' }));
    await kubectl('label', 'node', 'pods-1', 'disk=fast');
    await runs('missing');
    await runs('choosy');
  });

  test('hooks and the grace period', async () => {
    const lifecycle = {
      postStart: { exec: { command: ['sh', '-c', 'echo post >> /h/log'] } },
      preStop: { exec: { command: ['sh', '-c', 'echo pre >> /h/log'] } },
    };
    const volumes = [{ name: 'h', hostPath: { path: join(cluster.home, 'hooks'), type: 'DirectoryOrCreate' } }];
    const volumeMounts = [{ name: 'h', mountPath: '/h' }];
    await apply(
      pod('polite', {
        terminationGracePeriodSeconds: 20,
        containers: [container(`trap "echo term >> /h/log; exit 0" TERM; while true; do sleep 0.1; done`, { lifecycle, volumeMounts })],
        volumes,
      }),
      pod('deaf', { terminationGracePeriodSeconds: 3, containers: [container('trap "" TERM; while true; do sleep 0.1; done')] }),
    );
    await runs('polite');
    await runs('deaf');
    const began = Date.now();
    await kubectl('delete', 'pod', 'polite');
    expect(Date.now() - began).toBeLessThan(15_000);
    expect((await run('cat', [join(cluster.home, 'hooks', 'log')])).stdout).toBe('post\npre\nterm\n');
    await kubectl('delete', 'pod', 'deaf', '--timeout=20s');
  });
});

test('new limits reach a container without a restart', async () => {
  await apply(pod('sized', { containers: [container(forever, { resources: { limits: { cpu: '100m', memory: '20Mi' } } })] }));
  await runs('sized');
  const more = { cpu: '300m', memory: '30Mi' };
  const limits = { containers: [{ name: 'main', resources: { requests: more, limits: more } }] };
  await kubectl('patch', 'pod', 'sized', '--subresource=resize', '-p', JSON.stringify({ spec: limits }));
  const id = String((await statusOf('sized')).containerStatuses[0].containerID).slice('docker://'.length);
  await eventually('Docker has them', async () => {
    const now = await docker('inspect', '-f', '{{.HostConfig.CpuQuota}} {{.HostConfig.Memory}}', id);
    return now === '30000 31457280';
  });
  expect((await statusOf('sized')).containerStatuses[0].restartCount).toBe(0);
});

describe('probes', () => {
  test('readiness takes a pod out of its Service and back; liveness restarts a container', async () => {
    const probe = { periodSeconds: 1, failureThreshold: 1 };
    await apply(
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'served' },
        spec: { selector: { app: 'served' }, ports: [{ port: 80, targetPort: 'web' }] },
      },
      pod(
        'served',
        {
          containers: [
            container('mkdir /w; touch /w/ok /alive; httpd -f -p 8080 -h /w', {
              ports: [{ name: 'web', containerPort: 8080, hostPort: 18_462 }],
              startupProbe: { tcpSocket: { port: 'web' }, ...probe, failureThreshold: 30 },
              readinessProbe: { httpGet: { path: '/ok', port: 'web' }, ...probe },
              livenessProbe: { exec: { command: ['cat', '/alive'] }, ...probe },
            }),
          ],
        },
        { labels: { app: 'served' } },
      ),
    );
    await runs('served');
    const ready = async () =>
      (await json('get', 'endpointslices', '-l', 'kubernetes.io/service-name=served')).items[0].endpoints[0].conditions.ready;
    const isReady = (value: boolean) => eventually(`ready: ${value}`, async () => (await ready()) === value);
    await isReady(true);
    const onNode = () => fetch('http://127.0.0.1:18462/ok').then(response => response.status);
    expect(await eventually('its port of the node answers', onNode)).toBe(200);
    await kubectl('exec', 'served', '--', 'rm', '/w/ok');
    await isReady(false);
    await kubectl('exec', 'served', '--', 'touch', '/w/ok');
    await isReady(true);
    await kubectl('exec', 'served', '--', 'rm', '/alive');
    await eventually('it is restarted', async () => (await statusOf('served')).containerStatuses[0].restartCount >= 1);
    expect(await kubectl('get', 'events', '--field-selector=involvedObject.name=served')).toMatch(
      /Container main failed liveness probe, will be restarted/,
    );
    await kubectl('delete', 'pod', 'served');
    await eventually('the port of the node is closed', () =>
      onNode().then(
        () => false,
        () => true,
      ),
    );
  });
});

test('nothing is left of pods that are deleted', async () => {
  await kubectl('delete', 'pods', '--all', '--timeout=60s');
  expect(await docker('ps', '-aq', '--filter', 'label=dev.windvane.node=pods/pods-1')).toBe('');
  expect((await run('nft', ['list', 'table', 'ip', 'windvane-pods'])).stdout).not.toMatch(/18462/);
});
