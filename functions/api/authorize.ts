/** Whether they may. Texts: apiserver `pkg/endpoints/handlers/responsewriters/errors.go`. */
import { isPathSegment } from '../../kinds/names.ts';
import { type FieldRequirement, parseFieldSelector, requiredField } from '../../kinds/selector/field-selector.ts';
import { StatusError } from '../../kinds/status.ts';
import type { AuditRecord } from './audit/record.ts';
import { denied } from './authorization/denied.ts';
import type { Attributes, Authorizer, RequestInfo, User } from './types.ts';

const lists = new Set(['list', 'watch', 'deletecollection']);

/** Undefined where there is none, or where what is wrong with it is said by the verb, to those who may ask at all. */
const fieldSelector = ({ verb, query }: RequestInfo): readonly FieldRequirement[] | undefined => {
  const selector = lists.has(verb) ? query.get('fieldSelector') : null;
  if (!selector) return undefined;
  try {
    return parseFieldSelector(selector);
  } catch (error) {
    if (error instanceof StatusError) return undefined;
    throw error;
  }
};

const selectedName = (selector: readonly FieldRequirement[]): string => {
  const name = requiredField(selector, 'metadata.name') ?? '';
  return isPathSegment(name).length === 0 ? name : '';
};

/** A list or watch that can only find one object is authorized as if it named it. */
export const attributesOf = (user: User, info: RequestInfo): Attributes => {
  const { verb, path, target } = info;
  if (!target) return { user, verb, path, group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
  const { group, version, resource, subresource, namespace } = target;
  const selector = fieldSelector(info);
  const name = target.name || (selector && verb !== 'deletecollection' ? selectedName(selector) : '');
  return { user, verb, group, version, resource, subresource, namespace, name, ...(selector ? { fieldSelector: selector } : {}) };
};

export const authorize = async (authorizer: Authorizer, user: User, info: RequestInfo, audit?: AuditRecord): Promise<void> => {
  await authorizeAttributes(authorizer, attributesOf(user, info), audit);
};

export const authorizeAttributes = async (authorizer: Authorizer, attributes: Attributes, audit?: AuditRecord): Promise<void> => {
  const { allowed, reason } = await authorizer.authorize(attributes);
  audit?.annotate('authorization.k8s.io/decision', allowed ? 'allow' : 'forbid');
  audit?.annotate('authorization.k8s.io/reason', reason);
  if (allowed) return;
  throw denied(attributes, reason);
};
