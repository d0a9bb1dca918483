/** Policy rules: what one allows, and whether some cover another. Pure. Source: kubernetes `pkg/apis/rbac`, component-helpers `auth/rbac/validation`. */
import { quote } from '../../../kinds/field.ts';
import type { PolicyRule } from '../../../kinds/types.ts';
import type { Attributes } from '../types.ts';

const has = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list.includes('*') || list.includes(value));

export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if (attributes.path !== undefined) return (rule.nonResourceURLs ?? []).some(url => urlCovers(url, attributes.path ?? ''));
  if (!has(rule.apiGroups, attributes.group) || !rule.resources) return false;
  const names = rule.resourceNames;
  return (
    (!names || names.length === 0 || names.includes(attributes.name)) &&
    resourceCovers(rule.resources, attributes.resource, attributes.subresource)
  );
}

function resourceCovers(resources: readonly string[], resource: string, subresource: string): boolean {
  for (const one of resources) {
    if (one === '*') return true;
    if (subresource === '') {
      if (one === resource) return true;
    } else if (one.length > subresource.length && one.endsWith(subresource)) {
      const head = one.slice(0, one.length - subresource.length);
      if (head === '*/' || head === `${resource}/`) return true;
    }
  }
  return false;
}

const urlCovers = (rule: string, url: string): boolean =>
  rule === '*' || rule === url || (rule.endsWith('*') && url.startsWith(rule.slice(0, -1)));

/** The wanted rules that `held` does not cover, each broken down to single verbs, groups, resources and names, then put together again by verb. */
export function uncovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return compact(missingRules(held, wanted));
}

/** The same, each rule over a single thing. */
export const missingRules = (held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] =>
  wanted.flatMap(breakDown).filter(one => !held.some(rule => covers(rule, one)));

/** A rule over exactly one verb and one group/resource/name or URL. */
function breakDown(rule: PolicyRule): PolicyRule[] {
  const single: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const base = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (!rule.resourceNames?.length) single.push(base);
        for (const name of rule.resourceNames ?? []) single.push({ ...base, resourceNames: [name] });
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) for (const verb of rule.verbs) single.push({ nonResourceURLs: [url], verbs: [verb] });
  return single;
}

/** `servant` is broken down. A star of subresources covers `pods/*` only where it is the same text (component-helpers `policy_comparator.go`). */
function covers(owner: PolicyRule, servant: PolicyRule): boolean {
  const every = (wanted: readonly string[] | undefined, test: (value: string) => boolean): boolean => (wanted ?? []).every(test);
  const resources = owner.resources ?? [];
  const coversResource = (resource: string): boolean =>
    has(resources, resource) || (resource.includes('/') && resources.includes(`*${resource.slice(resource.indexOf('/'))}`));
  const names = owner.resourceNames ?? [];
  return (
    every(servant.verbs, verb => has(owner.verbs, verb)) &&
    every(servant.apiGroups, group => has(owner.apiGroups, group)) &&
    every(servant.resources, coversResource) &&
    every(servant.nonResourceURLs, url => (owner.nonResourceURLs ?? []).some(rule => urlCovers(rule, url))) &&
    (names.length === 0 || ((servant.resourceNames?.length ?? 0) > 0 && every(servant.resourceNames, name => names.includes(name))))
  );
}

/** Rules over one resource that differ in the verb only become one; a verb asked for twice stands there twice. */
function compact(rules: readonly PolicyRule[]): PolicyRule[] {
  const merged = new Map<string, PolicyRule>();
  const others: PolicyRule[] = [];
  for (const rule of rules) {
    if (rule.nonResourceURLs) {
      others.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames]);
    const known = merged.get(key);
    merged.set(key, known ? { ...known, verbs: [...known.verbs, ...rule.verbs] } : rule);
  }
  return [...others, ...merged.values()];
}

/** As Go prints it in refusals: `{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}`. */
export function describeRule(rule: PolicyRule): string {
  const part = (name: string, values: readonly string[] | undefined) =>
    values?.length ? [`${name}:[${values.map(quote).join(' ')}]`] : [];
  return `{${[
    ...part('APIGroups', rule.apiGroups),
    ...part('Resources', rule.resources),
    ...part('ResourceNames', rule.resourceNames),
    ...part('NonResourceURLs', rule.nonResourceURLs),
    ...part('Verbs', rule.verbs),
  ].join(', ')}}`;
}
