/** Who set which field: entries are renewed by every write, before admission, so that what plugins add belongs to nobody (as upstream). */
import { trackUpdate, withoutTimeChanges } from '../../kinds/apply/managed-fields.ts';
import { timestamp } from '../../kinds/environment.ts';
import { semanticEqual } from '../../kinds/equality.ts';
import type { KubeObject } from '../../kinds/object.ts';
import { apiVersionOf, isCustomResource } from '../../kinds/resource.ts';
import { type Call, toServed, toStored, type WriteOptions } from './context.ts';
import { inVersions } from './conversion.ts';
import { sameJson } from './wire.ts';

/** As it will be read again, where it is stored in another form: what that form tells in one way only is told in that way. */
const asRead = ({ resource }: Call, object: KubeObject): KubeObject =>
  resource.storage.toStored && !isCustomResource(resource) ? toServed(resource, toStored(resource, object)) : object;

/** Waits only where a webhook tells what other versions look like. */
export const renewManagedFields = (
  call: Call,
  options: WriteOptions,
  next: KubeObject,
  previous: KubeObject | undefined,
): void | Promise<void> => {
  const { resource, subresource, services } = call;
  const set = (entries: ReturnType<typeof trackUpdate>): void => {
    if (entries.length > 0) next.metadata.managedFields = entries;
    else delete next.metadata.managedFields;
  };
  const entries = inVersions(call, previous, toVersion =>
    trackUpdate({
      schema: resource.schema,
      previous,
      next: asRead(call, next),
      manager: options.manager,
      apiVersion: apiVersionOf(resource),
      subresource,
      time: timestamp(services.clock.now()),
      toVersion,
    }),
  );
  return entries instanceof Promise ? entries.then(set) : set(entries);
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
