/** Who set which field: entries are renewed by every write, before admission, so that what plugins add belongs to nobody (as upstream). */
import { trackUpdate, withoutTimeChanges } from '../../kinds/apply/managed-fields.ts';
import type { ToVersion } from '../../kinds/apply/ownership.ts';
import { timestamp } from '../../kinds/environment.ts';
import { semanticEqual } from '../../kinds/equality.ts';
import type { KubeObject } from '../../kinds/object.ts';
import { apiVersionOf, isCustomResource } from '../../kinds/resource.ts';
import { type Call, toServed, toStored, type WriteOptions } from './context.ts';
import { sameJson } from './wire.ts';

/** As it will be read again, where it is stored in another form: what that form tells in one way only is told in that way. */
const asRead = ({ resource }: Call, object: KubeObject): KubeObject =>
  resource.storage.toStored && !isCustomResource(resource) ? toServed(resource, toStored(resource, object)) : object;

export const renewManagedFields = (call: Call, options: WriteOptions, next: KubeObject, previous: KubeObject | undefined): void => {
  const { resource, subresource, services } = call;
  const entries = trackUpdate({
    schema: resource.schema,
    previous,
    next: asRead(call, next),
    manager: options.manager,
    apiVersion: apiVersionOf(resource),
    subresource,
    time: timestamp(services.clock.now()),
    toVersion: toVersionOf(call),
  });
  if (entries.length > 0) next.metadata.managedFields = entries;
  else delete next.metadata.managedFields;
};

/** Managers may have written in other versions of the kind, which may be in other groups. */
export const toVersionOf =
  ({ resource, services }: Call): ToVersion =>
  (object, apiVersion) => {
    const [version = '', group = ''] = apiVersion.split('/').reverse();
    const other = services.registry.find(group, version, resource.resource);
    if (other?.storage.name !== resource.storage.name) return undefined;
    const stored = toStored(resource, object as unknown as KubeObject);
    return { schema: other.schema, object: toServed(other, stored) as unknown as typeof object };
  };

/** A write that would change nothing but the times of its entries leaves them as they were, and so is none. */
export const keepTimes = (call: Call, next: KubeObject, previous: KubeObject): void => {
  const same = isCustomResource(call.resource) ? sameJson : semanticEqual;
  const bare = ({ metadata: { managedFields: _, ...metadata }, ...rest }: KubeObject): unknown => ({ ...rest, metadata });
  const entries = withoutTimeChanges(next.metadata.managedFields, previous.metadata.managedFields, () =>
    same(bare(asRead(call, next)), bare(previous)),
  );
  if (entries) next.metadata.managedFields = [...entries];
};
