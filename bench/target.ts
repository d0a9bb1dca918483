/** A Kubernetes API server under load: its connections, its processes, and what this run has put into it. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';

export const connections = 16;

export interface Reply {
  readonly code: number;
  readonly bytes: number;
}

/** What one row found of one server. */
export interface Figure {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

export interface TargetOptions {
  readonly name: string;
  readonly url: string;
  readonly token: string;
  readonly pids: readonly string[];
}

export class Target {
  readonly name: string;
  readonly namespace: string = `bench-${Date.now().toString(36)}`;
  private readonly url: URL;
  private readonly headers: { readonly authorization: string; readonly accept: string };
  private readonly pids: readonly string[];
  private readonly agent = new Agent({ keepAlive: true, maxSockets: connections, rejectUnauthorized: false, scheduling: 'fifo' });
  private readonly watchAgent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  /** How often each row has gone on, so that a second turn takes new names. */
  private readonly used = new Map<string, number>();

  constructor({ name, url, token, pids }: TargetOptions) {
    this.name = name;
    this.url = new URL(url);
    this.headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
    this.pids = pids;
  }

  call(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers: Record<string, string | number> = { ...this.headers };
      if (text !== undefined) {
        headers['content-type'] = type;
        headers['content-length'] = Buffer.byteLength(text);
      }
      const { hostname: host, port } = this.url;
      const outgoing = request({ host, port, method, path, headers, agent: this.agent }, response => {
        let bytes = 0;
        response.on('data', chunk => {
          bytes += chunk.length;
        });
        response.on('end', () => resolve({ code: response.statusCode ?? 0, bytes }));
      });
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }

  /** For preparations. */
  async must(method: string, path: string, body?: unknown): Promise<void> {
    const { code } = await this.call(method, path, body);
    if (code >= 300) throw new Error(`${this.name}: ${method} ${path} failed with ${code}`);
  }

  /** Settled when the watch has begun; the answer ends it. */
  watch(path: string, line: (text: string) => void): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const { hostname: host, port } = this.url;
      const outgoing = request({ host, port, path, headers: this.headers, agent: this.watchAgent }, response => {
        resolve(() => {
          outgoing.off('error', reject).on('error', () => undefined);
          outgoing.destroy();
        });
        let pending = '';
        response.on('data', chunk => {
          pending += chunk;
          for (let end = pending.indexOf('\n'); end >= 0; end = pending.indexOf('\n')) {
            line(pending.slice(0, end));
            pending = pending.slice(end + 1);
          }
        });
        response.on('error', () => undefined);
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  /** `workers` loops at once for `milliseconds`, or until `next` has nothing more. Indexes go on from turn to turn. */
  async measure(
    what: string,
    milliseconds: number,
    next: (index: number) => Promise<Reply> | undefined,
    workers: number = connections,
  ): Promise<Figure> {
    const latencies: number[] = [];
    let index = this.count(what);
    let failed = 0;
    const started = performance.now();
    const loop = async (): Promise<void> => {
      while (performance.now() - started < milliseconds) {
        const before = performance.now();
        const pending = next(index++);
        if (!pending) return;
        const { code } = await pending;
        latencies.push(performance.now() - before);
        if (code >= 300) failed++;
      }
    };
    await Promise.all(Array.from({ length: workers }, loop));
    const seconds = (performance.now() - started) / 1000;
    this.used.set(what, index);
    return { perSecond: latencies.length / seconds, ...spread(latencies), failed };
  }

  /** How many of a row's requests there have been. */
  count(what: string): number {
    return this.used.get(what) ?? 0;
  }

  /** Megabytes of each process, mapped files included. */
  resident(): string {
    return this.pids
      .map(pid => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024)
      .map(megabytes => megabytes.toFixed(0))
      .join(' + ');
  }
}

export function spread(latencies: number[]): { p50: number; p99: number } {
  latencies.sort((a, b) => a - b);
  const at = (part: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}
