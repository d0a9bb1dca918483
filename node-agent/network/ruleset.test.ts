import { describe, expect, test } from '@jest/globals';
import { ruleset } from './ruleset.ts';
import { aService, aSlice } from './testing.ts';
import { transition } from './transaction.ts';

const node = { nodeName: 'n1', podCidr: '10.112.0.0/24' };
const web = aService('web', { clusterIP: '10.96.0.7', ports: [{ port: 80, protocol: 'TCP' }] });
const chain = 'service-default_web_tcp_80';

describe('ruleset', () => {
  test('chooses among ready endpoints at random', () => {
    const rules = ruleset(
      [web],
      [aSlice('web', 8080, [{ address: '10.112.0.5' }, { address: '10.112.0.6' }, { address: '10.112.0.7', ready: false }])],
      node,
    );
    expect(rules.addresses).toEqual(new Map([['10.96.0.7 . tcp . 80', chain]]));
    expect(rules.chains.get(chain)).toEqual([
      'meta l4proto tcp dnat to numgen random mod 2 map { 0 : 10.112.0.5 . 8080, 1 : 10.112.0.6 . 8080 }',
    ]);
    expect(rules.hairpins).toEqual(new Set(['10.112.0.5 . 10.112.0.5', '10.112.0.6 . 10.112.0.6']));
    expect(rules.refused.size).toBe(0);
  });

  test('sends to endpoints that still serve while they end, when no other is left', () => {
    const rules = ruleset([web], [aSlice('web', 8080, [{ address: '10.112.0.5', ready: false, ending: true }])], node);
    expect(rules.chains.get(chain)).toEqual(['meta l4proto tcp dnat to 10.112.0.5:8080']);
  });

  test('refuses connections to a Service without endpoints', () => {
    const rules = ruleset([web], [], node);
    expect(rules.refused).toEqual(new Set(['10.96.0.7 . tcp . 80']));
    expect(rules.addresses.size).toBe(0);
  });

  test('opens node ports, external addresses, and keeps headless and external-name Services out', () => {
    const port = aService('np', {
      type: 'NodePort',
      clusterIP: '10.96.0.8',
      externalIPs: ['192.0.2.9'],
      ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }],
    });
    const headless = aService('hl', { clusterIP: 'None', ports: [{ port: 80 }] });
    const external = aService('ex', { type: 'ExternalName', externalName: 'example.com' });
    const rules = ruleset([port, headless, external], [aSlice('np', 80, [{ address: '10.112.0.5' }])], node);
    expect([...rules.nodePorts.keys()]).toEqual(['tcp . 30080']);
    expect([...rules.addresses.keys()]).toEqual(['10.96.0.8 . tcp . 80', '192.0.2.9 . tcp . 80']);
  });

  test('a local traffic policy keeps to the endpoints of this node', () => {
    const local = aService('web', { clusterIP: '10.96.0.7', internalTrafficPolicy: 'Local', ports: [{ port: 80 }] });
    const slice = aSlice('web', 80, [
      { address: '10.112.0.5', nodeName: 'n1' },
      { address: '10.112.1.5', nodeName: 'n2' },
    ]);
    expect(ruleset([local], [slice], node).chains.get(chain)).toEqual(['meta l4proto tcp dnat to 10.112.0.5:80']);
  });

  test('ports of the node lead to their pod, at every address or at one', () => {
    const any = { hostPort: 8080, protocol: 'TCP', address: '10.112.0.5', port: 80 };
    const one = { hostIP: '192.0.2.9', hostPort: 53, protocol: 'UDP', address: '10.112.0.6', port: 5353 };
    const rules = ruleset([], [], { ...node, hostPorts: [any, one] });
    expect(rules.nodePorts).toEqual(new Map([['tcp . 8080', 'host-any-tcp-8080']]));
    expect(rules.addresses).toEqual(new Map([['192.0.2.9 . udp . 53', 'host-192.0.2.9-udp-53']]));
    expect(rules.chains.get('host-192.0.2.9-udp-53')).toEqual(['meta l4proto udp dnat to 10.112.0.6:5353']);
  });

  test('session affinity remembers the client an endpoint has', () => {
    const sticky = aService('web', {
      clusterIP: '10.96.0.7',
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
      ports: [{ port: 80 }],
    });
    const rules = ruleset([sticky], [aSlice('web', 80, [{ address: '10.112.0.5' }, { address: '10.112.0.6' }])], node);
    expect(rules.chains.get(chain)?.[0]).toBe(`ip saddr @${chain}-10-112-0-5-80 goto ${chain}-10-112-0-5-80`);
    expect([...rules.sets.values()][0]).toContain('timeout 60s');
  });
});

describe('transition', () => {
  const before = ruleset([web], [aSlice('web', 80, [{ address: '10.112.0.5' }])], node);

  test('is empty when nothing changed', () => {
    expect(transition('t', before, ruleset([web], [aSlice('web', 80, [{ address: '10.112.0.5' }])], node))).toBe('');
  });

  test('touches only the chain whose endpoints changed', () => {
    const after = ruleset([web], [aSlice('web', 80, [{ address: '10.112.0.6' }])], node);
    expect(transition('t', before, after).trim().split('\n')).toEqual([
      'delete element ip t hairpins { 10.112.0.5 . 10.112.0.5 }',
      `flush chain ip t ${chain}`,
      `add rule ip t ${chain} meta l4proto tcp dnat to 10.112.0.6:80`,
      'add element ip t hairpins { 10.112.0.6 . 10.112.0.6 }',
    ]);
  });

  test('takes a deleted Service away, its chain last', () => {
    const script = transition('t', before, ruleset([], [], node));
    expect(script).toContain('delete element ip t addresses { 10.96.0.7 . tcp . 80 : goto');
    expect(script.trim().endsWith(`delete chain ip t ${chain}`)).toBe(true);
  });
});
