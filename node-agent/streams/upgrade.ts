import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import { badRequest, pageNotFound } from '../../kinds/status.ts';
import { createSpdyChannels, webSocketChannels } from './channels.ts';
import { createForwards } from './port-forward.ts';
import { type CommandRequest, commandRequest, runRemoteCommand } from './remote-command.ts';
import { type StreamContext, targetOf } from './server.ts';
import { createSpdySession } from './spdy-session.ts';

export interface UpgradeRequest {
  verb: string;
  parts: string[];
  query: URLSearchParams;
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

const commandProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const spdyCommandProtocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];
const tunnel = 'SPDY/3.1+portforward.k8s.io';
const forward = 'portforward.k8s.io';

const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === 'websocket';

/** The first of ours that the client offers. */
const agree = (ours: string[], offered: string | string[] | undefined): string | undefined => {
  const theirs = [offered ?? []].flat().flatMap(value => value.split(',').map(each => each.trim()));
  return ours.find(each => theirs.includes(each));
};

const openWebSocket = ({ request, socket, head }: UpgradeRequest, protocols: string[]): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const protocol = agree(protocols, request.headers['sec-websocket-protocol']);
    if (!protocol) {
      reject(badRequest(`unable to negotiate a websocket subprotocol: this node speaks ${protocols.join(', ')}`));
      return;
    }
    const server = new WebSocketServer({
      noServer: true,
      handleProtocols: () => protocol,
      maxPayload: 64 * 2 ** 20,
      perMessageDeflate: false,
    });
    server.handleUpgrade(request, socket, head, resolve);
  });

/** Answers 101 and hands the raw connection on. */
const openSpdy = ({ request, socket, head }: UpgradeRequest, protocols: string[]): string => {
  if (request.headers.upgrade?.toLowerCase() !== 'spdy/3.1') throw badRequest('Upgrade request required');
  const offered = request.headers['x-stream-protocol-version'];
  const protocol = agree(protocols, offered) ?? (offered === undefined ? protocols.at(-1) : undefined);
  if (protocol === undefined) throw badRequest(`unable to upgrade: unable to negotiate protocol: this node speaks ${protocols.join(', ')}`);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
  if (head.length > 0) socket.unshift(head);
  return protocol;
};

const serveCommand = async (context: StreamContext, upgrade: UpgradeRequest, request: CommandRequest): Promise<void> => {
  if (!request.stdin && !request.stdout && !request.stderr) throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  if (isWebSocket(upgrade.request)) {
    const channels = webSocketChannels(await openWebSocket(upgrade, commandProtocols), request);
    channels.finish(await runRemoteCommand(context, request, channels, channels.signal));
    return;
  }
  const protocol = openSpdy(upgrade, spdyCommandProtocols);
  const collected = createSpdyChannels(request, protocol === 'v4.channel.k8s.io');
  const session = createSpdySession(upgrade.socket, collected.add);
  const late = context.clock.after(30_000, () => session.close());
  await Promise.race([collected.all, session.ended]);
  late();
  const channels = collected.channels(session);
  channels.finish(await runRemoteCommand(context, request, channels, channels.signal));
  await session.ended;
};

const serveForward = async (context: StreamContext, upgrade: UpgradeRequest): Promise<void> => {
  const { worker } = targetOf(context, upgrade.parts);
  const onStream = createForwards(context, worker);
  if (isWebSocket(upgrade.request)) {
    const stream = createWebSocketStream(await openWebSocket(upgrade, [tunnel]));
    await createSpdySession(stream, onStream).ended;
    return;
  }
  openSpdy(upgrade, [forward]);
  await createSpdySession(upgrade.socket, onStream).ended;
};

/** exec, attach and portForward: the connection stops being HTTP and becomes streams. */
export const serveUpgrade = async (context: StreamContext, upgrade: UpgradeRequest): Promise<void> => {
  const { verb, parts, query } = upgrade;
  if (verb === 'portForward' && parts.length === 2) {
    await serveForward(context, upgrade);
    return;
  }
  if ((verb !== 'exec' && verb !== 'attach') || parts.length !== 3) throw pageNotFound();
  const { worker, container } = targetOf(context, parts);
  const view = [...worker.views.values()].find(each => each.container === container && each.state === 'running');
  if (!view) throw badRequest(`container not found (${JSON.stringify(container)}): it is not running`);
  await serveCommand(context, upgrade, commandRequest(verb, query, view));
};
