/**
 * An object as it will be stored. Where that is another form than the served one, the served form may say less: what this write leaves
 * alone is therefore taken over as it is stored, and defaults are those of the stored form. (Upstream works on one form throughout.)
 */
import type { KubeObject } from '../../kinds/object.ts';
import { isCustomResource } from '../../kinds/resource.ts';
import { settle } from '../../kinds/schema/settle.ts';
import { type Call, toServed, toStored } from './context.ts';
import { convertToStored } from './conversion.ts';
import { hasStatus, resetStatus } from './strategy.ts';

export interface StoredForm {
  readonly stored: KubeObject;
  /** What the writer is shown of it. */
  readonly served: KubeObject;
}

/** `previous` is in the stored form, too. `object` must not be used afterwards. */
export const storedForm = async (call: Call, object: KubeObject, previous: KubeObject | undefined): Promise<StoredForm> => {
  const { resource, subresource, services } = call;
  settle(resource.schema.definition, object);
  const { conversion } = resource.storage;
  if (conversion) return { stored: await convertToStored(call, conversion, object), served: object };
  const stored = toStored(resource, object);
  const own = resource.storage.toStored && !isCustomResource(resource) && services.registry.findStored(resource.storage.name);
  if (!own || !hasStatus(resource)) return { stored, served: object };
  if (!previous) resetStatus(own, stored);
  else {
    const part = subresource === 'status' ? 'spec' : 'status';
    if (previous[part] !== undefined) stored[part] = previous[part];
  }
  own.strategy.defaults?.(stored);
  settle(own.schema.definition, stored);
  return { stored, served: toServed(resource, stored) };
};
