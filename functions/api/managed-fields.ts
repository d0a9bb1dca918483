/** Who set which field: entries are renewed by every write, before admission, so that what plugins add belongs to nobody (as upstream). */
import { trackUpdate } from '../../kinds/apply/managed-fields.ts';
import { timestamp } from '../../kinds/environment.ts';
import type { KubeObject } from '../../kinds/object.ts';
import { apiVersionOf } from '../../kinds/resource.ts';
import type { Call, WriteOptions } from './context.ts';

export const renewManagedFields = (call: Call, options: WriteOptions, next: KubeObject, previous: KubeObject | undefined): void => {
  const { resource, subresource, services } = call;
  const entries = trackUpdate({
    schema: resource.schema,
    previous,
    next,
    manager: options.manager,
    apiVersion: apiVersionOf(resource),
    subresource,
    time: timestamp(services.clock.now()),
  });
  if (entries.length > 0) next.metadata.managedFields = entries;
  else delete next.metadata.managedFields;
};
