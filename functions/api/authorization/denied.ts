/** The 403 of a request that nobody allowed, in upstream's words (apiserver `pkg/endpoints/handlers/responsewriters/errors.go`). */
import { forbidden, StatusError } from '../../../kinds/status.ts';
import type { Attributes } from '../types.ts';

export function denied(attributes: Attributes, reason: string): StatusError {
  const { user, verb, group, resource, subresource, namespace, name, path } = attributes;
  const because = reason ? `: ${reason}` : '';
  if (path !== undefined)
    return new StatusError(403, 'Forbidden', `forbidden: User ${quote(user.name)} cannot ${verb} path ${quote(path)}${because}`, {});
  const full = subresource ? `${resource}/${subresource}` : resource;
  const where = namespace ? `in the namespace ${quote(namespace)}` : 'at the cluster scope';
  return forbidden(
    { group, resource },
    name,
    `User ${quote(user.name)} cannot ${verb} resource ${quote(full)} in API group ${quote(group)} ${where}${because}`,
  );
}

const quote = (text: string): string => JSON.stringify(text);
