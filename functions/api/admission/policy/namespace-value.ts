/** A namespace as expressions see it (`namespaceObject`): times are times, and only what is declared is there. */
import type { CelInput } from '@bufbuild/cel';
import { celValue } from '../../../../kinds/cel/values.ts';
import type { KubeObject } from '../../../../kinds/object.ts';
import type { Schema } from '../../../../kinds/schema/schema.ts';

const text: Schema = { type: 'string' };
const whole: Schema = { type: 'integer' };
const time: Schema = { type: 'string', format: 'date-time' };
const texts: Schema = { type: 'array', items: text };
const labels: Schema = { type: 'object', additionalProperties: text };
const object = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  properties: new Map(Object.entries(properties)),
});

const condition = object({ status: text, type: text, lastTransitionTime: time, message: text, reason: text });
const schema = object({
  metadata: object({
    name: text,
    generateName: text,
    namespace: text,
    labels,
    annotations: labels,
    creationTimestamp: time,
    deletionGracePeriodSeconds: whole,
    deletionTimestamp: time,
    generation: whole,
    resourceVersion: text,
    finalizers: texts,
  }),
  spec: object({ finalizers: texts }),
  status: object({ conditions: { type: 'array', items: condition }, phase: text }),
});

export const namespaceValue = (namespace: KubeObject | undefined): CelInput => celValue(schema, namespace);
