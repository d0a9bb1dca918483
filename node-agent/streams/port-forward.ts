import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { Duplex } from 'node:stream';
import { isHostNetwork } from '../pods/pod.ts';
import { podView } from '../pods/view.ts';
import type { PodWorker } from '../pods/worker.ts';
import type { StreamContext } from './server.ts';
import type { SpdyStream } from './spdy-session.ts';

/** Connects its standard streams with a port of its own network namespace's loopback; first says whether it could. */
const relay = `
const s = require('node:net').connect(Number(process.argv[1]), '127.0.0.1');
s.on('connect', () => { process.stderr.write('ok'); s.pipe(process.stdout); process.stdin.pipe(s); });
s.on('error', e => { process.stderr.write(e.message); process.exit(1); });
s.on('close', () => process.exit(0));
`;

const direct = async (host: string, port: number): Promise<Duplex> => {
  const socket = net.connect({ host, port, allowHalfOpen: true });
  await once(socket, 'connect');
  socket.setNoDelay(true);
  return socket;
};

/** Reaches a server that listens only on the pod's own loopback. */
const inside = async (pid: number, port: number): Promise<Duplex> => {
  const child = spawn('nsenter', ['--net', '--target', String(pid), process.execPath, '-e', relay, String(port)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.on('error', () => child.kill());
  let said = '';
  for await (const chunk of child.stderr) {
    said += String(chunk);
    if (said.startsWith('ok')) {
      const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
      stream.on('close', () => child.kill());
      return stream;
    }
  }
  throw new Error(said.trim() || `nothing listens on port ${port}`);
};

/** A connection to a port of the pod: any server there, also one bound to localhost. */
export const dialPod = async (worker: PodWorker, port: number): Promise<Duplex> => {
  if (isHostNetwork(worker.pod)) return await direct('127.0.0.1', port);
  const { sandbox } = podView(worker.views.values());
  if (sandbox?.state !== 'running') throw new Error('the pod is not running');
  try {
    return await direct(sandbox.ip, port);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    return await inside(sandbox.pid, port);
  }
};

const lossOf = (worker: PodWorker, port: number, error: unknown): string =>
  `failed to connect to localhost:${port} inside namespace ${worker.pod.metadata.namespace}/${worker.pod.metadata.name}: ${error instanceof Error ? error.message : String(error)}`;

/** Carries bytes both ways; each side may end its half first. */
export const join = (a: Duplex, b: Duplex): Promise<void> =>
  new Promise(resolve => {
    let open = 2;
    const one = () => {
      open--;
      if (open === 0) resolve();
    };
    const both = () => {
      a.destroy();
      b.destroy();
      resolve();
    };
    a.on('error', both);
    b.on('error', both);
    a.on('close', both);
    b.on('close', both);
    a.on('end', one);
    b.on('end', one);
    a.pipe(b);
    b.pipe(a);
  });

/** Pairs a client's streams by their request id: one for data, one for what went wrong (`portforward.k8s.io`). */
export const createForwards = ({ logger }: StreamContext, worker: PodWorker): ((stream: SpdyStream) => void) => {
  const pairs = new Map<string, { error?: SpdyStream; data?: SpdyStream }>();
  const carry = async (data: SpdyStream, error: SpdyStream) => {
    const port = Number(data.headers.get('port'));
    try {
      if (!(port > 0 && port < 65_536)) throw new Error(`invalid port ${data.headers.get('port')}`);
      const target = await dialPod(worker, port);
      await join(data, target);
    } catch (failure) {
      logger.debug('port-forward failed', { port, error: String(failure) });
      if (!error.writableEnded) error.write(lossOf(worker, port, failure));
    } finally {
      error.end();
      data.end();
    }
  };
  return stream => {
    stream.on('error', () => undefined);
    const id = stream.headers.get('requestid') ?? stream.headers.get('port') ?? '';
    const pair = pairs.get(id) ?? {};
    if (stream.headers.get('streamtype') === 'error') {
      pair.error = stream;
      stream.resume();
    } else pair.data = stream;
    pairs.set(id, pair);
    if (pair.error && pair.data) {
      pairs.delete(id);
      carry(pair.data, pair.error).catch((error: unknown) => logger.error('port-forward broke', { error: String(error) }));
    }
  };
};
