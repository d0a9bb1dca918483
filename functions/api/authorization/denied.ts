/** The 403 of a request that nobody allowed, in upstream's words (apiserver `pkg/endpoints/handlers/responsewriters/errors.go`). */
import { quote } from '../../../kinds/field.ts';
import { forbidden, StatusError } from '../../../kinds/status.ts';
import type { Attributes } from '../types.ts';

export function denied(attributes: Attributes, reason: string): StatusError {
  const { group, resource, name, path } = attributes;
  const text = `${withoutMarkup(sentence(attributes))}${reason ? `: ${reason}` : ''}`;
  if (path !== undefined) return new StatusError(403, 'Forbidden', `forbidden: ${text}`, {});
  return forbidden({ group, resource }, name, text);
}

const sentence = ({ user, verb, group, resource, subresource, namespace, path }: Attributes): string => {
  if (path !== undefined) return `User ${quote(user.name)} cannot ${verb} path ${quote(path)}`;
  const full = subresource ? `${resource}/${subresource}` : resource;
  const where = namespace ? `in the namespace ${quote(namespace)}` : 'at the cluster scope';
  return `User ${quote(user.name)} cannot ${verb} resource ${quote(full)} in API group ${quote(group)} ${where}`;
};

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
/** What a client chose must not look like a page to a browser. */
const withoutMarkup = (text: string): string => text.replace(/[&<>]/g, one => entities[one] ?? one);
