/** From one ruleset to the next as one nft script, which the kernel takes whole or not at all. */
import type { Ruleset } from './ruleset.ts';

/** Everything, in place of whatever the table held. */
export function replacement(table: string, next: Ruleset): string {
  const t = `ip ${table}`;
  const elements = (values: Iterable<string>): string => [...values].join(', ');
  const map = (entries: ReadonlyMap<string, string>): string => elements([...entries].map(([key, chain]) => `${key} : goto ${chain}`));
  const filled = (text: string): string => (text === '' ? '' : ` elements = { ${text} };`);
  return [
    `add table ${t}`,
    `delete table ${t}`,
    `table ${t} {`,
    ...[...next.sets].map(([name, declaration]) => `  set ${name} ${declaration}`),
    ...[...next.chains.keys()].map(name => `  chain ${name} { }`),
    `  map addresses { type ipv4_addr . inet_proto . inet_service : verdict;${filled(map(next.addresses))} }`,
    `  map node-ports { type inet_proto . inet_service : verdict;${filled(map(next.nodePorts))} }`,
    `  set refused { type ipv4_addr . inet_proto . inet_service;${filled(elements(next.refused))} }`,
    `  set hairpins { type ipv4_addr . ipv4_addr;${filled(elements(next.hairpins))} }`,
    '  chain services {',
    '    ip daddr . meta l4proto . th dport vmap @addresses',
    '    fib daddr type local meta l4proto . th dport vmap @node-ports',
    '  }',
    '  chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }',
    '  chain output { type nat hook output priority -100; policy accept; jump services; }',
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    '    ct status dnat ip saddr . ip daddr @hairpins masquerade',
    '    ct status dnat ip saddr 127.0.0.0/8 masquerade',
    `    ip saddr ${next.podCidr} ip daddr != ${next.podCidr} oifname != "wv*" oifname != "lo" masquerade`,
    '  }',
    '  chain refuse { ip daddr . meta l4proto . th dport @refused reject; }',
    '  chain forward { type filter hook forward priority -10; policy accept; jump refuse; }',
    '  chain local-output { type filter hook output priority -10; policy accept; jump refuse; }',
    // The host's loopback is for the host: a pod that sends there is dropped, unless it answers to a translated connection.
    '  chain loopback { type filter hook prerouting priority -300; policy accept; iifname "wv*" ip daddr 127.0.0.0/8 drop; }',
    '}',
    ...[...next.chains].flatMap(([name, rules]) => rules.map(rule => `add rule ${t} ${name} ${rule}`)),
    '',
  ].join('\n');
}

/** Only what differs; empty when nothing does. Sets of session affinity that stay keep their clients. */
export function transition(table: string, from: Ruleset, to: Ruleset): string {
  const t = `ip ${table}`;
  const script: string[] = [];
  const changed = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>) => ({
    gone: [...before].filter(([key, value]) => after.get(key) !== value),
    come: [...after].filter(([key, value]) => before.get(key) !== value),
  });
  const addresses = changed(from.addresses, to.addresses);
  const nodePorts = changed(from.nodePorts, to.nodePorts);
  const difference = (one: ReadonlySet<string>, other: ReadonlySet<string>): string[] => [...one].filter(value => !other.has(value));

  const remove = (name: string, values: readonly string[]) => {
    if (values.length > 0) script.push(`delete element ${t} ${name} { ${values.join(', ')} }`);
  };
  const add = (name: string, values: readonly string[]) => {
    if (values.length > 0) script.push(`add element ${t} ${name} { ${values.join(', ')} }`);
  };
  const entry = ([key, chain]: readonly [string, string]): string => `${key} : goto ${chain}`;

  for (const [name, declaration] of to.sets) if (from.sets.get(name) === undefined) script.push(`add set ${t} ${name} ${declaration}`);
  for (const name of to.chains.keys()) if (!from.chains.has(name)) script.push(`add chain ${t} ${name}`);
  remove('addresses', addresses.gone.map(entry));
  remove('node-ports', nodePorts.gone.map(entry));
  remove('refused', difference(from.refused, to.refused));
  remove('hairpins', difference(from.hairpins, to.hairpins));
  for (const [name, rules] of to.chains) {
    const before = from.chains.get(name);
    if (before && before.join('\n') === rules.join('\n')) continue;
    if (before) script.push(`flush chain ${t} ${name}`);
    for (const rule of rules) script.push(`add rule ${t} ${name} ${rule}`);
  }
  // Chains that jump to each other go only after all of them are empty.
  const goneChains = [...from.chains.keys()].filter(name => !to.chains.has(name));
  for (const name of goneChains) script.push(`flush chain ${t} ${name}`);
  add('addresses', addresses.come.map(entry));
  add('node-ports', nodePorts.come.map(entry));
  add('refused', difference(to.refused, from.refused));
  add('hairpins', difference(to.hairpins, from.hairpins));
  for (const name of goneChains) script.push(`delete chain ${t} ${name}`);
  for (const name of from.sets.keys()) if (!to.sets.has(name)) script.push(`delete set ${t} ${name}`);
  return script.length === 0 ? '' : `${script.join('\n')}\n`;
}
