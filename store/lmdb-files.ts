/**
 * What must hold before LMDB may touch a data directory: one process owns it, and its file is whole. LMDB maps the file into memory and
 * trusts it, so that reading a truncated one would end the process with a signal instead of an error.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** The data directory cannot be used as it is; the message says in one sentence what to do. */
export class StoreOpenError extends Error {
  readonly reason: 'in-use' | 'damaged' | 'newer';
  constructor(reason: StoreOpenError['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreOpenError';
    this.reason = reason;
  }
}

export const damaged = (path: string, what: string, cause?: unknown): StoreOpenError =>
  new StoreOpenError('damaged', `The data in ${path} is damaged (${what}): restore it from a backup, or move it away to start empty.`, {
    cause,
  });

export const newer = (path: string, found: string): StoreOpenError =>
  new StoreOpenError(
    'newer',
    `The data in ${path} has format ${found}, which a newer version wrote: start it with that version or a later one.`,
  );

/** Errors of the system come from outside, so they are known by what they carry. */
const codeOf = (error: unknown): unknown => (typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined);
export const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);

/** Who a process is beyond its number, which is given again after a while and after a restart of the machine. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Dead, though its parent has not asked about it yet.
    if (fields[0] === 'Z' || fields[0] === 'X') return 'ended';
    const started = fields[19] ?? '';
    return `${started}@${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
  } catch {
    // No such process, or no /proc on this system; then the number alone has to do.
    return '';
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes this process the owner of a directory until the answer is called. The lock of a process that died is taken over. */
export function lockDirectory(path: string): () => void {
  const lock = join(path, 'owner');
  const mine = `${process.pid} ${startOf(process.pid)}`;
  // Written beside and linked, so that nobody ever reads half a lock.
  const draft = join(path, `owner.${process.pid}`);
  writeFileSync(draft, mine, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 10; attempt++) {
      try {
        linkSync(draft, lock);
        return () => {
          if (read(lock) === mine) rmSync(lock, { force: true });
        };
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      const holder = read(lock);
      if (holder === undefined) continue;
      const [pid = '', started = ''] = holder.split(' ');
      const known = startOf(Number(pid));
      if (Number(pid) > 0 && alive(Number(pid)) && (started === '' || known === '' || started === known)) {
        throw new StoreOpenError(
          'in-use',
          `The data in ${path} is in use by process ${pid}: stop that process first, or use another data directory.`,
        );
      }
      // Moved aside and looked at again: another opener may have replaced it in between, and then gets its lock back.
      const aside = join(path, `owner.stale.${process.pid}`);
      try {
        renameSync(lock, aside);
        if (read(aside) !== holder && !existsSync(lock)) renameSync(aside, lock);
        else rmSync(aside, { force: true });
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    }
    throw new StoreOpenError('in-use', `The data in ${path} is being opened by several processes at once: start only one.`);
  } finally {
    rmSync(draft, { force: true });
  }
}

const magic = 0xbeefc0de;
/** Offsets into a meta page on 64-bit (`MDB_page` and `MDB_meta` of lmdb's mdb.c). */
const pageHeader = 24;

interface Meta {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly transaction: bigint;
}

function readMeta(page: Buffer): Meta | undefined {
  if (page.length < pageHeader + 136 || page.readUInt32LE(pageHeader) !== magic) return undefined;
  const dbs = pageHeader + 24;
  return {
    pageSize: page.readUInt32LE(dbs),
    lastPage: Number(page.readBigUInt64LE(dbs + 2 * 48)),
    transaction: page.readBigUInt64LE(dbs + 2 * 48 + 8),
  };
}

/** Where the newest committed data of an open file ends; undefined when its headers cannot be read. */
export function endOfData(handle: number): number | undefined {
  const page = Buffer.alloc(4096);
  readSync(handle, page, 0, page.length, 0);
  const one = readMeta(page);
  if (one === undefined) return undefined;
  readSync(handle, page, 0, page.length, one.pageSize);
  const two = readMeta(page);
  const newest = two !== undefined && two.transaction > one.transaction ? two : one;
  return (newest.lastPage + 1) * newest.pageSize;
}

/** Throws when the file cannot be what LMDB last committed; a file that does not exist yet or is empty is fine. */
export function checkDataFile(path: string): void {
  const file = join(path, 'data.mdb');
  if (!existsSync(file)) return;
  const handle = openSync(file, 'r+');
  try {
    const size = fstatSync(handle).size;
    if (size === 0) return;
    const first = Buffer.alloc(4096);
    readSync(handle, first, 0, first.length, 0);
    const one = readMeta(first);
    if (one === undefined) throw damaged(path, 'data.mdb is not a database');
    if (one.pageSize < 512 || one.pageSize > 65536) throw damaged(path, 'data.mdb has an impossible page size');
    const second = Buffer.alloc(4096);
    readSync(handle, second, 0, second.length, one.pageSize);
    const two = readMeta(second);
    if (two === undefined) throw damaged(path, 'the second header of data.mdb is unreadable');
    const newest = one.transaction >= two.transaction ? one : two;
    const missing = (newest.lastPage + 1) * one.pageSize - size;
    // Pages taken and given back in one transaction are never written, so a few at the end may lack. Zeros there turn a wild read into an error.
    if (missing > 64 * one.pageSize) throw damaged(path, `data.mdb is ${missing} bytes short`);
    if (missing > 0) ftruncateSync(handle, size + missing);
  } finally {
    closeSync(handle);
  }
}

/** A file's name is durable only once its directory is flushed, and LMDB flushes files alone. */
export function syncDirectories(path: string): void {
  for (const directory of [path, dirname(path)]) {
    const handle = openSync(directory, 'r');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  }
}

const full = new Set<unknown>(['ENOSPC', 'EDQUOT', 'EFBIG']);

/**
 * Whether a write failed because there is no space. Where part of it fitted, LMDB says no more than that it failed; so what it wanted to do is
 * tried beyond the end of the file, where it does no harm.
 */
export function isDiskFull(path: string, error: unknown): boolean {
  if (/No space left|Disk quota|MDB_MAP_FULL|File too large/i.test(messageOf(error))) return true;
  if (!/Input\/output error/i.test(messageOf(error))) return false;
  const handle = openSync(join(path, 'data.mdb'), 'r+');
  const { size } = fstatSync(handle);
  try {
    const probe = Buffer.alloc(1024 * 1024);
    for (let written = 0; written < probe.length; ) written += writeSync(handle, probe, written, probe.length - written, size + written);
    fdatasyncSync(handle);
    return false;
  } catch (failure) {
    return full.has(codeOf(failure));
  } finally {
    ftruncateSync(handle, size);
    closeSync(handle);
  }
}
