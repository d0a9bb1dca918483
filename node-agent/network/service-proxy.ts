/**
 * Keeps the node's nftables table in step with Services and EndpointSlices. Changes that come together are one transaction; a failed one is made good
 * by replacing the whole table, and tried again until it holds.
 */
import type { Clock, Logger } from '../../kinds/environment.ts';
import type { EndpointSlice, Service } from '../../kinds/types.ts';
import { mustRun, type RunCommand } from './command.ts';
import { type HostPort, type Ruleset, type RulesetOptions, ruleset } from './ruleset.ts';
import { replacement, transition } from './transaction.ts';

export interface ServiceProxyOptions extends Omit<RulesetOptions, 'hostPorts'> {
  /** `windvane-NAME` */
  readonly table: string;
  readonly services: () => Iterable<Service>;
  readonly slices: () => Iterable<EndpointSlice>;
  readonly hostPorts: () => Iterable<HostPort>;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ServiceProxy {
  /** Something changed; returns at once. */
  changed(): void;
  /** Until all changes told so far are in the kernel. */
  settled(): Promise<void>;
  remove(): Promise<void>;
  close(): void;
}

export function createServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  const { table, run, clock, logger } = options;
  let loaded: Ruleset | undefined;
  let dirty = false;
  let working: Promise<void> | undefined;
  let failures = 0;
  let closed = false;
  let cancel = (): void => {};

  const apply = async (): Promise<void> => {
    const next = ruleset(options.services(), options.slices(), { ...options, hostPorts: options.hostPorts() });
    const script = loaded ? transition(table, loaded, next) : replacement(table, next);
    if (script !== '') await mustRun(run, 'nft', ['-f', '-'], script);
    const previous = loaded;
    loaded = next;
    if (previous) await forget(run, previous, next, logger);
  };

  const work = async (): Promise<void> => {
    while (dirty && !closed) {
      dirty = false;
      try {
        await apply();
        failures = 0;
      } catch (error) {
        loaded = undefined;
        failures++;
        logger.warn('service rules could not be loaded', { error: String(error), failures });
        if (failures > 1) {
          const wait = Math.min(30_000, 100 * 2 ** failures);
          cancel = clock.after(wait, () => api.changed());
          return;
        }
        dirty = true;
      }
    }
  };

  const api: ServiceProxy = {
    changed() {
      dirty = true;
      working ??= Promise.resolve()
        .then(work)
        .finally(() => {
          working = undefined;
          if (dirty && !closed && failures === 0) api.changed();
        });
    },
    async settled() {
      while (working !== undefined) await working;
    },
    async remove() {
      closed = true;
      await working;
      await removeServiceRules(run, table);
    },
    close() {
      closed = true;
      cancel();
    },
  };
  return api;
}

export async function removeServiceRules(run: RunCommand, table: string): Promise<void> {
  await mustRun(run, 'nft', ['-f', '-'], `add table ip ${table}\ndelete table ip ${table}\n`);
}

/** UDP clients keep sending from the same port, and connection tracking would keep sending them to an endpoint that is gone. */
async function forget(run: RunCommand, from: Ruleset, to: Ruleset, logger: Logger): Promise<void> {
  for (const [key, chain] of from.addresses) {
    const [ip = '', protocol, port = ''] = key.split(' . ');
    if (protocol !== 'udp') continue;
    const after = to.addresses.get(key);
    if (after === chain && from.chains.get(chain)?.join() === to.chains.get(chain)?.join()) continue;
    await drop(run, ['-p', 'udp', '--orig-dst', ip, '--orig-port-dst', port], logger);
  }
  // One that was refused until now may have been tracked as going nowhere.
  for (const key of from.refused) {
    const [ip = '', protocol, port = ''] = key.split(' . ');
    if (protocol === 'udp' && to.addresses.has(key)) await drop(run, ['-p', 'udp', '--orig-dst', ip, '--orig-port-dst', port], logger);
  }
}

async function drop(run: RunCommand, filter: readonly string[], logger: Logger): Promise<void> {
  const result = await run('conntrack', ['-D', ...filter]);
  // Exit code 1: there was none.
  if (result.code > 1) logger.warn('connection tracking keeps old entries', { error: result.stderr.trim() });
}
