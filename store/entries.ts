/**
 * One object in memory: its bytes as sent on the wire, and its parsed form while someone uses it. Parsed objects take several times the
 * memory of their bytes, so all replicas together keep only those used of late, up to a number of bytes; the others are parsed again.
 */
import type { KubeObject } from '../kinds/object.ts';
import { textOf } from './bytes.ts';
import { UnreadableError } from './log.ts';
import type { Entry } from './replica.ts';

export class StoredEntry implements Entry {
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  /** Or why it cannot be read. */
  readonly stored: Uint8Array | UnreadableError;
  private readonly parsed: ParsedObjects;
  /** Both belong to `ParsedObjects`. */
  kept: KubeObject | undefined = undefined;
  used = false;

  constructor(parsed: ParsedObjects, namespace: string, name: string, revision: number, stored: Uint8Array | UnreadableError) {
    this.parsed = parsed;
    this.namespace = namespace;
    this.name = name;
    this.revision = revision;
    this.stored = stored;
  }

  /** Throws `UnreadableError`. */
  get bytes(): Uint8Array {
    if (this.stored instanceof Uint8Array) return this.stored;
    throw this.stored;
  }

  get readable(): boolean {
    return this.stored instanceof Uint8Array;
  }

  /** Of the bytes. */
  get size(): number {
    return this.stored instanceof Uint8Array ? this.stored.byteLength : 0;
  }

  get object(): KubeObject {
    if (this.kept === undefined) return this.parsed.keep(this);
    this.used = true;
    return this.kept;
  }
}

/** The state before a change of which only the bytes are known: its revision is what they say. */
export class PastEntry implements Entry {
  readonly namespace: string;
  readonly name: string;
  private readonly stored: Uint8Array | UnreadableError;
  private parsed: KubeObject | undefined;

  constructor(namespace: string, name: string, stored: Uint8Array | UnreadableError) {
    this.namespace = namespace;
    this.name = name;
    this.stored = stored;
  }

  get bytes(): Uint8Array {
    if (this.stored instanceof Uint8Array) return this.stored;
    throw this.stored;
  }

  get revision(): number {
    return Number(this.object.metadata?.resourceVersion ?? 0);
  }

  get object(): KubeObject {
    this.parsed ??= parse(this.bytes);
    return this.parsed;
  }
}

const parse = (bytes: Uint8Array): KubeObject => JSON.parse(textOf(bytes));

/** What has no labels, no owner and no node. */
const nothing = {} as KubeObject;
/** The object for one look at it: parsed objects that are kept stay what they are. One that cannot be read says nothing. */
export const glance = (entry: StoredEntry): KubeObject =>
  entry.kept ?? (entry.stored instanceof Uint8Array ? parse(entry.stored) : nothing);

/** What a log has, or why it cannot be read: that is for those who look at this object, not for those who look at others. */
export const readOrWhy = <T>(read: () => T): T | UnreadableError => {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnreadableError) return error;
    throw error;
  }
};

/** Entries in the order they were parsed. The oldest goes first, unless it was used since it last came round. */
export class ParsedObjects {
  private readonly limit: number;
  private queue: (StoredEntry | undefined)[] = [];
  private first = 0;
  private bytes = 0;

  /** `limit` counts the bytes of the JSON, a fraction of what the objects take. */
  constructor(limit: number) {
    this.limit = limit;
  }

  keep(entry: StoredEntry): KubeObject {
    const object = parse(entry.bytes);
    entry.kept = object;
    entry.used = false;
    this.queue.push(entry);
    this.bytes += entry.size;
    while (this.bytes > this.limit) this.turn();
    return object;
  }

  private turn(): void {
    const entry = this.queue[this.first];
    if (entry === undefined) throw new Error('parsed objects are counted wrongly');
    this.queue[this.first] = undefined;
    this.first += 1;
    if (this.first > 256 && this.first * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.first);
      this.first = 0;
    }
    if (entry.used) {
      entry.used = false;
      this.queue.push(entry);
    } else {
      entry.kept = undefined;
      this.bytes -= entry.size;
    }
  }
}
