/**
 * Space ahead of the data, so that commits overwrite what the file has already. A flush that makes the file longer must also write the file
 * system's journal, which takes several times as long as the data itself; so zeros are written and flushed in advance, off the way of commits.
 *
 * Zeros may never meet LMDB's own pages. They go behind the end of the file, and a group that could reach so far while they are being
 * written waits for them (`inTheWay`). A disk that has no room for them only makes commits slower.
 */
import { closeSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../kinds/environment.ts';
import { endOfData, messageOf } from './lmdb-files.ts';
import type { Write } from './lmdb-group.ts';

const stepBytes = 8 * 1024 * 1024;
/** Less than this ahead of the data: more is added. */
const lowBytes = 4 * 1024 * 1024;
const lookBytes = 512 * 1024;
const pieceBytes = 1024 * 1024;
/** What a write may take beyond its value: the pages from the root to its leaf, each copied and split in two. */
const pagesPerWrite = 16;
/** Of new files; older ones keep theirs, which is no larger. */
export const pageSize = 8192;

const roughly = (value: Buffer | undefined): number => pageSize / 4 + 2 * (value?.length ?? 0);

/** No transaction of these writes makes the data longer than by this. */
const atMost = (writes: readonly Write[]): number => {
  let bytes = 64 * pageSize;
  for (const { value } of writes) bytes += pagesPerWrite * pageSize + (value?.length ?? 0);
  return bytes;
};

export class SpaceAhead {
  private readonly file: string;
  private readonly logger: Logger;
  private readonly handle: number;
  /** While space is being made, the data ends here or before. */
  private used = 0;
  /** About so much was written since the file was looked at. */
  private unseen = 0;
  /** The file is at least so long, as far as it is not being made longer. */
  private end = 0;
  private filling: Promise<void> | undefined;
  private given = false;

  constructor(path: string, logger: Logger) {
    this.file = join(path, 'data.mdb');
    this.logger = logger;
    this.handle = openSync(this.file, 'r+');
    this.look();
    this.keep();
  }

  /** To be called between groups, before this one is written; what it returns must have settled by then. */
  inTheWay(writes: readonly Write[]): Promise<void> | undefined {
    if (this.filling === undefined) {
      for (const { value } of writes) this.unseen += roughly(value);
      if (this.unseen < lookBytes) return undefined;
      this.look();
      this.keep();
      if (this.filling === undefined) return undefined;
    }
    const most = atMost(writes);
    if (this.used + most > this.end) this.look(this.end);
    this.used += most;
    return this.used > this.end ? this.filling : undefined;
  }

  /** Gives back what was not needed. Only when LMDB has closed the file. */
  async close(): Promise<void> {
    this.given = true;
    await this.filling;
    this.look();
    if (this.used < this.end) ftruncateSync(this.handle, this.used);
    closeSync(this.handle);
  }

  /** Learns where the data really ends. */
  private look(end = fstatSync(this.handle).size): void {
    this.end = end;
    this.unseen = 0;
    this.used = endOfData(this.handle) ?? end;
  }

  private keep(): void {
    if (this.given || this.filling !== undefined || this.end - this.used > lowBytes) return;
    this.filling = this.fill(this.end)
      .catch((error: unknown) => {
        this.given = true;
        this.logger.warn('no space could be set aside for the store, so writes to it take longer', { error: messageOf(error) });
      })
      .finally(() => {
        this.filling = undefined;
      });
  }

  private async fill(from: number): Promise<void> {
    const zeros = Buffer.alloc(pieceBytes);
    const file = await open(this.file, 'r+');
    try {
      for (let done = 0; done < stepBytes; ) done += (await file.write(zeros, 0, zeros.length, from + done)).bytesWritten;
      await file.datasync();
      this.end = from + stepBytes;
    } finally {
      await file.close();
    }
  }
}
