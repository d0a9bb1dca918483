/** TokenRequest: a token for a service account, made by the issuer. */
import { badRequest, pageNotFound } from '../../../kinds/status.ts';
import { targetOf } from '../body.ts';
import { type Answer, type Exchange, objectAnswer } from '../context.ts';
import { setDefaults } from '../tokens/token-request.ts';
import { readEntry } from '../verbs/get.ts';
import { question } from './question.ts';

export const createToken = async (exchange: Exchange): Promise<Answer> => {
  const { tokens } = exchange.services;
  if (!tokens) throw pageNotFound();
  const { object, admitted } = await question(exchange, targetOf('authentication.k8s.io', 'v1', 'TokenRequest'), setDefaults);
  if (object.metadata.namespace && object.metadata.namespace !== exchange.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  const account = await readEntry(exchange);
  return objectAnswer(201, await tokens.issue(account.object, object, admitted));
};
