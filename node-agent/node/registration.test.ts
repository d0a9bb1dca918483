import { describe, expect, test } from '@jest/globals';
import { alreadyExists } from '../../kinds/status.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { silent } from '../testing/silent.ts';
import type { Machine } from './machine.ts';
import { registerNode } from './registration.ts';
import { nodeStatus } from './status.ts';

const machine: Machine = {
  hostname: 'm',
  addresses: ['192.0.2.1'],
  cpus: 4,
  memoryBytes: 8 * 2 ** 30,
  storageBytes: 100 * 2 ** 30,
  freeStorageBytes: 50 * 2 ** 30,
  freeMemoryBytes: 4 * 2 ** 30,
  architecture: 'amd64',
  kernelVersion: '6.1',
  osImage: 'Debian',
  machineId: 'a',
  systemUuid: 'b',
  bootId: 'c',
  mayProtectProcesses: true,
};
const seen = { machine, addresses: ['192.0.2.1'], port: 10250, runtimeVersion: 'docker://20', images: [], notReady: undefined };
const input = { ...seen, nodeName: 'n1', labels: {}, previous: [], now: Date.parse('2026-01-01T00:00:00Z') };
const verdicts = (status: ReturnType<typeof nodeStatus>) =>
  Object.fromEntries((status.conditions ?? []).map(each => [each.type, each.status]));

describe('what a node says of itself', () => {
  test('its size, less what is kept for the machine', () => {
    const status = nodeStatus(input);
    expect(status.capacity).toMatchObject({ cpu: '4', memory: '8388608Ki', pods: '110' });
    expect(status.allocatable).toMatchObject({ cpu: '4', memory: '8286208Ki' });
    expect(status.addresses).toEqual([
      { type: 'InternalIP', address: '192.0.2.1' },
      { type: 'Hostname', address: 'n1' },
    ]);
    expect(verdicts(status)).toEqual({ Ready: 'True', MemoryPressure: 'False', DiskPressure: 'False', PIDPressure: 'False' });
  });
  test('what it lacks', () => {
    const poor = { ...machine, freeMemoryBytes: 0, freeStorageBytes: 0 };
    const status = nodeStatus({ ...input, machine: poor, notReady: 'container runtime is down' });
    expect(verdicts(status)).toEqual({ Ready: 'False', MemoryPressure: 'True', DiskPressure: 'True', PIDPressure: 'False' });
    expect(status.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      reason: 'KubeletNotReady',
      message: 'container runtime is down',
    });
  });
  test('a condition keeps its time while it stays', () => {
    const first = nodeStatus(input);
    const later = nodeStatus({ ...input, previous: first.conditions ?? [], now: input.now + 60_000 });
    expect(later.conditions?.[0]).toMatchObject({ lastTransitionTime: '2026-01-01T00:00:00Z', lastHeartbeatTime: '2026-01-01T00:01:00Z' });
  });
});

describe('registration', () => {
  const start = async (existing?: { podCIDR?: string; labels?: Record<string, string> }) => {
    const clock = fakeClock();
    const asked: string[] = [];
    let down = false;
    let ready = true;
    const note = (verb: string, path: string) => {
      if (down) throw new Error('ECONNREFUSED');
      asked.push(`${verb} ${path.split('/').slice(-3).join('/')}`);
    };
    const node = {
      metadata: { name: 'n1', uid: 'u', labels: existing?.labels ?? {} },
      spec: existing?.podCIDR ? { podCIDR: existing.podCIDR } : {},
    };
    const registration = await registerNode({
      client: {
        get: async <T>(path: string) => {
          note('get', path);
          return node as T;
        },
        create: async <T>(path: string, body: unknown) => {
          note('create', path);
          if (existing && path.endsWith('/nodes')) throw alreadyExists({ group: '', resource: 'nodes' }, 'n1');
          return body as T;
        },
        update: async <T>(path: string, body: unknown) => {
          note('update', path);
          return body as T;
        },
        patch: async <T>(path: string, body: unknown) => {
          note('patch', path);
          return { ...node, ...(body as object), metadata: node.metadata } as T;
        },
      },
      nodeName: 'n1',
      podCidr: '10.1.0.0/24',
      labels: { zone: 'a' },
      taints: [],
      look: async () => ({ ...seen, notReady: ready ? undefined : 'no' }),
      clock,
      logger: silent,
    });
    const count = (what: string) => asked.filter(each => each.startsWith(what)).length;
    return {
      clock,
      asked,
      registration,
      count,
      set: (next: { down?: boolean; ready?: boolean }) => {
        down = next.down ?? down;
        ready = next.ready ?? ready;
      },
    };
  };

  test('a new node is made with its pod range; a known one keeps its own', async () => {
    const fresh = await start();
    expect(fresh.asked.slice(0, 2)).toEqual(['create api/v1/nodes', 'patch nodes/n1/status']);
    expect(fresh.registration.podCidr).toBe('10.1.0.0/24');
    const known = await start({ podCIDR: '10.9.0.0/24' });
    expect(known.asked.slice(0, 3)).toEqual(['create api/v1/nodes', 'get v1/nodes/n1', 'patch v1/nodes/n1']);
    expect(known.registration.podCidr).toBe('10.9.0.0/24');
    fresh.registration.close();
    known.registration.close();
  });
  test('the Lease is renewed every 10 s, the status told every 5 min or when it changes', async () => {
    const { clock, count, registration, set } = await start();
    await clock.advance(60_000);
    expect(count('update kube-node-lease/leases/n1')).toBeGreaterThanOrEqual(5);
    expect(count('patch nodes/n1/status')).toBe(1);
    set({ ready: false });
    await clock.advance(10_000);
    expect(count('patch nodes/n1/status')).toBe(2);
    await clock.advance(300_000);
    expect(count('patch nodes/n1/status')).toBe(3);
    registration.close();
  });
  test('an API that comes back hears of the node soon', async () => {
    const { clock, count, registration, set } = await start();
    await clock.advance(10_000);
    const before = count('update kube-node-lease/leases/n1') + count('create namespaces/kube-node-lease');
    set({ down: true });
    await clock.advance(60_000);
    set({ down: false });
    await clock.advance(10_000);
    expect(count('update kube-node-lease/leases/n1') + count('create namespaces/kube-node-lease')).toBeGreaterThan(before);
    registration.close();
  });
});
