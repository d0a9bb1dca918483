/** Questions that are asked as objects and store nothing: decoded, tracked and admitted like any object that is created. */
import type { KubeObject } from '../../../kinds/object.ts';
import type { Resource } from '../../../kinds/resource.ts';
import type { Target } from '../../../kinds/schema/decode.ts';
import { decodeObject } from '../body.ts';
import type { Exchange } from '../context.ts';
import { renewManagedFields } from '../managed-fields.ts';
import { mutate } from '../mutate.ts';
import { writeOptions } from '../options.ts';
import { applyDefaults } from '../strategy.ts';
import { validate } from '../validate.ts';

export interface Question {
  readonly object: KubeObject;
  /** Lets the validating half of admission see it; after the question's own checks. */
  admitted(): Promise<void>;
}

/** `target`: the kind of the body where it is not the resource's own (subresources). `complete` sets its defaults. */
export const question = async (
  exchange: Exchange,
  target: Target = exchange.resource,
  complete: (object: KubeObject) => void = object => applyDefaults(exchange.resource, object),
): Promise<Question> => {
  const options = writeOptions('CreateOptions', exchange.info.query, exchange.request.headers.get('user-agent'));
  const object = await decodeObject(exchange, target, options.fieldValidation);
  complete(object);
  const asked: Resource = { ...exchange.resource, ...target };
  await renewManagedFields({ ...exchange, resource: asked }, options, object, undefined);
  const admission = { operation: 'CREATE' as const, object, dryRun: options.dryRun, options: options.raw };
  await mutate(exchange, admission);
  return { object, admitted: () => validate(exchange, admission) };
};
