/** The real thing: network namespaces, veth pairs, nftables. Everything happens inside a namespace of its own, so nothing of the machine is touched. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EndpointSlice, Service } from '../../kinds/types.ts';
import { type RunCommand, runSystemCommand } from './command.ts';
import { createPodNetwork } from './pod-network.ts';
import { ruleset } from './ruleset.ts';
import { aService, aSlice, silent } from './testing.ts';
import { replacement, transition } from './transaction.ts';

const children: ChildProcess[] = [];
async function aNamespace(command: readonly string[] = ['sleep', '120']): Promise<number> {
  const child = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec "$@"', 'sh', ...command], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

const inside =
  (pid: number): RunCommand =>
  (command, args, input) =>
    runSystemCommand('nsenter', ['--net', '--target', String(pid), command, ...args], input);

describe('a node with two pods', () => {
  let host: RunCommand;
  let pods: { pid: number; ip: string; run: RunCommand }[];
  const network = (run: RunCommand) =>
    createPodNetwork({
      podCidr: '10.200.7.0/24',
      run,
      writeSetting: async (path, value) => void (await run('sh', ['-c', `echo ${value} > ${path}`])),
      logger: silent,
    });

  beforeAll(async () => {
    host = inside(await aNamespace());
    await host('ip', ['link', 'set', 'lo', 'up']);
    const net = network(host);
    await net.prepare(['10.201.0.10']);
    pods = [];
    for (const name of ['wva', 'wvb']) {
      const pid = await aNamespace();
      const ip = net.allocate(new Set(pods.map(pod => pod.ip)));
      await net.attach({ pid, ip, hostInterface: name });
      pods.push({ pid, ip, run: inside(pid) });
    }
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  const listen = async (pod: { pid: number }, port: number, text: string): Promise<void> => {
    const script = `require('net').createServer(s => s.end('${text} ' + s.remoteAddress)).listen(${port}, '0.0.0.0', () => console.log('up'))`;
    const child = spawn('nsenter', ['--net', '--target', String(pod.pid), process.execPath, '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(child);
    await once(child.stdout, 'data');
  };
  const dial = async (run: RunCommand, address: string, port: number): Promise<string> => {
    const script = `const s = require('net').connect({ host: '${address}', port: ${port}, timeout: 3000 }, () => {}); s.on('data', d => process.stdout.write(d)); s.on('timeout', () => { console.log('timeout'); process.exit() }); s.on('error', e => console.log(e.code))`;
    return (await run(process.execPath, ['-e', script])).stdout.trim();
  };

  test('addresses are given in turn, the freed one last', () => {
    const net = network(host);
    const first = net.allocate(new Set());
    expect(first).toBe('10.200.7.2');
    expect(net.allocate(new Set())).toBe('10.200.7.3');
    expect(net.gateway).toBe('10.200.7.1');
  });

  test('pods reach each other, the node and the DNS address, and nobody hides behind another address', async () => {
    const [a, b] = pods;
    if (!a || !b) throw new Error('two pods are needed');
    await listen(b, 8080, 'b');
    expect(await dial(a.run, b.ip, 8080)).toBe(`b ${a.ip}`);
    for (const address of ['10.200.7.1', '10.201.0.10'])
      expect((await a.run('ping', ['-c', '1', '-W', '2', address])).code === 0 || (await dial(a.run, address, 1)) === 'ECONNREFUSED').toBe(
        true,
      );
  });

  test('a Service address reaches its endpoints from a pod, from the node, from itself, and refuses when there are none', async () => {
    const [a, b] = pods;
    if (!a || !b) throw new Error('two pods are needed');
    await listen(a, 8080, 'a');
    const service: Service = aService('web', {
      type: 'NodePort',
      clusterIP: '10.201.0.7',
      ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }],
    });
    const empty: Service = aService('none', { clusterIP: '10.201.0.8', ports: [{ port: 80, protocol: 'TCP' }] });
    const at = (addresses: string[]): EndpointSlice[] => [
      aSlice(
        'web',
        8080,
        addresses.map(address => ({ address })),
      ),
    ];
    const options = { nodeName: 'n', podCidr: '10.200.7.0/24' };
    await host('ip', ['route', 'add', '10.201.0.0/16', 'dev', 'lo']);
    const load = async (script: string) => expect(await host('nft', ['-f', '-'], script)).toMatchObject({ code: 0, stderr: '' });

    const onlyB = ruleset([service, empty], at([b.ip]), options);
    await load(replacement('test', onlyB));
    expect(await dial(a.run, '10.201.0.7', 80)).toBe(`b ${a.ip}`);
    expect(await dial(host, '10.201.0.7', 80)).toMatch(/^b /);
    expect(await dial(host, '127.0.0.1', 30080)).toMatch(/^b /);
    expect(await dial(b.run, '10.201.0.7', 80)).toMatch(/^b 10\.200\.7\.1$/);
    expect(await dial(a.run, '10.201.0.8', 80)).toBe('ECONNREFUSED');

    const both = ruleset([service], at([a.ip, b.ip]), options);
    await load(transition('test', onlyB, both));
    const seen = new Set<string>();
    for (let i = 0; i < 40 && seen.size < 2; i++) seen.add((await dial(a.run, '10.201.0.7', 80)).slice(0, 1));
    expect(seen).toEqual(new Set(['a', 'b']));

    const sticky: Service = { ...service, spec: { ...service.spec, sessionAffinity: 'ClientIP' } };
    const affine = ruleset([sticky], at([a.ip, b.ip]), options);
    await load(transition('test', both, affine));
    const who = new Set<string>();
    for (let i = 0; i < 12; i++) who.add(await dial(b.run, '10.201.0.7', 80));
    expect(who.size).toBe(1);
    await load(transition('test', affine, ruleset([], [], options)));
    expect((await host('nft', ['list', 'table', 'ip', 'test'])).stdout).not.toContain('service-');
  });

  test('a pod cannot reach what listens on the loopback of the node', async () => {
    const [a] = pods;
    if (!a) throw new Error('a pod is needed');
    await host('nft', ['-f', '-'], replacement('test', ruleset([], [], { nodeName: 'n', podCidr: '10.200.7.0/24' })));
    await a.run('ip', ['route', 'add', '127.0.0.2', 'via', '10.200.7.1']);
    expect(['timeout', 'EINVAL', 'ENETUNREACH', 'ECONNREFUSED']).toContain(await dial(a.run, '127.0.0.2', 1));
  });

  test('interfaces of unknown pods go, the others stay; detaching twice is fine', async () => {
    const [a, b] = pods;
    if (!a || !b) throw new Error('two pods are needed');
    const net = network(host);
    await net.reconcile([{ ip: a.ip, hostInterface: 'wva' }]);
    const links = (await host('ip', ['-o', 'link'])).stdout;
    expect(links).toContain('wva');
    expect(links).not.toContain('wvb');
    expect(net.allocate(new Set([a.ip]))).not.toBe(a.ip);
    await net.detach('wvb');
    await net.remove(['10.201.0.10']);
    expect((await host('ip', ['-o', 'address'])).stdout).not.toMatch(/10\.20[01]\./);
  });
});
