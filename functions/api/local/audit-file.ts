/**
 * Audit events as lines of JSON in a file that only its owner reads. Requests do not wait for it: events queue in memory, up to a bound, and are
 * appended in their order, many at once. What does not fit is dropped and told of. A file that has grown enough is put aside under a number.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { Logger } from '../../../kinds/environment.ts';
import type { AuditEvent, AuditSink } from '../audit/event.ts';

export interface AuditFileOptions {
  readonly path: string;
  readonly logger: Logger;
  /** Of a file, before it is put aside. */
  readonly maxBytes?: number;
  /** Files put aside: `PATH.1` is the newest. */
  readonly kept?: number;
  /** Of the queue. */
  readonly maxQueued?: number;
  /** Of an event; of a larger one the objects are left out. */
  readonly maxEvent?: number;
}

export interface AuditFile extends AuditSink {
  /** Resolves when all that was written before is in the file. */
  flush(): Promise<void>;
  /** The same, and the last: what comes later is dropped. */
  close(): Promise<void>;
}

const mega = 1024 * 1024;

/** Rejects where the file cannot be opened. */
export const auditFile = async (options: AuditFileOptions): Promise<AuditFile> => {
  const { path, logger, maxBytes = 100 * mega, kept = 10, maxQueued = 32 * mega, maxEvent = 8 * mega } = options;
  let queue: Buffer[] = [];
  let queued = 0;
  let dropped = 0;
  let closed = false;
  let working: Promise<void> | undefined;
  let file: { handle: FileHandle; size: number } | undefined = await openFile(path);

  const rotate = async (): Promise<void> => {
    await file?.handle.close();
    file = undefined;
    await rm(`${path}.${kept}`, { force: true });
    for (let i = kept - 1; i >= 0; i--) await moved(i === 0 ? path : `${path}.${i}`, `${path}.${i + 1}`);
  };

  const append = async (lines: readonly Buffer[]): Promise<void> => {
    const batch = Buffer.concat(lines);
    if (file && file.size > 0 && file.size + batch.byteLength > maxBytes) await rotate();
    file ??= await openFile(path);
    await file.handle.appendFile(batch);
    file.size += batch.byteLength;
  };

  const work = async (): Promise<void> => {
    while (queue.length > 0) {
      const lines = queue;
      queue = [];
      try {
        await append(lines);
      } catch (error) {
        dropped += lines.length;
        logger.error('audit events could not be written', { error: String(error) });
        await file?.handle.close().catch((cause: unknown) => logger.warn('the audit log could not be closed', { error: String(cause) }));
        file = undefined;
      }
      for (const line of lines) queued -= line.byteLength;
    }
    if (dropped > 0) logger.warn('audit events were lost', { count: dropped });
    dropped = 0;
    working = undefined;
  };

  const flush = async (): Promise<void> => {
    while (working !== undefined) await working;
  };

  return {
    write(event) {
      let line = lineOf(event);
      if (line.byteLength > maxEvent) line = lineOf(withoutObjects(event));
      if (closed || queued + line.byteLength > maxQueued) {
        dropped++;
        return;
      }
      queued += line.byteLength;
      queue.push(line);
      // Behind the turn in which it began, so that `work` never ends before it is known to be under way.
      working ??= Promise.resolve().then(work);
    },
    flush,
    async close() {
      closed = true;
      await flush();
      await file?.handle.close();
      file = undefined;
    },
  };
};

const lineOf = (event: AuditEvent): Buffer => Buffer.from(`${JSON.stringify(event)}\n`);

/** As apiserver `plugin/pkg/audit/truncate` does. */
const withoutObjects = ({ requestObject: _, responseObject: __, ...event }: AuditEvent): AuditEvent => ({
  ...event,
  annotations: { ...event.annotations, 'audit.k8s.io/truncated': 'true' },
});

const openFile = async (path: string): Promise<{ handle: FileHandle; size: number }> => {
  const handle = await open(path, 'a+', 0o600);
  try {
    await handle.chmod(0o600);
    const { size } = await handle.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    // The last line of a process that died may be half a line.
    const torn = size > 0 && last.toString() !== '\n';
    if (torn) await handle.appendFile('\n');
    return { handle, size: torn ? size + 1 : size };
  } catch (error) {
    await handle.close();
    throw error;
  }
};

const moved = async (from: string, to: string): Promise<void> => {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
};
