/** What webhook configurations and admission policies have in common (upstream: `pkg/apis/admissionregistration/validation`). */
import type * as generated from '@kubernetes/client-node';
import { check, givenOneOf, oneOf, optionalOneOf, repeatsIn } from '../checks.ts';
import { duplicate, forbidden, invalid, notSupported, type Path, required, tooMany } from '../field.ts';
import { isDns1035Label, isDns1123Subdomain, isPathSegment, isQualifiedName, validateLabelSelector } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Wire } from '../types.ts';
import { declareVariables, type ExpressionScope, validateExpression } from './admission-expressions.ts';

export type Rule = Wire<generated.V1RuleWithOperations>;
export type MatchCondition = Wire<generated.V1MatchCondition>;
export type MatchResources = Wire<generated.V1MatchResources>;
export type ParamKind = Wire<generated.V1ParamKind>;
export type ParamRef = Wire<generated.V1ParamRef>;
export type Variable = Wire<generated.V1Variable>;

export const failurePolicies = ['Fail', 'Ignore'];
const matchPolicies = ['Equivalent', 'Exact'];
const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const mutatingOperations = ['*', 'CONNECT', 'CREATE', 'UPDATE'];

const validateResources = (resources: readonly string[], field: Path): FieldError[] => {
  const errors: FieldError[] = resources.length ? [] : [required(field)];
  const anySubresource = new Set<string>();
  const anyResource = new Set<string>();
  let plain = false;
  resources.forEach((resource, i) => {
    if (!resource) {
      errors.push(required(field.index(i)));
      return;
    }
    const slash = resource.indexOf('/');
    if (slash < 0) {
      plain = resource !== '*';
      return;
    }
    const name = resource.slice(0, slash);
    const subresource = resource.slice(slash + 1);
    if (anySubresource.has(name)) errors.push(invalid(field.index(i), resource, `if '${name}/*' is present, must not specify ${resource}`));
    if (anyResource.has(subresource))
      errors.push(invalid(field.index(i), resource, `if '*/${subresource}' is present, must not specify ${resource}`));
    if (subresource === '*') anySubresource.add(name);
    if (name === '*') anyResource.add(subresource);
  });
  if (resources.length > 1 && resources.includes('*/*'))
    errors.push(invalid(field, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && plain)
    errors.push(invalid(field, resources, "if '*' is present, must not specify other resources without subresources"));
  return errors;
};

export const validateRule = (rule: Rule, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const { operations: given, apiGroups, apiVersions, resources, scope } = rule;
  const crowded = (list: readonly string[] | undefined) => (list?.length ?? 0) > 1 && list?.includes('*');
  if (!given?.length) errors.push(required(field.child('operations')));
  if (crowded(given)) errors.push(invalid(field.child('operations'), given, "if '*' is present, must not specify other operations"));
  given?.forEach((operation, i) => {
    if (!operations.includes(operation)) errors.push(notSupported(field.child('operations').index(i), operation, operations));
  });
  if (!apiGroups?.length) errors.push(required(field.child('apiGroups')));
  if (crowded(apiGroups)) errors.push(invalid(field.child('apiGroups'), apiGroups, "if '*' is present, must not specify other API groups"));
  if (!apiVersions?.length) errors.push(required(field.child('apiVersions')));
  if (crowded(apiVersions))
    errors.push(invalid(field.child('apiVersions'), apiVersions, "if '*' is present, must not specify other API versions"));
  apiVersions?.forEach((version, i) => {
    if (!version) errors.push(required(field.child('apiVersions').index(i)));
  });
  errors.push(...validateResources(resources ?? [], field.child('resources')));
  errors.push(...optionalOneOf(scope, ['*', 'Cluster', 'Namespaced'], field.child('scope')));
  return errors;
};

export const validateMatchConditions = (conditions: readonly MatchCondition[] | undefined, field: Path, params = false): FieldError[] => {
  if (!conditions) return [];
  const errors: FieldError[] = conditions.length > 64 ? [tooMany(field, conditions.length, 64)] : [];
  const names = new Set<string>();
  conditions.forEach(({ name, expression }, i) => {
    const at = field.index(i);
    if (!expression?.trim()) errors.push(required(at.child('expression')));
    else errors.push(...validateExpression(expression.trim(), { params, authorizer: true }, 'bool', at.child('expression')));
    if (!name) {
      errors.push(required(at.child('name')));
      return;
    }
    errors.push(...check(isQualifiedName, name, at.child('name')));
    if (names.has(name)) errors.push(duplicate(at.child('name'), name));
    names.add(name);
  });
  return errors;
};

export const defaultRules = (rules: readonly { scope?: string }[] | undefined): void => {
  for (const rule of rules ?? []) rule.scope ??= '*';
};
export const defaultMatchResources = (match: MatchResources | undefined): void => {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
};
export const validateMatchResources = (match: MatchResources | undefined, field: Path): FieldError[] => {
  if (!match) return [];
  const errors = givenOneOf(match.matchPolicy, matchPolicies, field.child('matchPolicy'));
  errors.push(...validateLabelSelector(match.namespaceSelector, field.child('namespaceSelector')));
  errors.push(...validateLabelSelector(match.objectSelector, field.child('objectSelector')));
  for (const list of ['resourceRules', 'excludeResourceRules'] as const) {
    match[list]?.forEach((rule, i) => {
      const at = field.child(list).index(i);
      const names = rule.resourceNames ?? [];
      const repeats = repeatsIn(names);
      names.forEach((name, n) => {
        const path = at.child('resourceNames').index(n);
        errors.push(...check(isPathSegment, name, path));
        if (repeats.has(n)) errors.push(duplicate(path, name));
      });
      errors.push(...validateRule(rule, at));
    });
  }
  return errors;
};
/** Only what is being written can be changed. */
export const validateMutableOperations = (match: MatchResources | undefined, field: Path): FieldError[] =>
  (match?.resourceRules ?? []).flatMap(rule =>
    (rule.operations ?? []).flatMap(operation =>
      mutatingOperations.includes(operation)
        ? []
        : [notSupported(field.child('resourceRules', 'operations'), operation, mutatingOperations)],
    ),
  );

export const validateParamKind = (kind: ParamKind | undefined, field: Path): FieldError[] => {
  if (!kind) return [];
  const errors: FieldError[] = [];
  const version = kind.apiVersion ?? '';
  const path = field.child('apiVersion');
  const parts = version.split('/');
  if (!version) errors.push(required(path));
  else if (parts.length > 2) errors.push(invalid(path, version, `unexpected GroupVersion string: ${version}`));
  else {
    const [last = ''] = parts.slice(-1);
    const group = parts.length === 2 ? (parts[0] ?? '') : '';
    const groupProblems = group ? isDns1123Subdomain(group) : [];
    if (groupProblems.length) errors.push(invalid(path, group, groupProblems.join(',')));
    const problems = last ? isDns1035Label(last) : [];
    if (!last) errors.push(invalid(path, version, 'version must be specified'));
    else if (problems.length) errors.push(invalid(path, last, problems.join(',')));
  }
  if (!kind.kind) return [...errors, required(field.child('kind'))];
  const problems = isDns1035Label(kind.kind.toLowerCase());
  if (problems.length)
    errors.push(invalid(field.child('kind'), kind.kind, `may have mixed case, but should otherwise match: ${problems.join(',')}`));
  return errors;
};

export const validateParamRef = (reference: ParamRef | undefined, field: Path): FieldError[] => {
  if (!reference) return [];
  const errors: FieldError[] = [];
  const { name, selector, parameterNotFoundAction: action } = reference;
  const exclusive = 'name and selector are mutually exclusive';
  if (name) errors.push(...check(isPathSegment, name, field.child('name')));
  if (name && selector) errors.push(forbidden(field.child('name'), exclusive));
  errors.push(...validateLabelSelector(selector, field.child('selector')));
  if (name && selector) errors.push(forbidden(field.child('selector'), exclusive));
  if (!name && !selector) errors.push(required(field, 'one of name or selector must be specified'));
  return [...errors, ...oneOf(action, ['Deny', 'Allow'], field.child('parameterNotFoundAction'))];
};

const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const reserved = new Set([
  ...['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let'],
  ...['loop', 'package', 'namespace', 'return', 'var', 'void', 'while'],
]);
export const validateVariables = (variables: readonly Variable[] | undefined, field: Path, scope: ExpressionScope): FieldError[] => {
  const { compiled } = declareVariables(variables ?? [], { ...scope, variables: {} });
  return (variables ?? []).flatMap(({ name, expression }, i) => {
    const at = field.index(i);
    const errors: FieldError[] = [];
    if (!name?.trim()) errors.push(required(at.child('name'), 'name is not specified'));
    else if (!identifier.test(name) || reserved.has(name)) errors.push(invalid(at.child('name'), name, 'must be a valid CEL identifier'));
    const one = compiled[i];
    if (!expression?.trim()) errors.push(required(at.child('expression'), 'expression is not specified'));
    else if (one && 'problem' in one) errors.push(invalid(at.child('expression'), expression, one.problem));
    return errors;
  });
};

/** What the table of a binding shows of its parameters. */
export const formatParamRef = (reference: ParamRef | undefined): string => {
  if (reference?.name) return `${reference.namespace || '*'}/${reference.name}`;
  const { selector } = reference ?? {};
  if (!selector) return '<unset>';
  const labels = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}: ${value},`);
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values }) => `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${(values ?? []).join(' ')}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`;
};
