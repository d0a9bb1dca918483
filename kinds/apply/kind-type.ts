/** The type of whole objects. Schemas of custom resources need not say what every object has; it is filled in here. */
import { definition } from '../schema/data.ts';
import type { Schema } from '../schema/schema.ts';
import { type Type, typeOf } from './type.ts';

const text: Schema = { type: 'string' };
const types = new WeakMap<Schema, Type>();

export const kindType = (schema: Schema): Type => {
  const known = types.get(schema);
  if (known) return known;
  const metadata = schema.properties?.get('metadata');
  const complete: Schema =
    metadata?.properties || metadata?.additionalProperties
      ? schema
      : {
          ...schema,
          type: 'object',
          properties: new Map([
            ['apiVersion', text],
            ['kind', text],
            ...(schema.properties ?? []),
            ['metadata', definition('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta') ?? { type: 'object' }],
          ]),
        };
  const type = typeOf(complete);
  types.set(schema, type);
  return type;
};
