/** A small kind with every form of list and map, for the tests of this folder. */
import type { Schema } from '../schema/schema.ts';

const text: Schema = { type: 'string' };
const number: Schema = { type: 'integer' };
const struct = (properties: Record<string, Schema>, more: Partial<Schema> = {}): Schema => ({
  type: 'object',
  properties: new Map(Object.entries(properties)),
  ...more,
});
const map: Schema = { type: 'object', additionalProperties: text };

const port = struct({ port: number, protocol: { type: 'string', default: 'TCP' }, name: text });
const container = struct({
  name: text,
  image: text,
  env: { type: 'array', items: struct({ name: text, value: text }), patchStrategy: ['merge'], patchMergeKey: 'name' },
  ports: { type: 'array', items: port, listType: 'map', listMapKeys: ['port', 'protocol'] },
});

export const schema: Schema = struct({
  apiVersion: text,
  kind: text,
  metadata: struct({
    name: text,
    namespace: text,
    uid: text,
    resourceVersion: text,
    labels: map,
    annotations: map,
    finalizers: { type: 'array', items: text, listType: 'set' },
    managedFields: { type: 'array', items: { type: 'object' }, listType: 'atomic' },
  }),
  spec: struct({
    replicas: number,
    paused: { type: 'boolean' },
    args: { type: 'array', items: text },
    selector: { ...map, mapType: 'atomic' },
    containers: { type: 'array', items: container, listType: 'map', listMapKeys: ['name'] },
    size: { intOrString: true },
    free: { type: 'object', preserveUnknownFields: true },
  }),
  status: struct({ phase: text }),
});
