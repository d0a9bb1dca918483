import { PassThrough, Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Status } from '../../kinds/status.ts';
import type { TerminalSize } from '../docker/engine.ts';
import type { CommandRequest, CommandStreams } from './remote-command.ts';
import type { SpdySession, SpdyStream } from './spdy-session.ts';

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** A client's streams together with the way to tell it the end. */
export interface CommandChannels extends CommandStreams {
  finish(status: Status): void;
  /** Given when the client is gone. */
  signal: AbortSignal;
}

const parseSize = (text: string): TerminalSize | undefined => {
  try {
    const { Width: width, Height: height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    return typeof width === 'number' && typeof height === 'number' ? { width, height } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

/** `v4.channel.k8s.io` and `v5.channel.k8s.io`: the first byte of a message is its channel; v5 adds the end of stdin. */
export const webSocketChannels = (socket: WebSocket, request: CommandRequest): CommandChannels => {
  const gone = new AbortController();
  const stdin = request.stdin ? new PassThrough() : undefined;
  const listeners: ((size: TerminalSize) => void)[] = [];
  let early: TerminalSize | undefined;
  const writer = (number: number): Writable =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        if (socket.readyState !== socket.OPEN) done();
        else socket.send(Buffer.concat([Buffer.from([number]), chunk]), { binary: true }, () => done());
      },
    });
  socket.on('message', (message: Buffer) => {
    const data = message.subarray(1);
    switch (message[0]) {
      case channel.stdin:
        if (stdin && !stdin.writableEnded && !stdin.write(data)) {
          socket.pause();
          stdin.once('drain', () => socket.resume());
        }
        break;
      case channel.resize: {
        const size = parseSize(data.toString());
        if (size && listeners.length === 0) early = size;
        else if (size) for (const listener of listeners) listener(size);
        break;
      }
      case channel.close:
        if (data[0] === channel.stdin) stdin?.end();
        break;
      default:
    }
  });
  socket.on('close', () => {
    stdin?.end();
    gone.abort();
  });
  socket.on('error', () => gone.abort());
  // Tells the client that it is connected, before there is anything to say.
  socket.send(Buffer.from([request.stdout ? channel.stdout : request.stderr ? channel.stderr : channel.error]));
  return {
    stdin,
    stdout: request.stdout ? writer(channel.stdout) : undefined,
    stderr: request.stderr && !request.tty ? writer(channel.stderr) : undefined,
    onResize(listener) {
      listeners.push(listener);
      if (early) listener(early);
    },
    finish(status) {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(Buffer.concat([Buffer.from([channel.error]), Buffer.from(JSON.stringify(status))]));
      socket.close(1000);
    },
    signal: gone.signal,
  };
};

/** The same over SPDY: a stream each, that the client opens and names. Waits until all that were asked for are there. */
export const createSpdyChannels = (request: CommandRequest, v4: boolean) => {
  const expected = new Set(['error']);
  if (request.stdin) expected.add('stdin');
  if (request.stdout) expected.add('stdout');
  if (request.stderr && !request.tty) expected.add('stderr');
  if (request.tty) expected.add('resize');
  const streams = new Map<string, SpdyStream>();
  let complete: () => void = () => undefined;
  const all = new Promise<void>(resolve => {
    complete = resolve;
  });
  return {
    add(stream: SpdyStream): void {
      stream.on('error', () => undefined);
      streams.set(stream.headers.get('streamtype') ?? '', stream);
      expected.delete(stream.headers.get('streamtype') ?? '');
      if (expected.size === 0) complete();
    },
    all,
    channels(session: SpdySession): CommandChannels {
      const gone = new AbortController();
      session.ended.finally(() => gone.abort()).catch(() => undefined);
      return {
        stdin: streams.get('stdin'),
        stdout: streams.get('stdout'),
        stderr: streams.get('stderr'),
        onResize(listener) {
          let rest = '';
          streams.get('resize')?.on('data', (chunk: Buffer) => {
            // Sizes come as JSON objects one after the other, without separators.
            const parts = `${rest}${chunk}`.split('}');
            rest = parts.pop() ?? '';
            for (const part of parts) {
              const size = parseSize(`${part}}`);
              if (size) listener(size);
            }
          });
        },
        finish(status) {
          const text =
            status.status === 'Success' ? (v4 ? JSON.stringify(status) : '') : v4 ? JSON.stringify(status) : (status.message ?? '');
          for (const name of ['stdout', 'stderr', 'resize']) streams.get(name)?.end();
          const error = streams.get('error');
          error?.end(text, () => session.close());
        },
        signal: gone.signal,
      };
    },
  };
};
