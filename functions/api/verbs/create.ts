/** POST of a new object. */

import { decodeObject } from '../body.ts';
import type { Answer, Exchange } from '../context.ts';
import { writeOptions } from '../options.ts';
import { applyDefaults } from '../strategy.ts';
import { answerOf, createObject } from '../write.ts';

export const create = async (exchange: Exchange): Promise<Answer> => {
  const { request, info, resource } = exchange;
  const options = writeOptions('CreateOptions', info.query, request.headers.get('user-agent'));
  const object = await decodeObject(exchange, resource, options.fieldValidation);
  applyDefaults(resource, object);
  return answerOf(exchange, await createObject(exchange, object, options));
};
