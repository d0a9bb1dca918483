/** The node's DNS server, UDP and TCP: the cluster's zone from memory, everything else from the resolvers of the node. Packets by `dns-packet`. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket as TcpSocket } from 'node:net';
import * as dnsPacket from 'dns-packet';
import type { Logger } from '../../kinds/environment.ts';
import type { Record, Zone } from './dns-records.ts';

export interface DnsServerOptions {
  readonly zone: Zone;
  readonly domain: string;
  readonly host: string;
  /** 53; 0: any free one. */
  readonly port: number;
  /** Resolvers for all other names, in order. */
  readonly upstream: readonly { readonly host: string; readonly port: number }[];
  readonly logger: Logger;
  /** Milliseconds until the next resolver is asked (default 2000). */
  readonly timeout?: number;
}

export interface DnsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** How long clients may keep an answer (s): short, because endpoints change. */
const ttl = 5;
const maxUdpBytes = 512;
const noSuchName = 3;
const serverFailure = 2;
const formatError = 1;
const notImplemented = 4;

export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { host, logger } = options;
  const udp = createSocket('udp4');
  const tcp = createServer();
  udp.bind(options.port, host);
  await once(udp, 'listening');
  const port = udp.address().port;
  tcp.listen(port, host);
  await once(tcp, 'listening');

  udp.on('message', (message, from) => {
    respond(options, message)
      .then(answer => answer && sendUdp(udp, answer, message, from))
      .catch(error => logger.warn('a DNS question failed', { error: String(error) }));
  });
  udp.on('error', error => logger.error('the DNS socket failed', { error: String(error) }));
  tcp.on('connection', socket => serveTcp(options, socket));
  tcp.on('error', error => logger.error('the DNS socket failed', { error: String(error) }));
  return { port, close: () => close(udp, tcp) };
}

async function close(udp: Socket, tcp: Server): Promise<void> {
  const closed = [once(udp, 'close'), once(tcp, 'close')];
  udp.close();
  tcp.close();
  await Promise.all(closed);
}

/** Undefined for what is no question at all. */
async function respond(options: DnsServerOptions, message: Buffer, overTcp = false): Promise<Buffer | undefined> {
  let query: dnsPacket.Packet;
  try {
    query = dnsPacket.decode(message);
  } catch {
    // Nothing that could be answered beyond "not understood", and only if it has an id.
    return message.length < 2 ? undefined : failure(message.readUInt16BE(0), formatError);
  }
  if (query.type !== 'query') return undefined;
  const question = query.questions?.[0];
  if (!question || query.questions?.length !== 1) return failure(query.id ?? 0, formatError);
  if ((((query.flags ?? 0) >> 11) & 0xf) !== 0) return failure(query.id ?? 0, notImplemented, question);
  const name = question.name.toLowerCase().replace(/\.$/, '');
  if (!options.zone.owns(name)) return forward(options, message, query.id ?? 0, question, overTcp);

  const { found, records } = options.zone.lookup(name, question.type);
  const outside = records.find(record => record.type === 'CNAME');
  const extra = outside ? await follow(options, outside.target, question.type) : [];
  return dnsPacket.encode({
    type: 'response',
    id: query.id ?? 0,
    // Authoritative, recursion available, and the client's wish for it.
    flags:
      dnsPacket.AUTHORITATIVE_ANSWER |
      dnsPacket.RECURSION_AVAILABLE |
      ((query.flags ?? 0) & dnsPacket.RECURSION_DESIRED) |
      (found ? 0 : noSuchName),
    questions: [question],
    answers: [...records.map(record => toAnswer(record, question.name)), ...extra],
    authorities: records.length === 0 ? [startOfAuthority(options.domain)] : [],
  });
}

/** The addresses behind an ExternalName, so that simple clients need not ask again. */
async function follow(options: DnsServerOptions, target: string, type: string): Promise<dnsPacket.Answer[]> {
  if (options.zone.owns(target)) return options.zone.lookup(target, type).records.map(record => toAnswer(record, target));
  const question = dnsPacket.encode({
    type: 'query',
    id: 1,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type: type as 'A', name: target }],
  });
  const answer = await forward(options, question, 1, { type: type as 'A', name: target }, false);
  return dnsPacket.decode(answer).answers ?? [];
}

