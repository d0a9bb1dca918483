import { constants, createInflate } from 'node:zlib';
import dictionaries from 'spdy-transport/lib/spdy-transport/protocol/spdy/dictionary.js';

/**
 * SPDY/3.1 as kubectl before 1.31 speaks it: frames in bytes. Flow control is left out on purpose, because the Go side
 * (moby/spdystream) neither sends window updates nor waits for them.
 */
export type Frame =
  | { type: 'syn-stream'; stream: number; headers: Map<string, string>; fin: boolean }
  | { type: 'data'; stream: number; data: Buffer; fin: boolean }
  | { type: 'reset'; stream: number }
  | { type: 'ping'; id: number }
  | { type: 'goaway' }
  | { type: 'other' };

const dictionary = dictionaries['3.1'] ?? dictionaries['3'] ?? Buffer.alloc(0);
const longestFrame = 16 * 2 ** 20;
const longestHeaders = 64 * 2 ** 10;
const version = 3;

const adler32 = (bytes: Buffer): number => {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 65_536 + a;
};

const control = (type: number, flags: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8000 | version, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(((flags << 24) | payload.length) >>> 0, 4);
  return Buffer.concat([head, payload]);
};

/** An empty stored block: only at such a one does a Go reader hand on what it has. */
const flush = Buffer.from([0, 0, 0, 0xff, 0xff]);

/** Headers that we send are few and short: one deflate stream of blocks that are stored as they are needs no compressor. */
export const createHeaderWriter = (): ((headers: [string, string][]) => Buffer) => {
  let first = true;
  return headers => {
    const parts: Buffer[] = [];
    const length = (value: number) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      parts.push(bytes);
    };
    length(headers.length);
    for (const text of headers.flat()) {
      length(Buffer.byteLength(text));
      parts.push(Buffer.from(text));
    }
    const plain = Buffer.concat(parts);
    const block = Buffer.alloc(5);
    block.writeUInt16LE(plain.length, 1);
    block.writeUInt16LE(~plain.length & 0xffff, 3);
    if (!first) return Buffer.concat([block, plain, flush]);
    first = false;
    const start = Buffer.alloc(6);
    start.set([0x78, 0xbb]); // deflate, with a preset dictionary
    start.writeUInt32BE(adler32(dictionary), 2);
    return Buffer.concat([start, block, plain, flush]);
  };
};

export const frames = {
  reply: (stream: number, headers: Buffer): Buffer => {
    const id = Buffer.alloc(4);
    id.writeUInt32BE(stream);
    return control(2, 0, Buffer.concat([id, headers]));
  },
  data: (stream: number, data: Buffer, fin: boolean): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(stream, 0);
    head.writeUInt32BE((((fin ? 1 : 0) << 24) | data.length) >>> 0, 4);
    return data.length === 0 ? head : Buffer.concat([head, data]);
  },
  reset: (stream: number): Buffer => {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(stream, 0);
    payload.writeUInt32BE(5, 4); // cancel
    return control(3, 0, payload);
  },
  ping: (id: number): Buffer => {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(id);
    return control(6, 0, payload);
  },
  goaway: (last: number): Buffer => {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(last, 0);
    return control(7, 0, payload);
  },
};

const parseHeaders = (block: Buffer): Map<string, string> => {
  const headers = new Map<string, string>();
  let at = 0;
  const number = () => {
    const value = block.readUInt32BE(at);
    at += 4;
    return value;
  };
  const text = () => {
    const length = number();
    if (at + length > block.length) throw new Error('a header is longer than its block');
    const value = block.toString('utf8', at, at + length);
    at += length;
    return value;
  };
  const count = number();
  for (let index = 0; index < count; index++) {
    const name = text();
    headers.set(name.toLowerCase(), text());
  }
  return headers;
};

/** Cuts a byte stream into frames. The headers of all frames are one compressed stream, so they are read strictly in order. */
export async function* readFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  const inflate = createInflate({ dictionary, flush: constants.Z_SYNC_FLUSH });
  const headersOf = async (block: Buffer): Promise<Map<string, string>> => {
    await new Promise<void>((resolve, reject) => {
      inflate.once('error', reject);
      inflate.write(block, () => {
        inflate.removeListener('error', reject);
        resolve();
      });
    });
    const parts: Buffer[] = [];
    let size = 0;
    for (let part = inflate.read() as Buffer | null; part !== null; part = inflate.read() as Buffer | null) {
      parts.push(part);
      size += part.length;
      if (size > longestHeaders) throw new Error('headers are too long');
    }
    return parseHeaders(Buffer.concat(parts));
  };

  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of source) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      while (rest.length >= 8) {
        const word = rest.readUInt32BE(4);
        const length = word & 0xffffff;
        const flags = word >>> 24;
        if (length > longestFrame) throw new Error('a frame is too long');
        if (rest.length < 8 + length) break;
        const first = rest.readUInt32BE(0);
        const payload = rest.subarray(8, 8 + length);
        rest = rest.subarray(8 + length);
        if (first < 0x8000_0000) {
          yield { type: 'data', stream: first, data: payload, fin: (flags & 1) === 1 };
          continue;
        }
        switch (first & 0xffff) {
          case 1:
            if (length < 10) throw new Error('a frame is too short');
            yield {
              type: 'syn-stream',
              stream: payload.readUInt32BE(0) & 0x7fff_ffff,
              headers: await headersOf(payload.subarray(10)),
              fin: (flags & 1) === 1,
            };
            break;
          case 2:
            await headersOf(payload.subarray(4));
            yield { type: 'other' };
            break;
          case 8:
            await headersOf(payload.subarray(4));
            yield { type: 'other' };
            break;
          case 3:
            yield { type: 'reset', stream: payload.readUInt32BE(0) & 0x7fff_ffff };
            break;
          case 6:
            yield { type: 'ping', id: payload.readUInt32BE(0) };
            break;
          case 7:
            yield { type: 'goaway' };
            break;
          default:
            yield { type: 'other' };
        }
      }
    }
  } finally {
    inflate.destroy();
  }
}
