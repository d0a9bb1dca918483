import type { Clock } from '../../kinds/environment.ts';
import { type Engine, type EngineContainer, EngineError } from '../docker/engine.ts';

/** An engine in memory: containers do what the test says, and everything asked of it is noted in order. */
export interface FakeEngine extends Engine {
  log: string[];
  containers: Map<string, EngineContainer>;
  /** The container of that name in its pod ends by itself. */
  end(container: string, exitCode: number): Promise<void>;
  /** Called when a container is asked to stop; false: it does not listen, and is killed when its time is up. */
  listens(container: string): boolean;
  /** Pulls wait for this. */
  pulling: Promise<void>;
  onDie(listener: (id: string) => Promise<void>): void;
}

const nameOf = ({ labels }: Pick<EngineContainer, 'labels'>): string => labels['io.kubernetes.container.name'] ?? 'sandbox';

export const fakeEngine = (clock: Clock, present: string[]): FakeEngine => {
  const log: string[] = [];
  const containers = new Map<string, EngineContainer>();
  let serial = 0;
  let died: (id: string) => Promise<void> = async () => undefined;
  const at = (id: string): EngineContainer => {
    const found = containers.get(id);
    if (!found) throw new EngineError(404, `No such container: ${id}`);
    return found;
  };
  const die = async (id: string, exitCode: number) => {
    const found = at(id);
    if (found.state !== 'running') return;
    containers.set(id, { ...found, state: 'exited', exitCode, finishedAt: clock.now() });
    await died(id);
  };
  const unused = async (): Promise<never> => {
    throw new Error('not expected here');
  };
  const engine: FakeEngine = {
    log,
    containers,
    pulling: Promise.resolve(),
    listens: () => true,
    onDie(listener) {
      died = listener;
    },
    async end(container, exitCode) {
      const found = [...containers.values()].find(each => nameOf(each) === container && each.state === 'running');
      if (!found) throw new Error(`${container} does not run`);
      await die(found.id, exitCode);
    },
    list: async () => [...containers.values()],
    states: async () => [...containers.values()],
    inspect: async id => containers.get(id),
    async create(name, options) {
      const id = `id-${++serial}`;
      const labels = options.Labels ?? {};
      log.push(`create ${nameOf({ labels })}`);
      const plain = {
        exitCode: 0,
        oomKilled: false,
        error: '',
        pid: serial,
        imageId: options.Image ?? '',
        tty: false,
        openStdin: false,
        ipcShared: true,
      };
      containers.set(id, { id, name, labels, state: 'created', createdAt: clock.now(), startedAt: 0, finishedAt: 0, ...plain });
      return id;
    },
    async start(id) {
      log.push(`start ${nameOf(at(id))}`);
      containers.set(id, { ...at(id), state: 'running', startedAt: clock.now() });
    },
    async stop(id, seconds) {
      const name = nameOf(at(id));
      log.push(`stop ${name} ${seconds}`);
      if (!engine.listens(name)) await new Promise<void>(resolve => clock.after(seconds * 1000, resolve));
      await die(id, engine.listens(name) ? 0 : 137);
    },
    async kill(id) {
      log.push(`kill ${nameOf(at(id))}`);
      await die(id, 137);
    },
    async update(id, resources) {
      log.push(`update ${nameOf(at(id))} ${JSON.stringify(resources)}`);
    },
    async remove(id) {
      if (containers.has(id)) log.push(`remove ${nameOf(at(id))}`);
      containers.delete(id);
    },
    async image(name) {
      return present.includes(name) ? { id: `sha256:${name}`, digests: [], user: '', sizeBytes: 1 } : undefined;
    },
    async pull(name) {
      log.push(`pull ${name}`);
      await engine.pulling;
      present.push(name);
    },
    resize: unused,
    logs: unused,
    attach: unused,
    exec: unused,
    importImage: unused,
    images: async () => [],
    events: unused,
    version: async () => ({ version: '1', architecture: 'amd64' }),
    storageRoot: async () => '/',
  };
  return engine;
};