function toAnswer(record: Record, name: string): dnsPacket.Answer {
  const base = { name, ttl };
  switch (record.type) {
    case 'A':
      return { ...base, type: 'A', data: record.address };
    case 'CNAME':
      return { ...base, type: 'CNAME', data: record.target };
    case 'PTR':
      return { ...base, type: 'PTR', data: record.target };
    case 'TXT':
      return { ...base, type: 'TXT', data: record.text };
    case 'SRV':
      return { ...base, type: 'SRV', data: { port: record.port, target: record.target, priority: 0, weight: 100 } };
  }
}

const startOfAuthority = (domain: string): dnsPacket.Answer => ({
  type: 'SOA',
  name: domain,
  ttl,
  data: { mname: `ns.dns.${domain}`, rname: `hostmaster.${domain}`, serial: 1, refresh: 7200, retry: 1800, expire: 86400, minimum: ttl },
});

const failure = (id: number, code: number, question?: dnsPacket.Question): Buffer =>
  dnsPacket.encode({ type: 'response', id, flags: dnsPacket.RECURSION_AVAILABLE | code, ...(question ? { questions: [question] } : {}) });

/** Asks the node's resolvers, one after the other, the bytes as they are. */
async function forward(
  options: DnsServerOptions,
  message: Buffer,
  id: number,
  question: dnsPacket.Question,
  overTcp: boolean,
): Promise<Buffer> {
  for (const resolver of options.upstream) {
    try {
      return await (overTcp ? askTcp : askUdp)(resolver, message, options.timeout ?? 2000);
    } catch (error) {
      options.logger.debug('a resolver did not answer', { resolver: resolver.host, error: String(error) });
    }
  }
  return failure(id, serverFailure, question);
}

type Resolver = { readonly host: string; readonly port: number };

function askUdp({ host, port }: Resolver, message: Buffer, timeout: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // A socket of its own each: a fresh random port, and the kernel drops answers from anybody else.
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const timer = setTimeout(() => finish(() => reject(new Error('timed out'))), timeout);
    const finish = (then: () => void) => {
      clearTimeout(timer);
      socket.close();
      then();
    };
    socket.on('error', error => finish(() => reject(error)));
    socket.on('message', answer => {
      if (answer.length >= 2 && answer.readUInt16BE(0) === message.readUInt16BE(0)) finish(() => resolve(answer));
    });
    socket.connect(port, host, () => socket.send(message));
  });
}

function askTcp({ host, port }: Resolver, message: Buffer, timeout: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout });
    const read = framed(answer => {
      socket.destroy();
      resolve(answer);
    });
    socket.on('connect', () => socket.write(frame(message)));
    socket.on('data', read);
    socket.on('timeout', () => socket.destroy(new Error('timed out')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without an answer')));
  });
}

/** An answer that does not fit says so, and the client asks again over TCP. */
function sendUdp(udp: Socket, answer: Buffer, question: Buffer, to: RemoteInfo): void {
  const limit = Math.max(maxUdpBytes, Math.min(offeredSize(question), 4096));
  if (answer.length <= limit) {
    udp.send(answer, to.port, to.address);
    return;
  }
  const { id = 0, flags = 0, questions = [] } = dnsPacket.decode(answer);
  const cut = dnsPacket.encode({ type: 'response', id, flags: flags | dnsPacket.TRUNCATED_RESPONSE, questions });
  udp.send(cut, to.port, to.address);
}

/** What the client says it can take (EDNS0); 0 when it says nothing. */
function offeredSize(question: Buffer): number {
  try {
    for (const one of dnsPacket.decode(question).additionals ?? []) if (one.type === 'OPT') return one.udpPayloadSize ?? 0;
  } catch {
    // Not understood: then it offers nothing.
  }
  return 0;
}

function serveTcp(options: DnsServerOptions, socket: TcpSocket): void {
  socket.setTimeout(10_000, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  const read = framed(message => {
    respond(options, message, true)
      .then(answer => {
        if (answer && !socket.destroyed) socket.write(frame(answer));
      })
      .catch(error => options.logger.warn('a DNS question failed', { error: String(error) }));
  });
  socket.on('data', read);
}

const frame = (message: Buffer): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
};

/** Cuts a stream into messages with their two-byte lengths. */
function framed(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let pending = Buffer.alloc(0);
  return chunk => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2) {
      const length = pending.readUInt16BE(0);
      if (pending.length < 2 + length) return;
      onMessage(pending.subarray(2, 2 + length));
      pending = pending.subarray(2 + length);
    }
  };
}
