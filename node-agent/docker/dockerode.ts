import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { type Engine, type EngineContainer, EngineError, type EngineEvent } from './engine.ts';

const failed = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error;
  const { statusCode, json } = error as Error & { statusCode?: unknown; json?: unknown };
  if (typeof statusCode !== 'number') return error;
  // Of an answer that was to be a stream, dockerode keeps only its own sentence around Docker's.
  const said = /^\(HTTP code \d+\) .*? - (.*?)\s*$/s.exec(error.message)?.[1] ?? error.message;
  const message = typeof json === 'object' && json !== null && 'message' in json ? String(json.message) : said;
  return new EngineError(statusCode, message);
};
const ask = async <T>(question: Promise<T>): Promise<T> => {
  try {
    return await question;
  } catch (error) {
    throw failed(error);
  }
};
/** Answers undefined where Docker says one of `codes`. */
const unless = async <T>(question: Promise<T>, ...codes: number[]): Promise<T | undefined> => {
  try {
    return await ask(question);
  } catch (error) {
    if (error instanceof EngineError && codes.includes(error.code)) return undefined;
    throw error;
  }
};

const time = (text: string): number => {
  const ms = Date.parse(text);
  return Number.isFinite(ms) && ms > 0 ? ms : 0;
};

const container = (info: Docker.ContainerInspectInfo): EngineContainer => {
  const { State: state, Config: config, HostConfig: host } = info;
  const neverRan = state.Status === 'created';
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ''),
    labels: config.Labels,
    state: state.Running ? 'running' : neverRan ? 'created' : 'exited',
    createdAt: time(info.Created),
    startedAt: time(state.StartedAt),
    finishedAt: time(state.FinishedAt),
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    error: state.Error,
    pid: state.Pid,
    imageId: info.Image,
    tty: config.Tty,
    openStdin: config.OpenStdin,
    ipcShared: host.IpcMode === 'shareable',
  };
};

interface Progress {
  error?: string;
  errorDetail?: { message?: string };
}
/** Reads the lines of a pull or import to their end; such a request answers 200 and reports its failure in a line. */
const finish = async (stream: NodeJS.ReadableStream): Promise<void> => {
  let rest = '';
  for await (const chunk of stream) {
    rest += String(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      const progress = JSON.parse(line) as Progress;
      if (progress.error !== undefined) throw new EngineError(500, progress.errorDetail?.message ?? progress.error);
    }
  }
};

async function* parseEvents(stream: NodeJS.ReadableStream): AsyncGenerator<EngineEvent> {
  let rest = '';
  for await (const chunk of stream) {
    rest += String(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      const event = JSON.parse(line) as { Action: string; Actor: { ID: string; Attributes: Record<string, string> } };
      yield { action: event.Action, id: event.Actor.ID, labels: event.Actor.Attributes };
    }
  }
}

export const dockerEngine = (socketPath: string): Engine => {
  const docker = new Docker({ socketPath });
  const at = (id: string) => docker.getContainer(id);
  const inspect = async (id: string) => {
    const info = await unless(at(id).inspect(), 404);
    return info && container(info);
  };
  return {
    inspect,
    async list(label) {
      const rows = await ask(docker.listContainers({ all: true, filters: { label: [label] } }));
      const found = await Promise.all(rows.map(row => inspect(row.Id)));
      return found.filter(each => each !== undefined);
    },
    async states(label) {
      const rows = await ask(docker.listContainers({ all: true, filters: { label: [label] } }));
      return rows.map(({ Id: id, Labels: labels, State: state }) => ({
        id,
        labels,
        state: state === 'running' || state === 'paused' ? 'running' : state === 'created' ? 'created' : 'exited',
      }));
    },
    async create(name, options) {
      const made = await ask(docker.createContainer({ ...options, name }));
      return made.id;
    },
    async start(id) {
      await unless(at(id).start(), 304);
    },
    async stop(id, seconds, signal) {
      await unless(at(id).stop({ t: seconds, ...(signal ? { signal } : {}) }), 304, 404);
    },
    async kill(id) {
      await unless(at(id).kill({ signal: 'SIGKILL' }), 404, 409);
    },
    async update(id, resources) {
      await ask(at(id).update(resources));
    },
    async remove(id) {
      // 409: another removal is under way.
      await unless(at(id).remove({ force: true, v: true }), 404, 409);
    },
    async resize(id, { width, height }) {
      await ask(at(id).resize({ w: width, h: height }));
    },
    async logs(id, { follow, stdout, stderr, timestamps, since, tail }) {
      const options = {
        stdout,
        stderr,
        timestamps,
        ...(since === undefined ? {} : { since }),
        ...(tail === undefined ? {} : { tail }),
      };
      if (follow)
        return (await ask(at(id).logs({ ...options, follow: true } as Docker.ContainerLogsOptions & { follow: true }))) as Readable;
      const whole = await ask(at(id).logs({ ...options, follow: false } as Docker.ContainerLogsOptions & { follow: false }));
      return Readable.from(whole.length === 0 ? [] : [whole]);
    },
    async attach(id, { stdin, stdout, stderr }) {
      return (await ask(at(id).attach({ stream: true, hijack: true, stdin, stdout, stderr }))) as unknown as import('node:stream').Duplex;
    },
    async exec(id, { command, stdin, stdout, stderr, tty }) {
      const exec = await ask(
        at(id).exec({ Cmd: command, AttachStdin: stdin, AttachStdout: stdout, AttachStderr: stderr && !tty, Tty: tty }),
      );
      const stream = await ask(exec.start({ hijack: true, stdin: true, Tty: tty }));
      return {
        stream,
        async resize({ width, height }) {
          await ask(exec.resize({ w: width, h: height }));
        },
        async exitCode() {
          const info = await ask(exec.inspect());
          return info.Running ? undefined : (info.ExitCode ?? undefined);
        },
      };
    },
    async image(name) {
      const info = await unless(docker.getImage(name).inspect(), 404);
      return info && { id: info.Id, digests: info.RepoDigests ?? [], user: info.Config?.User ?? '', sizeBytes: info.Size };
    },
    async pull(name, auth) {
      await finish(await ask(docker.pull(name, auth ? { authconfig: auth } : {})));
    },
    async importImage(archive, repository, tag, changes) {
      const stream = await ask(
        docker.importImage(Readable.from([archive]) as never, { repo: repository, tag, changes } as Record<string, unknown>),
      );
      await finish(stream as unknown as NodeJS.ReadableStream);
    },
    async images() {
      const rows = await ask(docker.listImages());
      return rows.map(row => ({ names: [...(row.RepoDigests ?? []), ...(row.RepoTags ?? [])], sizeBytes: row.Size }));
    },
    async events(label, signal) {
      const stream = await ask(docker.getEvents({ filters: { type: ['container'], label: [label] }, abortSignal: signal }));
      return parseEvents(stream);
    },
    async version() {
      const info = await ask(docker.version());
      return { version: info.Version, architecture: info.Arch };
    },
    async storageRoot() {
      const info = (await ask(docker.info())) as { DockerRootDir?: string };
      return info.DockerRootDir ?? '/var/lib/docker';
    },
  };
};
