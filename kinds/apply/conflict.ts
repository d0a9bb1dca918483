/** The answer to an apply that would take fields from others. Source: apimachinery `pkg/util/managedfields/internal/conflict.go`. */
import { StatusError } from '../status.ts';
import { type FieldSet, paths } from './field-set.ts';
import { identifierOf, type Managers } from './managers.ts';
import type { Conflicts } from './ownership.ts';
import { showPath } from './path-element.ts';

export const applyConflict = (conflicts: Conflicts, managers: Managers): StatusError => {
  const owners = [...conflicts].flatMap(([identity, fields]: [string, FieldSet]) => {
    const owner = managers.get(identity);
    return owner ? [{ owner, identifier: identifierOf(owner), fields: paths(fields).map(showPath) }] : [];
  });
  owners.sort((a, b) => (a.identifier < b.identifier ? -1 : 1));
  const named = owners.map(({ owner: { manager, operation, apiVersion, subresource }, fields }) => {
    const who = `${JSON.stringify(manager)}${subresource ? ` with subresource ${JSON.stringify(subresource)}` : ''}`;
    return { who: operation === 'Update' ? `${who} using ${apiVersion}` : who, fields };
  });
  const causes = named.flatMap(({ who, fields }) =>
    fields.map(field => ({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field })),
  );
  const list = named.flatMap(({ who, fields }) => [`conflicts with ${who}:`, ...fields.map(field => `- ${field}`)]).join('\n');
  const [only] = causes;
  const text =
    causes.length === 1 && only
      ? `Apply failed with 1 conflict: ${only.message}: ${only.field}`
      : `Apply failed with ${causes.length} conflicts: ${list}`;
  return new StatusError(409, 'Conflict', text, { causes });
};
