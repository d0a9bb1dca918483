/**
 * From the stored version to a served one and back. Conversion is by name alone (strategy `None`): the fields stay as they are; with
 * strategy `Webhook` somebody else tells what they become. What is stored is completed and pruned by the schema of the version it is stored in, also when it is read: the schema may have changed since.
 */
import { copyJson } from '../copy.ts';
import { semanticEqual } from '../equality.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { applySchemaDefaults } from '../schema/defaults.ts';
import { prune } from '../schema/prune.ts';
import type { Schema } from '../schema/schema.ts';
import type { WebhookConversion } from './conversion.ts';

export interface Forms {
  readonly toStored?: (object: KubeObject) => KubeObject;
  readonly fromStored?: (object: KubeObject) => KubeObject;
  readonly conversion?: WebhookConversion;
}

export interface FormsOptions {
  readonly served: string;
  /** `apiVersion` of the stored form. */
  readonly stored: string;
  readonly servedSchema: () => Schema;
  readonly storedSchema: () => Schema;
  /** Set where only a webhook can tell what another version looks like. */
  readonly conversion: WebhookConversion | undefined;
  /** No object can have been written under another schema than that of today. */
  readonly unchanged: boolean;
}

/** Completed and pruned, as its `apiVersion` says already. */
const settle = (schema: Schema, object: KubeObject): KubeObject => {
  prune(schema, object as unknown as JsonObject);
  applySchemaDefaults(schema, object);
  return object;
};

export const formsOf = ({ served, stored, servedSchema, storedSchema, conversion, unchanged }: FormsOptions): Forms => {
  const same = served === stored;
  if (conversion && !(same && unchanged)) return { conversion, fromStored: object => conversion.served(object) };
  if (same && unchanged) return {};
  // Replicas keep parsed objects for a while; as long as they do, the work is done once.
  const known = new WeakMap<KubeObject, KubeObject>();
  const fromStored = (object: KubeObject): KubeObject => {
    const before = known.get(object);
    if (before) return before;
    let settled = unchanged ? { ...object } : settle(storedSchema(), copyJson(object));
    // Whoever asks sees by the identity that the stored bytes will do.
    if (same && object.apiVersion === served && semanticEqual(settled, object)) settled = object;
    else if (same) settled.apiVersion = served;
    else {
      settled = copyJson(settled);
      settled.apiVersion = served;
      // Another version keeps what it names itself.
      prune(servedSchema(), settled as unknown as JsonObject);
    }
    known.set(object, settled);
    return settled;
  };
  if (same) return { fromStored };
  return { fromStored, toStored: object => settle(storedSchema(), { ...copyJson(object), apiVersion: stored }) };
};
