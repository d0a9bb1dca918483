/**
 * One object in memory: its bytes as sent on the wire, and its parsed form while someone uses it. Parsed objects take several times the
 * memory of their bytes, so all replicas together keep only those used of late, up to a number of bytes; the others are parsed again.
 */
import type { KubeObject } from '../kinds/object.ts';
import { textOf } from './bytes.ts';
import type { Entry } from './replica.ts';

export class StoredEntry implements Entry {
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly bytes: Uint8Array;
  private readonly parsed: ParsedObjects;
  /** Both belong to `ParsedObjects`. */
  kept: KubeObject | undefined = undefined;
  used = false;

  constructor(parsed: ParsedObjects, namespace: string, name: string, revision: number, bytes: Uint8Array) {
    this.parsed = parsed;
    this.namespace = namespace;
    this.name = name;
    this.revision = revision;
    this.bytes = bytes;
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
  readonly bytes: Uint8Array;
  private parsed: KubeObject | undefined;

  constructor(namespace: string, name: string, bytes: Uint8Array) {
    this.namespace = namespace;
    this.name = name;
    this.bytes = bytes;
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

/** The object for one look at it: parsed objects that are kept stay what they are. */
export const glance = (entry: StoredEntry): KubeObject => entry.kept ?? parse(entry.bytes);

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
    this.bytes += entry.bytes.byteLength;
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
      this.bytes -= entry.bytes.byteLength;
    }
  }
}
