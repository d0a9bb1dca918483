/**
 * The form of stored objects: `{"kind":K,"apiVersion":V,"metadata":{"resourceVersion":"N",...},...}`. Kind, version and revision stand at known
 * places, so that a revision is spliced in without serialising again, and an item of a list (which upstream sends without kind and
 * apiVersion) is a slice of the stored bytes.
 */
import type { KubeObject } from '../../kinds/object.ts';

export interface Serialized {
  /** Up to the digits of the revision. */
  readonly head: string;
  /** From the quote behind them. */
  readonly tail: string;
}

const heads = new Map<string, string>();
/** `{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"` */
export const headOf = (apiVersion: string, kind: string): string => {
  const key = `${apiVersion} ${kind}`;
  let head = heads.get(key);
  if (head === undefined) {
    head = `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":{"resourceVersion":"`;
    heads.set(key, head);
  }
  return head;
};

/** Where the list item begins: behind kind and apiVersion, at `"metadata"`. */
const metadataText = '"metadata":{"resourceVersion":"';

export const serialize = (object: KubeObject): Serialized => {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _, ...others } = metadata;
  const meta = JSON.stringify(others);
  const body = JSON.stringify(rest);
  return {
    head: headOf(apiVersion, kind),
    tail: `"${meta.length > 2 ? `,${meta.slice(1)}` : '}'}${body.length > 2 ? `,${body.slice(1)}` : '}'}`,
  };
};

export const atRevision = ({ head, tail }: Serialized, revision: number): Uint8Array => Buffer.from(head + revision + tail);

const quote = 0x22;
const digitsEnd = (bytes: Uint8Array, start: number): number => bytes.indexOf(quote, start);

const startsWith = (bytes: Uint8Array, text: string): boolean => {
  if (bytes.length < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text.charCodeAt(i)) return false;
  return true;
};

/** The same object with another revision. */
export const withRevision = (bytes: Uint8Array, apiVersion: string, kind: string, revision: number): Uint8Array => {
  const head = headOf(apiVersion, kind);
  if (startsWith(bytes, head)) {
    const end = digitsEnd(bytes, head.length);
    return Buffer.concat([Buffer.from(head + revision), bytes.subarray(end)]);
  }
  return atRevision(serialize(parse(bytes)), revision);
};

/** All of the item but its opening brace. */
export const listItem = (bytes: Uint8Array, apiVersion: string, kind: string): Uint8Array => {
  const head = headOf(apiVersion, kind);
  if (startsWith(bytes, head)) return bytes.subarray(head.length - metadataText.length);
  const { kind: _, apiVersion: __, ...rest } = parse(bytes);
  return Buffer.from(JSON.stringify(rest)).subarray(1);
};

const decoder = new TextDecoder();
/** A copy of its own, unlike the shared `Entry.object`. */
export const parse = (bytes: Uint8Array): KubeObject => JSON.parse(decoder.decode(bytes)) as KubeObject;

/** A deep copy of plain JSON; `undefined` members are left out, as serialising would. */
export const copyJson = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson) as T;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    if (key === '__proto__')
      Object.defineProperty(copy, key, { value: copyJson(member), enumerable: true, writable: true, configurable: true });
    else copy[key] = copyJson(member);
  }
  return copy as T;
};

/** Whether two plain JSON values are the same, whatever the order of members; an `undefined` member counts as absent. */
export const sameJson = (one: unknown, other: unknown): boolean => {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one)) {
    if (!Array.isArray(other) || one.length !== other.length) return false;
    for (let i = 0; i < one.length; i++) if (!sameJson(one[i], other[i])) return false;
    return true;
  }
  if (Array.isArray(other)) return false;
  const left = one as Record<string, unknown>;
  const right = other as Record<string, unknown>;
  let count = 0;
  for (const key of Object.keys(left)) {
    if (left[key] === undefined) continue;
    count++;
    if (!Object.hasOwn(right, key) || !sameJson(left[key], right[key])) return false;
  }
  for (const key of Object.keys(right)) if (right[key] !== undefined) count--;
  return count === 0;
};
