/** The keys that values are encrypted with: one for writing, made anew now and then, and those met in what is read. */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Clock } from '../../kinds/environment.ts';
import { type ObjectKey, UnreadableError } from '../log.ts';
import { type Envelope, header, isEncrypted, open, seal, unseal } from './envelope.ts';
import type { KeyEncryption } from './key-encryption.ts';

/** Random nonces of 96 bits stay apart for far longer. */
const longestUse = 2 ** 24;
const longestLife = 24 * 3_600_000;
/** Each is met again only if as many others were met in between. */
const knownKeys = 4096;

interface Writing {
  readonly secret: KeyObject;
  readonly header: Buffer;
  readonly made: number;
  uses: number;
}

export class DataKeys {
  private readonly clock: Clock;
  private keys: readonly KeyEncryption[];
  private writing: Writing | undefined;
  private making: Promise<void> | undefined;
  /** By the bytes of the header. */
  private readonly known = new Map<string, KeyObject>();

  /** The first writes, all read. */
  constructor(keys: readonly KeyEncryption[], clock: Clock) {
    this.keys = keys;
    this.clock = clock;
  }

  /** From the next write on the first of these writes. What was met before stays readable. */
  async use(keys: readonly KeyEncryption[]): Promise<void> {
    const [writer] = keys;
    if (writer === undefined) throw new Error('no key to write with');
    // Made before it counts: a write finds the old one or the new one, never none.
    const writing = await this.make(writer);
    this.keys = keys;
    this.writing = writing;
  }

  /** False: `prepare` before sealing. */
  get ready(): boolean {
    const { writing } = this;
    return writing !== undefined && writing.uses < longestUse && this.clock.now() - writing.made < longestLife;
  }

  /** The key to write with is here, and not worn out. */
  prepare(): Promise<void> {
    this.making ??= this.renew().finally(() => {
      this.making = undefined;
    });
    return this.making;
  }

  seal(key: ObjectKey, plain: Uint8Array): Uint8Array {
    const { writing } = this;
    if (writing === undefined) throw new Error('no data key has been made');
    writing.uses += 1;
    return seal(writing.secret, writing.header, key, plain);
  }

  /** Whether a value needs no encrypting anew. */
  isCurrent(value: Uint8Array): boolean {
    return isEncrypted(value) && open(value)?.id === this.keys[0]?.id;
  }

  /** Whether all these can be read without asking a key's keeper. */
  knows(values: readonly Uint8Array[]): boolean {
    return values.every(value => !isEncrypted(value) || this.secretOf(value, open(value)) !== undefined);
  }

  /** Asks for the data keys of these values that are not known. What cannot be read is told by `unseal`; a keeper that cannot answer rejects here. */
  async learn(values: readonly Uint8Array[]): Promise<void> {
    for (const value of values) {
      const envelope = isEncrypted(value) ? open(value) : undefined;
      if (envelope === undefined || this.secretOf(value, envelope) !== undefined) continue;
      const keeper = this.keys.find(({ id }) => id === envelope.id);
      if (keeper !== undefined) this.remember(headerOf(value, envelope), createSecretKey(await keeper.unwrap(envelope.wrapped)));
    }
  }

  /** Plain values are answered as they are. Throws `UnreadableError`. */
  unseal(key: ObjectKey, value: Uint8Array): Uint8Array {
    if (!isEncrypted(value)) return value;
    const envelope = open(value);
    if (envelope === undefined) throw new UnreadableError(key, 'it is damaged, or encrypted in a way unknown here');
    const secret = this.secretOf(value, envelope);
    if (secret === undefined)
      throw new UnreadableError(key, `it is encrypted with the key ${JSON.stringify(envelope.id)}, which is not here`);
    try {
      return unseal(secret, envelope.length, key, value);
    } catch (cause) {
      const error = new UnreadableError(key, 'it is damaged, or was written for another object');
      error.cause = cause;
      throw error;
    }
  }

  private secretOf(value: Uint8Array, envelope: Envelope | undefined): KeyObject | undefined {
    return envelope && this.known.get(headerOf(value, envelope));
  }

  private remember(head: string, secret: KeyObject): void {
    const [oldest] = this.known.keys();
    if (this.known.size >= knownKeys && oldest !== undefined) this.known.delete(oldest);
    this.known.set(head, secret);
  }

  private async renew(): Promise<void> {
    const [writer] = this.keys;
    if (writer === undefined) throw new Error('no key to write with');
    const made = await this.make(writer);
    // Another one may have come to write meanwhile.
    if (this.keys[0] === writer) this.writing = made;
  }

  private async make(writer: KeyEncryption): Promise<Writing> {
    const bytes = randomBytes(32);
    const head = header(writer.id, await writer.wrap(bytes));
    const secret = createSecretKey(bytes);
    this.remember(head.toString('latin1'), secret);
    return { secret, header: head, made: this.clock.now(), uses: 0 };
  }
}

const headerOf = (value: Uint8Array, { length }: Envelope): string =>
  Buffer.from(value.buffer, value.byteOffset, length).toString('latin1');
