/** TokenRequest: a token for a service account, made by the issuer. */
import { badRequest, pageNotFound } from '../../../kinds/status.ts';
import { decodeObject, targetOf } from '../body.ts';
import { type Answer, type Exchange, objectAnswer } from '../context.ts';
import { mutate } from '../mutate.ts';
import { writeOptions } from '../options.ts';
import { validate } from '../validate.ts';
import { readEntry } from '../verbs/get.ts';

export const createToken = async (exchange: Exchange): Promise<Answer> => {
  const { services, info, request } = exchange;
  if (!services.tokens) throw pageNotFound();
  const options = writeOptions('CreateOptions', info.query, request.headers.get('user-agent'));
  const body = await decodeObject(exchange, targetOf('authentication.k8s.io', 'v1', 'TokenRequest'), options.fieldValidation);
  const { name, namespace } = body.metadata;
  if (name && name !== exchange.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${exchange.name})`);
  if (namespace && namespace !== exchange.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  const admission = { operation: 'CREATE' as const, object: body, dryRun: options.dryRun, options: options.raw };
  await mutate(exchange, admission);
  await validate(exchange, admission);
  const account = await readEntry(exchange);
  return objectAnswer(201, await services.tokens.issue(account.object, body));
};
