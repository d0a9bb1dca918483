/**
 * Encryption of a local cluster's store: its key file, what stands in the store, and how one follows the other.
 *
 *   no file, nothing encrypted yet     a key is made
 *   a key that is in use is not there  nothing is started, nothing written
 *   one key                            values that are plain, or that need not be any more, are rewritten
 *   several keys (a rotation)          all values are rewritten with the first, then the others are taken out of the file
 *
 * A rotation is nothing but a new first line in the file: whatever moment the process dies at, the next start goes on from what the file says.
 */
import type { Clock, Logger } from '../../kinds/environment.ts';
import { type Log, type ObjectKey, type Rewriting, type StoredObject, UnreadableError } from '../log.ts';
import { DataKeys } from './data-keys.ts';
import { encryptedLog } from './encrypted-log.ts';
import { isEncrypted, open } from './envelope.ts';
import { KeyFileError, type LocalKey, newKey, readKeyFile, writeKeyFile } from './key-file.ts';

export interface EncryptionOptions {
  readonly log: Log;
  readonly keyFile: string;
  /** By the store's names. */
  readonly resources: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface EncryptionAtRest {
  readonly log: Log;
  /** Rewrites what is not as it is to be, and ends a rotation that was begun. Not needed for reading anything. */
  settle(): Promise<void>;
  /** A new key from now on; resolves when nothing needs the old ones any more and they are gone. */
  rotate(): Promise<void>;
}

/** Throws `KeyFileError` before anything is written. */
export async function encryptionAtRest(options: EncryptionOptions): Promise<EncryptionAtRest> {
  const { log, keyFile } = options;
  let keys = readKeyFile(keyFile);
  const used = await keysInUse(log, options.resources);
  const missing = [...used].filter(id => !keys?.some(key => key.id === id));
  if (missing.length > 0)
    throw new KeyFileError(
      `Secrets of this cluster are encrypted with the key ${missing.join(', ')}, which is not in ${keyFile}${keys ? '' : ' (there is no such file)'}. ` +
        'Put back the key file that the cluster was last started with; nothing has been changed.',
    );
  if (keys === undefined) {
    keys = [newKey()];
    writeKeyFile(keyFile, keys);
  }
  const dataKeys = new DataKeys(keys, options.clock);
  await dataKeys.prepare();
  const encrypted = new Set(options.resources);
  const upkeep = new Upkeep(options, dataKeys, encrypted);
  return {
    log: encryptedLog(log, dataKeys, resource => encrypted.has(resource)),
    settle: () => upkeep.settle(),
    rotate: () => upkeep.rotate(),
  };
}

/** Key encryptions that current values need. */
async function keysInUse(log: Log, resources: readonly string[]): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const resource of resources)
    for await (const { objects } of log.load(resource))
      for (const { value } of objects) {
        // One that is damaged is told when it is asked for.
        const envelope = isEncrypted(value) ? open(value) : undefined;
        if (envelope !== undefined) ids.add(envelope.id);
      }
  return ids;
}

class Upkeep {
  private readonly options: EncryptionOptions;
  private readonly dataKeys: DataKeys;
  private readonly encrypted: ReadonlySet<string>;
  /** One thing at a time. */
  private last: Promise<void> = Promise.resolve();

  constructor(options: EncryptionOptions, dataKeys: DataKeys, encrypted: ReadonlySet<string>) {
    this.options = options;
    this.dataKeys = dataKeys;
    this.encrypted = encrypted;
  }

  settle(): Promise<void> {
    return this.next(() => this.rewrite());
  }

  rotate(): Promise<void> {
    return this.next(async () => {
      const { keyFile } = this.options;
      const keys = [newKey(), ...this.read()];
      // In the file before it is used, used by every new write before anything old is rewritten.
      writeKeyFile(keyFile, keys);
      await this.dataKeys.use(keys);
      await this.rewrite();
    });
  }

  private next(work: () => Promise<void>): Promise<void> {
    const done = this.last.then(work);
    this.last = done.catch(() => undefined);
    return done;
  }

  private read(): readonly LocalKey[] {
    const { keyFile } = this.options;
    const keys = readKeyFile(keyFile);
    if (keys === undefined) throw new KeyFileError(`The key file ${keyFile} is gone. Put it back.`);
    return keys;
  }

  private async rewrite(): Promise<void> {
    const { log, keyFile, logger } = this.options;
    const keys = this.read();
    const rotating = keys.length > 1;
    // Old keys may also protect what is not to be encrypted any more.
    const resources = new Set([...this.encrypted, ...(rotating ? await log.resources() : [])]);
    const unreadable: ObjectKey[] = [];
    let count = 0;
    for (const resource of resources) count += await log.rewrite(resource, this.anew(unreadable));
    if (count > 0) logger.info('stored values were encrypted anew', { values: count });
    if (!rotating) return;
    if (unreadable.length > 0) {
      const objects = [...new Set(unreadable.map(({ resource, namespace, name }) => `${resource} ${namespace}/${name}`))];
      logger.warn('the old keys stay: some objects cannot be read, so what they need is not known', {
        objects: objects.slice(0, 20),
        keyFile,
      });
      return;
    }
    writeKeyFile(keyFile, keys.slice(0, 1));
    logger.info('the keys were rotated', { key: keys[0]?.id });
  }

  private anew(unreadable: ObjectKey[]): Rewriting {
    const one = ({ key, value }: StoredObject): Uint8Array | undefined => {
      const wanted = this.encrypted.has(key.resource);
      if (wanted ? this.dataKeys.isCurrent(value) : !isEncrypted(value)) return undefined;
      try {
        const plain = this.dataKeys.unseal(key, value);
        return wanted ? this.dataKeys.seal(key, plain) : plain;
      } catch (error) {
        if (!(error instanceof UnreadableError)) throw error;
        unreadable.push(key);
        return undefined;
      }
    };
    return async rows => {
      const stale = rows.filter(
        ({ key, value }) => isEncrypted(value) && !(this.encrypted.has(key.resource) && this.dataKeys.isCurrent(value)),
      );
      await this.dataKeys.learn(stale.map(({ value }) => value));
      if (!this.dataKeys.ready) await this.dataKeys.prepare();
      return rows.map(one);
    };
  }
}
