import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine, EngineContainer } from '../docker/engine.ts';
import { createFrameReader } from '../docker/frames.ts';
import { labels } from './labels.ts';
import { type ContainerView, viewOf } from './view.ts';

const longestMessage = 4096;
const longestLog = 2048;
const logLines = 80;

/** The file that a container may leave its last words in. */
export const terminationFile = (podDir: string, container: string, attempt: number): string =>
  join(podDir, 'containers', container, String(attempt), 'termination-log');

const readHead = async (path: string): Promise<string> => {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return '';
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(longestMessage), 0, longestMessage, Math.max(0, size - longestMessage));
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
};

const lastLines = async (engine: Engine, info: EngineContainer): Promise<string> => {
  const stream = await engine.logs(info.id, { follow: false, stdout: true, stderr: true, timestamps: false, tail: logLines });
  const read = createFrameReader();
  const parts: Buffer[] = [];
  for await (const chunk of stream) {
    if (info.tty) parts.push(chunk as Buffer);
    else for (const { data } of read(chunk as Buffer)) parts.push(data);
  }
  const all = Buffer.concat(parts);
  return all.subarray(Math.max(0, all.length - longestLog)).toString();
};

/** What Docker says of a container, with the message it left if it has ended. */
export const observe = async (engine: Engine, podsDir: string, info: EngineContainer): Promise<ContainerView> => {
  const plain = viewOf(info);
  if (plain.state !== 'exited' || plain.container === '' || plain.reason === 'StartError') return plain;
  const uid = info.labels[labels.uid] ?? '';
  let message = await readHead(terminationFile(join(podsDir, uid), plain.container, plain.attempt));
  const fallback = info.labels[labels.terminationMessagePolicy] === 'FallbackToLogsOnError' && plain.exitCode !== 0;
  if (message === '' && fallback) message = await lastLines(engine, info);
  return viewOf(info, message);
};
