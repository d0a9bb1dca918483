/** Who somebody is, asked as objects (kubernetes `pkg/registry/authentication`). */
import { timestamp } from '../../../kinds/environment.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { badRequest } from '../../../kinds/status.ts';
import { type Answer, type Exchange, objectAnswer } from '../context.ts';
import type { User } from '../types.ts';
import { question } from './question.ts';

const userInfo = ({ name, uid, groups, extra }: User): Record<string, unknown> => ({
  username: name,
  ...(uid ? { uid } : {}),
  ...(groups.length > 0 ? { groups } : {}),
  ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
});

/** The answer is an object of its own: nothing of the question but its kind. */
export const selfSubjectReview = async (exchange: Exchange): Promise<Answer> => {
  const { object: review, admitted } = await question(exchange);
  await admitted();
  const metadata = { creationTimestamp: timestamp(exchange.services.clock.now()) };
  const status = { userInfo: userInfo(exchange.user) };
  return objectAnswer(201, { apiVersion: review.apiVersion, kind: review.kind, metadata, status } as unknown as KubeObject);
};

export const tokenReview = async (exchange: Exchange): Promise<Answer> => {
  const { object: review, admitted } = await question(exchange);
  const { token = '', audiences } = (review['spec'] ?? {}) as { token?: string; audiences?: string[] };
  if (!token) throw badRequest('token is required for TokenReview in authentication');
  await admitted();
  const found = await exchange.services.tokens?.review(token, audiences ?? []);
  if (!found) return objectAnswer(201, { ...review, status: { user: {} } });
  const status =
    'error' in found ? { user: {}, error: found.error } : { authenticated: true, user: userInfo(found.user), audiences: found.audiences };
  return objectAnswer(201, { ...review, status });
};
