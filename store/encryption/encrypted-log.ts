/**
 * A Log whose values are encrypted on their way into another one and decrypted on their way out: the database, its history and its files hold
 * no plain value of the chosen resources, everybody above holds nothing else.
 *
 * What is read is decrypted where somebody looks at it. So a value that cannot be read hurts those who look at it: `value` and `previous` throw
 * `UnreadableError` for it, everything else about it can be told.
 */
import { ownBytes } from '../bytes.ts';
import { checkValue } from '../limits.ts';
import type { Change, CommitResult, Guard, LoadPage, Log, Mutation, ObjectKey, Rewriting, StoredObject } from '../log.ts';
import type { DataKeys } from './data-keys.ts';
import { isEncrypted } from './envelope.ts';

/** `encrypts`: by the store's name of the resource. Any value that is encrypted is decrypted, whatever its resource. */
export const encryptedLog = (inner: Log, keys: DataKeys, encrypts: (resource: string) => boolean): Log =>
  new EncryptedLog(inner, keys, encrypts);

/** What was sealed a moment ago comes back at once, to those who follow: they are given what it was made from. */
type Sealed = WeakMap<Uint8Array, Uint8Array>;

class EncryptedLog implements Log {
  private readonly inner: Log;
  private readonly keys: DataKeys;
  private readonly encrypts: (resource: string) => boolean;
  private readonly sealed: Sealed = new WeakMap();

  constructor(inner: Log, keys: DataKeys, encrypts: (resource: string) => boolean) {
    this.inner = inner;
    this.keys = keys;
    this.encrypts = encrypts;
  }

  commit(mutations: readonly Mutation[], guards?: readonly Guard[]): Promise<CommitResult> {
    if (!mutations.some(({ key }) => this.encrypts(key.resource))) return this.inner.commit(mutations, guards);
    const sealing = mutations.map(mutation => (this.encrypts(mutation.key.resource) ? this.sealing(mutation) : mutation));
    if (this.keys.ready) return this.inner.commit(sealing, guards);
    return this.keys.prepare().then(() => this.inner.commit(sealing, guards));
  }

  guard(row: string): Promise<number> {
    return this.inner.guard(row);
  }

  async get(key: ObjectKey): Promise<StoredObject | undefined> {
    const stored = await this.inner.get(key);
    if (stored === undefined || !isEncrypted(stored.value)) return stored;
    await this.keys.learn([stored.value]);
    return new Decrypted(this.keys, this.sealed, stored);
  }

  async *load(resource: string): AsyncGenerator<LoadPage> {
    for await (const page of this.inner.load(resource)) {
      const encrypted = page.objects.map(({ value }) => value).filter(isEncrypted);
      if (encrypted.length === 0) yield page;
      else {
        await this.keys.learn(encrypted);
        yield { ...page, objects: page.objects.map(stored => new Decrypted(this.keys, this.sealed, stored)) };
      }
    }
  }

  async tail(resource: string, after: number, limit?: number): Promise<readonly Change[]> {
    const changes = await this.inner.tail(resource, after, limit);
    const encrypted = valuesOf(changes);
    if (encrypted.length === 0) return changes;
    await this.keys.learn(encrypted);
    return this.decrypted(changes);
  }

  head(resource: string): Promise<number> {
    return this.inner.head(resource);
  }

  subscribe(resource: string, listener: (changes: readonly Change[]) => void): () => void {
    return this.inner.subscribe(resource, changes => {
      const encrypted = valuesOf(changes);
      if (encrypted.length === 0) listener(changes);
      // A key that has to be asked for takes time: they are told that there is something, and read it.
      else listener(this.keys.knows(encrypted) ? this.decrypted(changes) : []);
    });
  }

  resources(): Promise<readonly string[]> {
    return this.inner.resources();
  }

  rewrite(resource: string, anew: Rewriting): Promise<number> {
    return this.inner.rewrite(resource, anew);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private sealing({ type, key, expected, value }: Mutation): Mutation {
    return {
      type,
      key,
      expected,
      value: revision => {
        const plain = value(revision);
        checkValue(key, plain);
        const sealed = this.keys.seal(key, plain);
        this.sealed.set(sealed, ownBytes(plain));
        return sealed;
      },
    };
  }

  private decrypted(changes: readonly Change[]): readonly Change[] {
    return changes.map(change => new DecryptedChange(this.keys, this.sealed, change));
  }
}

const valuesOf = (changes: readonly Change[]): Uint8Array[] => {
  const found: Uint8Array[] = [];
  for (const { value, previous } of changes) {
    if (isEncrypted(value)) found.push(value);
    if (previous !== undefined && isEncrypted(previous)) found.push(previous);
  }
  return found;
};

class Decrypted implements StoredObject {
  readonly key: ObjectKey;
  readonly revision: number;
  readonly #keys: DataKeys;
  readonly #sealed: Sealed;
  readonly #stored: Uint8Array;
  #plain: Uint8Array | undefined;

  constructor(keys: DataKeys, sealed: Sealed, { key, revision, value }: StoredObject) {
    this.key = key;
    this.revision = revision;
    this.#keys = keys;
    this.#sealed = sealed;
    this.#stored = value;
  }

  get value(): Uint8Array {
    this.#plain ??= this.#sealed.get(this.#stored) ?? this.#keys.unseal(this.key, this.#stored);
    return this.#plain;
  }
}

class DecryptedChange extends Decrypted implements Change {
  readonly type: Change['type'];
  readonly time: number;
  readonly #before: Decrypted | undefined;

  constructor(keys: DataKeys, sealed: Sealed, change: Change) {
    super(keys, sealed, change);
    this.type = change.type;
    this.time = change.time;
    const { key, revision, previous } = change;
    this.#before = previous && new Decrypted(keys, sealed, { key, revision, value: previous });
  }

  get previous(): Uint8Array | undefined {
    return this.#before?.value;
  }
}
