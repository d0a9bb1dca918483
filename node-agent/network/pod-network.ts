/**
 * The pod network of one node. Each pod has a veth pair: one end is `eth0` in the pod, the other stays on the host with a route to just that pod.
 * No bridge: every packet between pods is routed, so it passes the Service rules and connection tracking in both directions.
 * The node itself answers at the first address of its range, which is the pods' gateway.
 */
import type { Logger } from '../../kinds/environment.ts';
import type { PodNetwork } from '../pod-network-port.ts';
import { formatAddress, parseRange } from './cidr.ts';
import { CommandError, mustRun, type RunCommand } from './command.ts';

export interface PodNetworkOptions {
  /** The node's range: `10.112.0.0/24`. */
  readonly podCidr: string;
  readonly run: RunCommand;
  readonly writeSetting: (path: string, value: string) => Promise<void>;
  readonly logger: Logger;
}

export interface NodeNetwork extends PodNetwork {
  /** The node's own address among its pods. */
  readonly gateway: string;
  /** Makes the host ready to route for pods. Idempotent. `addresses` are further ones that the host shall answer at (cluster DNS). */
  prepare(addresses: readonly string[]): Promise<void>;
  /** Takes away all that `prepare` and `attach` made. */
  remove(addresses: readonly string[]): Promise<void>;
}

export const gatewayOf = (podCidr: string): string => formatAddress(parseRange(podCidr).first + 1);

/** All interfaces of pods on the host begin with this. */
const interfacePrefix = 'wv';

export function createPodNetwork({ podCidr, run, writeSetting, logger }: PodNetworkOptions): NodeNetwork {
  const range = parseRange(podCidr);
  const gateway = gatewayOf(podCidr);
  let last = range.first + 1;
  const ip = (...args: string[]) => mustRun(run, 'ip', args);

  const detach = async (hostInterface: string): Promise<void> => {
    const result = await run('ip', ['link', 'delete', hostInterface]);
    if (result.code !== 0 && !isGone(result.stderr)) throw new CommandError('ip', ['link', 'delete', hostInterface], result);
  };

  /** Interfaces that hold a route into this node's range, by their pod's address. */
  const attached = async (): Promise<Map<string, string>> => {
    const routes = JSON.parse((await ip('-j', '-4', 'route', 'show', 'scope', 'link')) || '[]') as { dst: string; dev: string }[];
    return new Map(
      routes
        .filter(({ dst, dev }) => dev.startsWith(interfacePrefix) && !dst.includes('/') && inRange(range, dst))
        .map(({ dst, dev }) => [dst, dev] as const),
    );
  };

  return {
    gateway,

    async prepare(addresses) {
      await writeSetting('/proc/sys/net/ipv4/ip_forward', '1');
      for (const address of [gateway, ...addresses]) await ip('address', 'replace', `${address}/32`, 'dev', 'lo');
      await letForward(run, logger);
    },

    async remove(addresses) {
      for (const dev of (await attached()).values()) await detach(dev);
      for (const address of [gateway, ...addresses]) {
        const result = await run('ip', ['address', 'delete', `${address}/32`, 'dev', 'lo']);
        if (result.code !== 0 && !/Cannot assign requested address/.test(result.stderr))
          logger.warn('address stays', { address, error: result.stderr.trim() });
      }
    },

    // Round robin: an address that has just been freed is the last to be given again, for clients may still send to it.
    allocate(used) {
      for (let step = 0; step < range.size; step++) {
        last++;
        if (last >= range.first + range.size - 1) last = range.first + 2;
        const address = formatAddress(last);
        if (!used.has(address)) return address;
      }
      throw new Error(`no free address is left in ${podCidr}`);
    },

    async attach({ pid, ip: address, hostInterface }) {
      // The whole pair in one batch on either side. An interface left by an earlier attempt goes first, with whatever it was tied to.
      await detach(hostInterface);
      const peer = `${hostInterface.slice(0, 13)}p`;
      await mustRun(
        run,
        'ip',
        ['-batch', '-'],
        [
          `link add ${hostInterface} type veth peer name ${peer}`,
          `link set ${peer} netns ${pid} name eth0`,
          `link set ${hostInterface} up`,
          `route replace ${address}/32 dev ${hostInterface} scope link`,
        ].join('\n'),
      );
      // Answers to local clients of a node port come back to 127.0.0.1; a rule of the Service table keeps everybody else away from it.
      await writeSetting(`/proc/sys/net/ipv4/conf/${hostInterface}/route_localnet`, '1');
      await mustRun(
        run,
        'nsenter',
        ['--net', '--target', String(pid), 'ip', '-batch', '-'],
        [
          'link set lo up',
          `address add ${address}/32 dev eth0`,
          'link set eth0 up',
          `route add ${gateway} dev eth0 scope link`,
          `route add default via ${gateway} dev eth0`,
        ].join('\n'),
      );
    },

    detach,

    async reconcile(known) {
      const keep = new Set(known.map(one => one.hostInterface));
      for (const dev of (await attached()).values()) if (!keep.has(dev)) await detach(dev);
      // Go on behind the newest address, so that a restarted agent does not give a freed one at once.
      for (const one of known) last = Math.max(last, numberIn(range, one.ip));
    },
  };
}

const isGone = (text: string): boolean => /Cannot find device|does not exist|No such device/.test(text);

function numberIn(range: { first: number; size: number }, address: string): number {
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return value >= range.first && value < range.first + range.size ? value : range.first + 1;
}
const inRange = (range: { first: number; size: number }, address: string): boolean => numberIn(range, address) > range.first + 1;

/**
 * The Docker Engine makes the host drop what it forwards unless its own rules allow it, and an `accept` elsewhere does not change that: the pods'
 * interfaces are let through in the chain Docker keeps for its users.
 */
async function letForward(run: RunCommand, logger: Logger): Promise<void> {
  for (const chain of ['DOCKER-USER', 'FORWARD']) {
    let done = true;
    for (const direction of ['-i', '-o']) {
      const rule = [chain, direction, `${interfacePrefix}+`, '-j', 'ACCEPT'];
      try {
        if ((await run('iptables', ['-w', '-C', ...rule])).code === 0) continue;
        done = (await run('iptables', ['-w', '-I', ...rule])).code === 0 && done;
      } catch (error) {
        // No iptables on this machine: then Docker has set no such policy with it either.
        logger.debug('iptables is not there', { error: String(error) });
        return;
      }
    }
    if (done) return;
  }
  logger.warn('forwarding between pods could not be allowed');
}
