import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as dnsPacket from 'dns-packet';
import type { EndpointSlice, Service } from '../../kinds/types.ts';
import { createZone } from './dns-records.ts';
import { type DnsServer, startDnsServer } from './dns-server.ts';
import { aService, aSlice, silent } from './testing.ts';

const services: Record<string, Service> = {
  web: aService('web', { clusterIP: '10.96.0.7', ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }),
  db: aService('db', { clusterIP: 'None', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] }),
  out: aService('out', { type: 'ExternalName', externalName: 'example.test' }),
  many: aService('many', { clusterIP: 'None', ports: [{ name: 'p', port: 1 }] }),
};
const slices: Record<string, EndpointSlice[]> = {
  db: [
    aSlice(
      'db',
      5432,
      [{ address: '10.112.0.5', hostname: 'db-0' }, { address: '10.112.0.6' }, { address: '10.112.0.7', ready: false }],
      'sql',
    ),
  ],
  many: [
    aSlice(
      'many',
      1,
      Array.from({ length: 60 }, (_, i) => ({ address: `10.112.1.${i}` })),
      'p',
    ),
  ],
};
const zone = createZone({
  domain: 'cluster.local',
  service: (namespace, name) => (namespace === 'default' ? services[name] : undefined),
  slices: (_, name) => slices[name] ?? [],
  nameOf: address => (address === '10.96.0.7' ? 'web.default.svc.cluster.local' : undefined),
  hasNamespace: namespace => namespace === 'default',
});

let server: DnsServer;
let upstream: DnsServer;
beforeAll(async () => {
  const outside = createZone({
    domain: 'test',
    service: () => undefined,
    slices: () => [],
    nameOf: () => undefined,
    hasNamespace: () => false,
  });
  upstream = await startDnsServer({
    zone: {
      owns: () => true,
      lookup: name =>
        name === 'example.test' ? { found: true, records: [{ type: 'A', name, address: '192.0.2.1' }] } : outside.lookup(name, 'A'),
    },
    domain: 'test',
    host: '127.0.0.1',
    port: 0,
    upstream: [],
    logger: silent,
  });
  const dead = { host: '127.0.0.1', port: 1 };
  server = await startDnsServer({
    zone,
    domain: 'cluster.local',
    host: '127.0.0.1',
    port: 0,
    upstream: [dead, { host: '127.0.0.1', port: upstream.port }],
    logger: silent,
    timeout: 200,
  });
});
afterAll(async () => {
  await server.close();
  await upstream.close();
});

async function ask(name: string, type: dnsPacket.RecordType = 'A') {
  const socket = createSocket('udp4');
  socket.send(
    dnsPacket.encode({ type: 'query', id: 7, flags: dnsPacket.RECURSION_DESIRED, questions: [{ type: type as 'A', name }] }),
    server.port,
    '127.0.0.1',
  );
  const [message] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  const answer = dnsPacket.decode(message) as dnsPacket.DecodedPacket;
  return {
    code: (answer.flags ?? 0) & 0xf,
    data: (answer.answers ?? []).map(one => ('data' in one ? one.data : undefined)),
    authorities: answer.authorities?.length,
    truncated: answer.flag_tc,
  };
}

describe('the cluster zone', () => {
  test('a Service is its cluster IP, whatever the case of the letters', async () => {
    expect(await ask('Web.Default.svc.cluster.local')).toMatchObject({ code: 0, data: ['10.96.0.7'] });
  });
  test('a headless Service is its ready endpoints; each has a name', async () => {
    expect(await ask('db.default.svc.cluster.local')).toMatchObject({ code: 0, data: ['10.112.0.5', '10.112.0.6'] });
    expect((await ask('db-0.db.default.svc.cluster.local')).data).toEqual(['10.112.0.5']);
    expect((await ask('10-112-0-6.db.default.svc.cluster.local')).data).toEqual(['10.112.0.6']);
  });
  test('ports are SRV records', async () => {
    expect((await ask('_http._tcp.web.default.svc.cluster.local', 'SRV')).data).toEqual([
      { priority: 0, weight: 100, port: 80, target: 'web.default.svc.cluster.local' },
    ]);
    expect((await ask('_sql._tcp.db.default.svc.cluster.local', 'SRV')).data).toHaveLength(2);
  });
  test('no IPv6 is an empty answer, no Service is no name; both may be cached', async () => {
    expect(await ask('web.default.svc.cluster.local', 'AAAA')).toMatchObject({ code: 0, data: [], authorities: 1 });
    expect(await ask('nobody.default.svc.cluster.local')).toMatchObject({ code: 3, data: [], authorities: 1 });
    expect(await ask('web.elsewhere.svc.cluster.local')).toMatchObject({ code: 3 });
  });
  test('pods by address, addresses by name', async () => {
    expect((await ask('10-112-0-5.default.pod.cluster.local')).data).toEqual(['10.112.0.5']);
    expect((await ask('7.0.96.10.in-addr.arpa', 'PTR')).data).toEqual(['web.default.svc.cluster.local']);
  });
});

describe('all other names', () => {
  test('come from the next resolver that answers', async () => {
    expect(await ask('example.test')).toMatchObject({ code: 0, data: ['192.0.2.1'] });
  });
  test('an external name is an alias and what is behind it', async () => {
    expect((await ask('out.default.svc.cluster.local')).data).toEqual(['example.test', '192.0.2.1']);
  });
});

describe('hostile and large', () => {
  test('an answer above 512 bytes is cut over UDP and whole over TCP', async () => {
    expect(await ask('many.default.svc.cluster.local')).toMatchObject({ truncated: true, data: [] });
    const socket = connect(server.port, '127.0.0.1');
    const query = dnsPacket.encode({ type: 'query', id: 9, questions: [{ type: 'A', name: 'many.default.svc.cluster.local' }] });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    // In two pieces, as a network may deliver them.
    socket.write(Buffer.concat([length, query.subarray(0, 5)]));
    socket.write(query.subarray(5));
    let received = Buffer.alloc(0);
    while (received.length < 2 || received.length < received.readUInt16BE(0) + 2)
      received = Buffer.concat([received, (await once(socket, 'data'))[0] as Buffer]);
    socket.destroy();
    expect(dnsPacket.decode(received.subarray(2)).answers).toHaveLength(60);
  });
  test('rubbish gets an error or silence, and the server goes on', async () => {
    const socket = createSocket('udp4');
    socket.send(Buffer.from([1, 2, 3]), server.port, '127.0.0.1');
    const [message] = (await once(socket, 'message')) as [Buffer];
    expect((dnsPacket.decode(message).flags ?? 0) & 0xf).toBe(1);
    socket.close();
    expect((await ask('web.default.svc.cluster.local')).data).toEqual(['10.96.0.7']);
  });
});
