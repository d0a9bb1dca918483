import type { Duplex, Readable } from 'node:stream';
import type Docker from 'dockerode';

/**
 * What the agent asks of Docker, and no more. Errors are `EngineError`s with Docker's own text; a container or image that does
 * not exist is answered with `undefined` where that is an expected answer.
 */
export interface Engine {
  /** Every container, running or not, that carries the label. */
  list(label: string): Promise<EngineContainer[]>;
  /** The same in one cheap question: only ids, labels and states. */
  states(label: string): Promise<Pick<EngineContainer, 'id' | 'labels' | 'state'>[]>;
  inspect(id: string): Promise<EngineContainer | undefined>;
  create(name: string, options: Docker.ContainerCreateOptions): Promise<string>;
  start(id: string): Promise<void>;
  /** Sends the container's stop signal, then SIGKILL after `seconds`; answers when it is dead. Dead or gone already is fine. */
  stop(id: string, seconds: number, signal?: string): Promise<void>;
  kill(id: string): Promise<void>;
  /** New limits for a container that runs on. */
  update(id: string, resources: Limits): Promise<void>;
  /** Removes a container with its anonymous volumes, killing it if it runs. Gone already is fine. */
  remove(id: string): Promise<void>;
  resize(id: string, size: TerminalSize): Promise<void>;
  /** Raw log stream: framed (see frames.ts) unless the container has a terminal. */
  logs(id: string, options: LogOptions): Promise<Readable>;
  attach(id: string, options: AttachOptions): Promise<Duplex>;
  exec(id: string, options: ExecOptions): Promise<RunningExec>;
  image(name: string): Promise<EngineImage | undefined>;
  pull(name: string, auth: RegistryAuth | undefined): Promise<void>;
  /** Makes an image of a tar archive of its root file system. */
  importImage(archive: Buffer, repository: string, tag: string, changes: string[]): Promise<void>;
  images(): Promise<{ names: string[]; sizeBytes: number }[]>;
  events(label: string, signal: AbortSignal): Promise<AsyncIterable<EngineEvent>>;
  version(): Promise<{ version: string; architecture: string }>;
  storageRoot(): Promise<string>;
}

export interface Limits {
  CpuShares: number;
  CpuPeriod?: number;
  CpuQuota?: number;
  Memory?: number;
  MemorySwap?: number;
}

export interface TerminalSize {
  width: number;
  height: number;
}
export interface LogOptions {
  follow: boolean;
  stdout: boolean;
  stderr: boolean;
  timestamps: boolean;
  /** Seconds since the epoch with a fraction, as text; Docker takes nanoseconds. */
  since?: string;
  tail?: number;
}
export interface AttachOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}
export interface ExecOptions {
  command: string[];
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}
export interface RunningExec {
  stream: Duplex;
  resize(size: TerminalSize): Promise<void>;
  /** Undefined while it runs. */
  exitCode(): Promise<number | undefined>;
}
export interface RegistryAuth {
  username?: string;
  password?: string;
  identitytoken?: string;
  serveraddress?: string;
}
export interface EngineImage {
  id: string;
  digests: string[];
  user: string;
  sizeBytes: number;
}
export interface EngineEvent {
  action: string;
  id: string;
  labels: Record<string, string>;
}
export interface EngineContainer {
  id: string;
  name: string;
  labels: Record<string, string>;
  state: 'created' | 'running' | 'exited';
  /** Milliseconds since the epoch; 0 for never. */
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  oomKilled: boolean;
  error: string;
  pid: number;
  imageId: string;
  tty: boolean;
  openStdin: boolean;
  ipcShared: boolean;
}

export class EngineError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = 'EngineError';
    this.code = code;
  }
}
export const isMissing = (error: unknown): boolean => error instanceof EngineError && error.code === 404;
