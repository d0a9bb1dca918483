import net from 'node:net';
import type { Clock } from '../../kinds/environment.ts';
import type { Container, Probe } from '../../kinds/types.ts';
import type { Engine } from '../docker/engine.ts';
import { runCommand } from '../pods/run-command.ts';
import { grpcProbe } from './grpc.ts';
import { httpProbe, type ProbeOutcome } from './http.ts';
import { resolvePort } from './port.ts';

/** Probes once. A probe that cannot be made at all throws; one that ran and failed is an outcome. */
export type RunProbe = (probe: Probe, container: Container, id: string, podIp: string) => Promise<ProbeOutcome>;

const tcp = (host: string, port: number, signal: AbortSignal): Promise<ProbeOutcome> =>
  new Promise(resolve => {
    const shown = host.includes(':') ? `[${host}]` : host;
    const socket = net.connect({ host, port, signal });
    socket.on('connect', () => {
      socket.destroy();
      resolve({ success: true, output: '' });
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const why = signal.aborted ? 'i/o timeout' : error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message;
      resolve({ success: false, output: `dial tcp ${shown}:${port}: ${why}` });
    });
  });

export const createProber =
  ({ engine, clock }: { engine: Engine; clock: Clock }): RunProbe =>
  async (probe, container, id, podIp) => {
    const seconds = probe.timeoutSeconds ?? 1;
    const abort = new AbortController();
    const cancel = clock.after(seconds * 1000, () => abort.abort());
    try {
      if (probe.exec) {
        try {
          const { exitCode, output } = await runCommand({ engine, clock }, id, probe.exec.command ?? [], abort.signal);
          return { success: exitCode === 0, output };
        } catch (error) {
          if (!abort.signal.aborted) throw error;
          return { success: false, output: `command timed out: ${JSON.stringify(probe.exec.command)} timed out after ${seconds}s` };
        }
      }
      if (probe.httpGet) return await httpProbe(probe.httpGet, container, podIp, abort.signal);
      if (probe.tcpSocket) return await tcp(probe.tcpSocket.host || podIp, resolvePort(probe.tcpSocket.port, container), abort.signal);
      if (probe.grpc) return await grpcProbe(podIp, probe.grpc.port, probe.grpc.service ?? '', abort.signal);
      throw new Error(`missing probe handler for ${container.name}`);
    } finally {
      cancel();
    }
  };
