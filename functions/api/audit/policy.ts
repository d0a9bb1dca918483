/**
 * An audit policy (`audit.k8s.io/v1` Policy): what of which requests is recorded. Rules are asked in order and the first that matches decides;
 * where none does, nothing is recorded. Source: apiserver `pkg/audit/policy`, `pkg/apis/audit/validation`.
 */
import { load } from 'js-yaml';
import { z } from 'zod';
import { invalid, notSupported, type Path, required, root } from '../../../kinds/field.ts';
import { isDns1123Subdomain } from '../../../kinds/names.ts';
import type { FieldError } from '../../../kinds/status.ts';
import { type Asked, type AuditPolicy, type Level, levels, stages, type Verdict } from './level.ts';

const texts = z.array(z.string()).nullish();
const shape = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({}).nullish(),
  omitStages: texts,
  omitManagedFields: z.boolean().nullish(),
  rules: z
    .array(
      z.strictObject({
        level: z.string().nullish(),
        users: texts,
        userGroups: texts,
        verbs: texts,
        resources: z.array(z.strictObject({ group: z.string().nullish(), resources: texts, resourceNames: texts })).nullish(),
        namespaces: texts,
        nonResourceURLs: texts,
        omitStages: texts,
        omitManagedFields: z.boolean().nullish(),
      }),
    )
    .nullish(),
});
type Shape = z.infer<typeof shape>;
type Rule = NonNullable<Shape['rules']>[number];

/** Throws an `Error` that says where the policy is wrong. Unknown fields are refused: a misspelt one would match more than was meant. */
export const readPolicy = (text: string): AuditPolicy => {
  const parsed = shape.safeParse(load(text));
  if (!parsed.success) throw new Error(parsed.error.issues.map(({ path, message }) => `${pathText(path)}: ${message}`).join('; '));
  const { apiVersion, kind, omitStages, omitManagedFields } = parsed.data;
  if (kind !== 'Policy' || apiVersion !== 'audit.k8s.io/v1')
    throw new Error(`a Policy of audit.k8s.io/v1 is needed, this is a ${kind} of ${apiVersion}`);
  const rules = parsed.data.rules ?? [];
  const errors = [
    ...checkStages(omitStages ?? [], root('omitStages')),
    ...rules.flatMap((rule, i) => checkRule(rule, root('rules').index(i))),
  ];
  if (errors.length > 0) throw new Error(errors.map(({ field, message }) => `${field}: ${message}`).join('; '));
  if (rules.length === 0) throw new Error('the policy has no rules');
  const judged = rules.map(rule => ({
    matches: matcher(rule),
    verdict: {
      level: rule.level as Level,
      omitStages: new Set([...(omitStages ?? []), ...(rule.omitStages ?? [])]),
      omitManagedFields: rule.omitManagedFields ?? omitManagedFields ?? false,
    },
  }));
  return asked => judged.find(({ matches }) => matches(asked))?.verdict ?? nothing;
};

const nothing: Verdict = { level: 'None', omitStages: new Set(), omitManagedFields: false };

const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, step) => (typeof step === 'number' ? `${text}[${step}]` : `${text}${text && '.'}${String(step)}`), '') ||
  'policy';

const checkStages = (given: readonly string[], at: Path): FieldError[] =>
  given.flatMap((stage, i) =>
    stages.some(one => one === stage) ? [] : [invalid(at.index(i), stage, `allowed stages are ${stages.join(',')}`)],
  );

const checkRule = (rule: Rule, at: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const { level, resources, namespaces, omitStages } = rule;
  const urls = rule.nonResourceURLs ?? [];
  if (!level) errors.push(required(at.child('level')));
  else if (!levels.some(one => one === level)) errors.push(notSupported(at.child('level'), level, levels));
  const urlsAt = at.child('nonResourceURLs');
  urls.forEach((url, i) => {
    if (url === '*') return;
    if (!url.startsWith('/')) errors.push(invalid(urlsAt.index(i), url, "non-resource URL rules must begin with a '/' character"));
    if (url.slice(0, -1).includes('*'))
      errors.push(invalid(urlsAt.index(i), url, "non-resource URL wildcards '*' must be the final character of the rule"));
  });
  const resourcesAt = at.child('resources');
  for (const { group, resources: names, resourceNames } of resources ?? []) {
    const wrong = group && group !== '*' ? isDns1123Subdomain(group) : [];
    if (wrong.length > 0) errors.push(invalid(resourcesAt.child('group'), group, wrong.join(',')));
    if (resourceNames?.length && !names?.length)
      errors.push(invalid(resourcesAt.child('resourceNames'), resourceNames, 'using resourceNames requires at least one resource'));
  }
  errors.push(...checkStages(omitStages ?? [], at.child('omitStages')));
  if (urls.length > 0 && (resources?.length || namespaces?.length))
    errors.push(invalid(urlsAt, urls, 'rules cannot apply to both regular resources and non-resource URLs'));
  return errors;
};

const among = (list: readonly string[] | null | undefined, value: string): boolean => !list?.length || list.includes(value);

const matcher = (rule: Rule): ((asked: Asked) => boolean) => {
  const { users, userGroups, verbs, namespaces, resources, nonResourceURLs: urls } = rule;
  return ({ user, verb, path, target }) => {
    if (users?.length && !(user && users.includes(user.name))) return false;
    if (userGroups?.length && !user?.groups.some(group => userGroups.includes(group))) return false;
    if (!among(verbs, verb)) return false;
    if (namespaces?.length || resources?.length)
      return target !== undefined && among(namespaces, target.namespace) && (!resources?.length || covers(resources, target));
    if (urls?.length) return target === undefined && urls.some(url => coversPath(url, path));
    return true;
  };
};

const coversPath = (url: string, path: string): boolean => url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)));

const covers = (groups: NonNullable<Rule['resources']>, { group, resource, subresource, name }: NonNullable<Asked['target']>): boolean => {
  const whole = subresource ? `${resource}/${subresource}` : resource;
  return groups.some(one => {
    if (one.group !== '*' && (one.group ?? '') !== group) return false;
    if (!one.resources?.length) return true;
    if (!among(one.resourceNames, name)) return false;
    return one.resources.some(
      wanted => wanted === '*' || wanted === whole || wanted === `${resource}/*` || (subresource !== '' && wanted === `*/${subresource}`),
    );
  });
};
