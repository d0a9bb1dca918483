import { Duplex } from 'node:stream';
import { createHeaderWriter, frames, readFrames } from './spdy-frames.ts';

export interface SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** The server's side of a SPDY connection over any byte stream. */
export interface SpdySession {
  /** Settles when the connection has ended. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Bytes that may wait in one stream before the whole connection is read no further. */
const most = 4 * 2 ** 20;
const chunkSize = 32 * 1024;

export const createSpdySession = (socket: Duplex, onStream: (stream: SpdyStream) => void): SpdySession => {
  const streams = new Map<number, SpdyStream>();
  const writeHeaders = createHeaderWriter();
  let last = 0;
  let resume: (() => void) | undefined;

  const send = (frame: Buffer, done: (error?: Error | null) => void) => {
    if (socket.destroyed || socket.writableEnded) done(new Error('the connection has ended'));
    else socket.write(frame, done);
  };

  const open = (id: number, headers: Map<string, string>): SpdyStream => {
    const stream = new Duplex({
      allowHalfOpen: true,
      highWaterMark: 64 * 1024,
      read() {
        resume?.();
      },
      write(chunk: Buffer, _encoding, done) {
        for (let at = 0; at + chunkSize < chunk.length; at += chunkSize)
          socket.write(frames.data(id, chunk.subarray(at, at + chunkSize), false));
        const tail = chunk.length === 0 ? 0 : Math.floor((chunk.length - 1) / chunkSize) * chunkSize;
        send(frames.data(id, chunk.subarray(tail), false), done);
      },
      final(done) {
        send(frames.data(id, Buffer.alloc(0), true), done);
      },
      destroy(error, done) {
        if (streams.delete(id) && error && !socket.destroyed) socket.write(frames.reset(id));
        resume?.();
        done(null);
      },
    });
    return Object.assign(stream, { id, headers });
  };

  const run = async () => {
    for await (const frame of readFrames(socket)) {
      switch (frame.type) {
        case 'syn-stream': {
          last = Math.max(last, frame.stream);
          const stream = open(frame.stream, frame.headers);
          streams.set(frame.stream, stream);
          socket.write(frames.reply(frame.stream, writeHeaders([])));
          onStream(stream);
          if (frame.fin) stream.push(null);
          break;
        }
        case 'data': {
          const stream = streams.get(frame.stream);
          if (!stream) break;
          if (frame.data.length > 0) stream.push(frame.data);
          if (frame.fin) stream.push(null);
          while (stream.readableLength > most && !stream.destroyed) {
            await new Promise<void>(resolve => {
              resume = resolve;
            });
          }
          resume = undefined;
          break;
        }
        case 'reset':
          streams.get(frame.stream)?.destroy();
          break;
        case 'ping':
          socket.write(frames.ping(frame.id));
          break;
        case 'goaway':
          socket.end();
          return;
        default:
      }
    }
  };
  const finish = () => {
    for (const stream of [...streams.values()]) {
      stream.push(null);
      stream.destroy();
    }
    streams.clear();
    socket.destroy();
  };
  socket.on('close', () => resume?.());
  const ended = run().then(finish, finish);
  return {
    ended,
    close() {
      if (socket.destroyed) return;
      socket.write(frames.goaway(last));
      socket.end();
    },
  };
};
