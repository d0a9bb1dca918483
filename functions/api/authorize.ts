/** Whether they may. Texts: apiserver `pkg/endpoints/handlers/responsewriters/errors.go`. */
import { parseFieldSelector, requiredField } from '../../kinds/selector/field-selector.ts';
import { StatusError } from '../../kinds/status.ts';
import { denied } from './authorization/denied.ts';
import type { Attributes, Authorizer, RequestInfo, User } from './types.ts';

/** A list or watch that can only find one object is authorized as if it named it. */
const selectedName = (info: RequestInfo): string => {
  const selector = info.query.get('fieldSelector');
  if (!selector?.includes('metadata.name')) return '';
  try {
    return requiredField(parseFieldSelector(selector), 'metadata.name') ?? '';
  } catch (error) {
    // What is wrong with it is said by the verb, to those who may ask at all.
    if (error instanceof StatusError) return '';
    throw error;
  }
};

export const attributesOf = (user: User, info: RequestInfo): Attributes => {
  const { verb, path, target } = info;
  if (!target) return { user, verb, path, group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
  const { group, version, resource, subresource, namespace } = target;
  const name = target.name || (verb === 'list' || verb === 'watch' ? selectedName(info) : '');
  return { user, verb, group, version, resource, subresource, namespace, name };
};

export const authorize = async (authorizer: Authorizer, user: User, info: RequestInfo): Promise<void> => {
  await authorizeAttributes(authorizer, attributesOf(user, info));
};

export const authorizeAttributes = async (authorizer: Authorizer, attributes: Attributes): Promise<void> => {
  const { allowed, reason } = await authorizer.authorize(attributes);
  if (allowed) return;
  throw denied(attributes, reason);
};
