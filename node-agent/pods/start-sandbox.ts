import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../docker/engine.ts';
import { hostsFile } from './hosts-file.ts';
import { hostInterface, sandboxName } from './labels.ts';
import type { NodeContext } from './node-context.ts';
import { type BoundPod, isHostNetwork, uidOf } from './pod.ts';
import { sandboxOptions } from './sandbox-options.ts';
import type { ContainerView } from './view.ts';

/** A sandbox that is being made. Containers may be created when its id is known, and started when it is ready. */
export interface SandboxStart {
  ip: string;
  id: Promise<string>;
  ready: Promise<void>;
}

/** The files that all containers of the pod share. */
const writeFiles = async ({ node, resolvConf }: NodeContext, pod: BoundPod, ip: string): Promise<void> => {
  const dir = join(node.podsDir, uidOf(pod));
  await mkdir(dir, { recursive: true, mode: 0o750 });
  const nodeFile = isHostNetwork(pod) ? await readFile('/etc/hosts', 'utf8') : '';
  await writeFile(join(dir, 'etc-hosts'), hostsFile(pod, ip, node.clusterDomain, nodeFile), { mode: 0o644 });
  await writeFile(join(dir, 'resolv.conf'), resolvConf(pod), { mode: 0o644 });
};

export const startSandbox = (
  context: NodeContext,
  pod: BoundPod,
  attempt: number,
  observe: (id: string) => Promise<ContainerView | undefined>,
): SandboxStart => {
  const { engine, network, node } = context;
  const ip = isHostNetwork(pod) ? node.hostIp : network.allocate(context.usedIps());
  const options = sandboxOptions({
    pod,
    attempt,
    node: node.label,
    image: node.sandboxImage,
    ip,
    clusterDomain: node.clusterDomain,
    lowestOomScore: node.limits.lowestOomScore,
  });
  const name = sandboxName(pod, attempt);
  const make = async () => {
    try {
      return await engine.create(name, options);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 409) throw error;
      // Docker was still making one for an agent that ended meanwhile.
      await engine.remove(name);
      return await engine.create(name, options);
    }
  };
  const create = async () => {
    const [id] = await Promise.all([make(), writeFiles(context, pod, ip)]);
    return id;
  };
  const id = create();
  const run = async () => {
    const sandbox = await id;
    await engine.start(sandbox);
    const info = await engine.inspect(sandbox);
    if (info?.state !== 'running') throw new Error(`the sandbox ended at once: ${info?.error ?? 'it is gone'}`);
    if (!isHostNetwork(pod)) await network.attach({ pid: info.pid, ip, hostInterface: hostInterface(uidOf(pod)) });
    await observe(sandbox);
    context.portsChanged();
  };
  const ready = run();
  // Whoever waits for them hears of a failure; if nobody does yet, it is no crash.
  id.catch(() => undefined);
  ready.catch(() => undefined);
  return { ip, id, ready };
};
