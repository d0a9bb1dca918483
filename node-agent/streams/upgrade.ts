import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { pageNotFound } from '../../kinds/status.ts';
import type { StreamContext } from './server.ts';

export interface UpgradeRequest {
  verb: string;
  parts: string[];
  query: URLSearchParams;
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

export const serveUpgrade = async (_context: StreamContext, _request: UpgradeRequest): Promise<void> => {
  throw pageNotFound();
};
