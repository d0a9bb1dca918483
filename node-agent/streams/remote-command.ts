import type { Duplex, Readable, Writable } from 'node:stream';
import { internalError, type Status } from '../../kinds/status.ts';
import type { TerminalSize } from '../docker/engine.ts';
import { createFrameReader } from '../docker/frames.ts';
import type { StreamContext } from './server.ts';

/** What a client of exec or attach asked for. */
export interface CommandRequest {
  kind: 'exec' | 'attach';
  containerId: string;
  /** The container's own terminal, which attach shares. */
  containerTty: boolean;
  command: string[];
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** The client's ends of its streams, whatever carries them. */
export interface CommandStreams {
  stdin: Readable | undefined;
  stdout: Writable | undefined;
  stderr: Writable | undefined;
  onResize(listener: (size: TerminalSize) => void): void;
}

const success: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };

/** The form in which clients look for an exit code (apimachinery's remotecommand constants). */
export const exitStatus = (code: number): Status =>
  code === 0
    ? success
    : {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: `command terminated with exit code ${code}`,
        reason: 'NonZeroExitCode',
        details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
      };

const flags = (query: URLSearchParams, name: string): boolean => ['1', 'true'].includes(query.get(name) ?? '');

export const commandRequest = (
  kind: 'exec' | 'attach',
  query: URLSearchParams,
  container: { id: string; tty: boolean },
): CommandRequest => ({
  kind,
  containerId: container.id,
  containerTty: container.tty,
  command: query.getAll('command'),
  // The node's own names, and those of the public API.
  stdin: flags(query, 'input') || flags(query, 'stdin'),
  stdout: flags(query, 'output') || flags(query, 'stdout'),
  stderr: flags(query, 'error') || flags(query, 'stderr'),
  tty: flags(query, 'tty'),
});

/** Writes with respect for the reader's pace; a reader that is gone is not an error of the command. */
const put = async (target: Writable | undefined, data: Buffer): Promise<void> => {
  if (!target || target.destroyed || target.writableEnded || data.length === 0) return;
  await new Promise<void>(resolve => {
    const done = () => {
      target.off('close', done);
      resolve();
    };
    target.on('close', done);
    target.write(data, done);
  });
};

const pump = async (source: Duplex, raw: boolean, { stdout, stderr }: CommandStreams): Promise<void> => {
  const read = createFrameReader();
  for await (const chunk of source) {
    if (raw) await put(stdout, chunk as Buffer);
    else for (const { stream, data } of read(chunk as Buffer)) await put(stream === 'stderr' ? stderr : stdout, data);
  }
};

/** Runs the command, or joins the container's own process, until it ends; answers what the client is to hear at the end. */
export const runRemoteCommand = async (
  { engine, clock, logger }: StreamContext,
  request: CommandRequest,
  streams: CommandStreams,
  signal: AbortSignal,
): Promise<Status> => {
  const { containerId, command, stdin, stdout, stderr } = request;
  const raw = request.kind === 'exec' ? request.tty : request.containerTty;
  let stream: Duplex | undefined;
  const stop = () => stream?.destroy();
  signal.addEventListener('abort', stop);
  try {
    const exec = request.kind === 'exec' ? await engine.exec(containerId, { command, stdin, stdout, stderr, tty: request.tty }) : undefined;
    stream = exec ? exec.stream : await engine.attach(containerId, { stdin, stdout, stderr: stderr && !raw });
    if (signal.aborted) return success;
    streams.onResize(size => {
      const resized = exec ? exec.resize(size) : engine.resize(containerId, size);
      // A terminal that is just being made, or is gone, has no size.
      resized.catch((error: unknown) => logger.debug('terminal not resized', { error: String(error) }));
    });
    if (streams.stdin) {
      streams.stdin.on('error', stop);
      streams.stdin.pipe(stream);
    }
    stream.on('error', error => logger.debug('stream of a container broke', { error: error.message }));
    await pump(stream, raw, streams);
    if (!exec) return success;
    for (let tries = 0; tries < 100; tries++) {
      const code = await exec.exitCode();
      if (code !== undefined) return exitStatus(code);
      await new Promise<void>(resolve => clock.after(10, resolve));
    }
    return internalError('the command ended without an exit code').status;
  } catch (error) {
    if (signal.aborted) return success;
    return internalError(`error executing command in container: ${error instanceof Error ? error.message : String(error)}`).status;
  } finally {
    signal.removeEventListener('abort', stop);
    stream?.destroy();
  }
};
