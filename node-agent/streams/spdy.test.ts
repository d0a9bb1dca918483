import { Duplex } from 'node:stream';
import { constants, createDeflate, createInflate } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import dictionaries from 'spdy-transport/lib/spdy-transport/protocol/spdy/dictionary.js';
import { createSpdySession, type SpdyStream } from './spdy-session.ts';

const dictionary = dictionaries['3.1'] ?? Buffer.alloc(0);

/** Two ends of one connection in memory. */
const pair = (): [Duplex, Duplex] => {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      allowHalfOpen: true,
      read() {},
      write(chunk, _encoding, done) {
        other().push(chunk);
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
    });
  const a: Duplex = make(() => b);
  const b: Duplex = make(() => a);
  return [a, b];
};

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const control = (type: number, payload: Buffer, flags = 0): Buffer =>
  Buffer.concat([number(0x80030000 + type), number(flags * 2 ** 24 + payload.length), payload]);
const data = (stream: number, text: string, fin = false): Buffer =>
  Buffer.concat([number(stream), number((fin ? 2 ** 24 : 0) + text.length), Buffer.from(text)]);

/** A client as Go's: headers really compressed, all in one stream. */
const aClient = () => {
  const [near, far] = pair();
  const deflate = createDeflate({ dictionary, flush: constants.Z_SYNC_FLUSH });
  const compress = (headers: Record<string, string>): Promise<Buffer> =>
    new Promise(resolve => {
      const parts = [number(Object.keys(headers).length)];
      for (const [name, value] of Object.entries(headers))
        parts.push(number(name.length), Buffer.from(name), number(value.length), Buffer.from(value));
      deflate.write(Buffer.concat(parts), () => resolve(deflate.read() as Buffer));
    });
  const received: Buffer[] = [];
  near.on('data', (chunk: Buffer) => received.push(chunk));
  const open = async (stream: number, headers: Record<string, string>) => {
    near.write(control(1, Buffer.concat([number(stream), number(0), Buffer.from([0, 0]), await compress(headers)])));
  };
  return { near, far, open, received: () => Buffer.concat(received) };
};

const next = async <T>(list: T[], length: number): Promise<T[]> => {
  while (list.length < length) await new Promise(resolve => setImmediate(resolve));
  return list;
};

describe('a SPDY connection', () => {
  test('opens streams by their headers and carries bytes both ways', async () => {
    const client = aClient();
    const streams: SpdyStream[] = [];
    const session = createSpdySession(client.far, stream => streams.push(stream));
    await client.open(1, { streamtype: 'error' });
    await client.open(3, { streamtype: 'data', port: '80' });
    const [, second] = await next(streams, 2);
    expect(streams.map(({ headers }) => Object.fromEntries(headers))).toEqual([
      { streamtype: 'error' },
      { streamtype: 'data', port: '80' },
    ]);
    client.near.write(data(3, 'ping', true));
    const said = await new Promise(resolve => second?.once('data', (chunk: Buffer) => resolve(chunk.toString())));
    expect(said).toBe('ping');
    second?.end('pong');
    client.near.write(control(6, number(7)));
    client.near.end();
    await session.ended;

    const all = client.received();
    // Two replies with empty headers, a Go reader inflates them as one stream; then data, its end, and the ping.
    expect(all.readUInt32BE(0)).toBe(0x80030002);
    const length = all.readUInt32BE(4);
    const inflate = createInflate({ dictionary, flush: constants.Z_SYNC_FLUSH });
    const secondReply = all.subarray(8 + length);
    const blocks = Buffer.concat([all.subarray(12, 8 + length), secondReply.subarray(12, 8 + secondReply.readUInt32BE(4))]);
    await new Promise<void>(resolve => inflate.write(blocks, () => resolve()));
    expect((inflate.read() as Buffer).toString('hex')).toBe('0000000000000000');
    inflate.destroy();
    expect(all.includes(data(3, 'pong'))).toBe(true);
    expect(all.includes(data(3, '', true))).toBe(true);
    expect(all.includes(control(6, number(7)))).toBe(true);
  });

  test('large writes go in pieces and arrive whole', async () => {
    const client = aClient();
    const streams: SpdyStream[] = [];
    createSpdySession(client.far, stream => streams.push(stream));
    await client.open(1, { streamtype: 'stdout' });
    const [stream] = await next(streams, 1);
    const big = Buffer.alloc(100_000, 'a');
    await new Promise(resolve => stream?.write(big, resolve));
    const all = client.received();
    let at = 8 + all.readUInt32BE(4);
    let total = 0;
    while (at < all.length) {
      expect(all.readUInt32BE(at)).toBe(1);
      const size = all.readUInt32BE(at + 4);
      total += size;
      at += 8 + size;
    }
    expect(total).toBe(100_000);
  });

  test.each([
    ['nonsense in a header', control(1, Buffer.concat([number(1), number(0), Buffer.alloc(2), Buffer.from('nonsense')]))],
    ['a frame that is too short', control(1, Buffer.alloc(2))],
    ['a frame of 16 MiB', Buffer.concat([number(0x80030001), number(0xffffff)])],
  ])('%s ends the connection and nothing else', async (_, bytes) => {
    const [near, far] = pair();
    const session = createSpdySession(far, () => undefined);
    near.write(bytes);
    near.end();
    await session.ended;
    expect(far.destroyed).toBe(true);
  });
});
