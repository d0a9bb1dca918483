/** A list's body. In the usual case no object is looked into: slices of stored bytes with commas between them. */
import { apiVersionOf, isCustomResource } from '../../kinds/resource.ts';
import type { Entry } from '../../store/replica.ts';
import { type Exchange, type ListAnswer, toServed } from './context.ts';
import { format } from './encode.ts';
import { partialMetadata, refuseListForm, tableOf } from './forms.ts';
import { listInProtobuf } from './protobuf.ts';
import type { ApiBody } from './types.ts';
import { listItem } from './wire.ts';

const separator = Buffer.from(',{');
const opening = Buffer.from('{');
const closing = Buffer.from(']}\n');

export const encodeList = async (exchange: Exchange, answer: ListAnswer): Promise<ApiBody> => {
  const { entries, metadata } = answer;
  const { accept, resource } = exchange;
  const { transform } = accept;
  const custom = isCustomResource(resource);
  const apiVersion = apiVersionOf(resource);
  if (accept.mediaType === 'protobuf') return listInProtobuf(exchange, answer);
  if (!transform && accept.mediaType === 'json') return joined(exchange, entries, custom ? { continue: '', ...metadata } : metadata);
  const objects = entries.map(entry => toServed(resource, entry.object));
  if (!transform) {
    if (custom) return format(accept, { kind: listKind(exchange), apiVersion, metadata: { continue: '', ...metadata }, items: objects });
    const items = objects.map(({ kind: _, apiVersion: __, ...item }) => item);
    return format(accept, { kind: listKind(exchange), apiVersion, metadata, items });
  }
  refuseListForm(exchange, transform.kind, true);
  if (transform.kind === 'Table') return format(accept, tableOf(exchange, objects, metadata));
  // Upstream builds this list by appending, and of nothing it makes null.
  const items = objects.length > 0 ? objects.map(object => partialMetadata(exchange.resource, object, transform.apiVersion)) : null;
  return format(accept, { kind: 'PartialObjectMetadataList', apiVersion: transform.apiVersion, metadata, items });
};

/** Lists of custom resources name kind and version in every item, and are never without `continue` (apimachinery `UnstructuredList`). */
const listKind = ({ resource }: Exchange): string => resource.listKind ?? `${resource.kind}List`;
const comma = Buffer.from(',');

const joined = (exchange: Exchange, entries: readonly Entry[], metadata: ListAnswer['metadata']): ApiBody => {
  const { resource } = exchange;
  const apiVersion = apiVersionOf(resource);
  const head = `{"kind":${JSON.stringify(listKind(exchange))},"apiVersion":${JSON.stringify(apiVersion)},"metadata":${JSON.stringify(metadata)},"items":[`;
  const chunks: Uint8Array[] = [Buffer.from(head)];
  const { fromStored, group, version, kind } = resource.storage;
  const stored = apiVersionOf({ group, version });
  let first = true;
  if (isCustomResource(resource)) {
    for (const entry of entries) {
      if (!first) chunks.push(comma);
      first = false;
      const served = fromStored ? fromStored(entry.object) : undefined;
      chunks.push(served && served !== entry.object ? Buffer.from(JSON.stringify(served)) : entry.bytes);
    }
    chunks.push(closing);
    return chunks;
  }
  for (const entry of entries) {
    chunks.push(first ? opening : separator);
    first = false;
    if (fromStored) {
      const { kind: _, apiVersion: __, ...item } = fromStored(entry.object);
      chunks.push(Buffer.from(JSON.stringify(item)).subarray(1));
    } else chunks.push(listItem(entry.bytes, stored, kind));
  }
  chunks.push(closing);
  return chunks;
};
