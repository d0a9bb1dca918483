/** Answers in protobuf, for clients that prefer it. The encoder is loaded when the first of them comes. */
import type { KubeObject } from '../../kinds/object.ts';
import { apiVersionOf, type Resource } from '../../kinds/resource.ts';
import type { Status } from '../../kinds/status.ts';
import type { Entry } from '../../store/replica.ts';
import { type Exchange, type ListAnswer, toServed } from './context.ts';
import { refuseListForm } from './forms.ts';
import { protobufType } from './negotiate.ts';

const caching = 'no-cache, private';
export const protobufHeaders = { 'content-type': protobufType, 'cache-control': caching } as const;
export const protobufStreamHeaders = { 'content-type': `${protobufType};stream=watch`, 'cache-control': caching } as const;

const load = () => import('../../kinds/protobuf/index.ts');
type Codec = Awaited<ReturnType<typeof load>>;

/** What is answered is of built-in kinds, as negotiation has seen to. */
const sure = (bytes: Uint8Array | undefined, kind: string): Uint8Array => {
  if (!bytes) throw new Error(`no protobuf message for ${kind}`);
  return bytes;
};

/** An entry's message, made once for all who ask; those of converted versions are made anew. */
const messages = new WeakMap<Entry, Uint8Array>();
const messageOf = (codec: Codec, resource: Resource, entry: Entry): Uint8Array => {
  const known = messages.get(entry);
  if (known && !resource.storage.fromStored) return known;
  const made = sure(codec.encodeMessage(toServed(resource, entry.object)), resource.kind);
  if (!resource.storage.fromStored) messages.set(entry, made);
  return made;
};

export const objectInProtobuf = async (object: KubeObject | Status): Promise<Uint8Array> =>
  sure((await load()).encodeObject(object as KubeObject), object.kind);

export const listInProtobuf = async (exchange: Exchange, { entries, metadata }: ListAnswer): Promise<Uint8Array> => {
  const { accept, resource } = exchange;
  const codec = await load();
  if (!accept.transform) {
    const items = entries.map(entry => messageOf(codec, resource, entry));
    return codec.encodeList(apiVersionOf(resource), `${resource.kind}List`, metadata, items);
  }
  refuseListForm(exchange, accept.transform.kind, true);
  const objects = entries.map(entry => toServed(resource, entry.object));
  return codec.encodePartialList(objects, metadata, accept.transform.apiVersion);
};

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** Events of a watch in one of its forms. */
export interface EventEncoder {
  /** An object of the resource as it is. */
  event(type: EventType, entry: Entry): Uint8Array;
  /** Anything with kind and version. */
  value(type: EventType, value: unknown): Uint8Array;
}

export const eventsInProtobuf = async (resource: Resource): Promise<EventEncoder> => {
  const codec = await load();
  const apiVersion = apiVersionOf(resource);
  return {
    event: (type, entry) => codec.watchFrame(type, codec.sealEnvelope(apiVersion, resource.kind, [messageOf(codec, resource, entry)])),
    value: (type, value) => codec.watchFrame(type, sure(codec.encodeObject(value as KubeObject), type)),
  };
};
