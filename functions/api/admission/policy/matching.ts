/** Which requests an admission policy or one of its bindings is about (apiserver `pkg/admission/plugin/policy/matching`). */
import type { KubeObject } from '../../../../kinds/object.ts';
import type { Registry } from '../../../../kinds/resource.ts';
import { fromLabelSelector, matchesLabels } from '../../../../kinds/selector/label-selector.ts';
import type { MatchResources } from '../../../../kinds/strategies/admission-rules.ts';
import type { Replicas } from '../../../../store/replica.ts';
import type { AdmissionRequest } from '../../admission.ts';

type Labels = Readonly<Record<string, string>> | undefined;
type Rule = NonNullable<MatchResources['resourceRules']>[number];
type Target = Pick<AdmissionRequest['resource'], 'group' | 'version' | 'resource'>;

const configurations = new Set(
  ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations', 'validatingadmissionpolicies', 'mutatingadmissionpolicies']
    .concat(['validatingadmissionpolicybindings', 'mutatingadmissionpolicybindings'])
    .map(name => `${name}.admissionregistration.k8s.io`),
);
/** What decides over admission is not subject to it, or a bad rule could never be taken back. */
export const isExempt = ({ resource }: AdmissionRequest): boolean => configurations.has(resource.storage.name);

const includes = (names: readonly string[] | undefined, name: string): boolean => names?.some(one => one === '*' || one === name) ?? false;

const inScope = (scope: string | undefined, { resource, namespace }: AdmissionRequest): boolean => {
  if (!scope || scope === '*') return true;
  const cluster = resource.storage.name === 'namespaces' || namespace === '';
  return scope === 'Cluster' ? cluster : scope === 'Namespaced' && !cluster;
};

const matchesRule = (rule: Rule, request: AdmissionRequest, target: Target): boolean =>
  includes(rule.operations, request.operation) &&
  inScope(rule.scope, request) &&
  includes(rule.apiGroups, target.group) &&
  includes(rule.apiVersions, target.version) &&
  (rule.resources ?? []).some(text => {
    const [name = '', subresource = ''] = text.split('/', 2);
    return (name === '*' || name === target.resource) && (subresource === '*' || subresource === request.subresource);
  }) &&
  (!rule.resourceNames?.length || rule.resourceNames.includes(request.name));

/** The request's own resource, or one that is stored as the same, where it need not be exactly that one; undefined: none is meant. */
export const meantResource = (
  rules: readonly Rule[],
  request: AdmissionRequest,
  exact: boolean,
  registry: Registry,
): AdmissionRequest['resource'] | undefined => {
  const { resource } = request;
  if (rules.some(rule => matchesRule(rule, request, resource))) return resource;
  if (exact || rules.length === 0) return undefined;
  const others = registry.all().filter(other => other !== resource && other.storage.name === resource.storage.name);
  for (const rule of rules) {
    const found = others.find(other => matchesRule(rule, request, other));
    if (found) return found;
  }
  return undefined;
};
const matchesAny = (rules: readonly Rule[], request: AdmissionRequest, exact: boolean, registry: Registry): boolean =>
  meantResource(rules, request, exact, registry) !== undefined;

/** Where the object of the request is. A namespace is in none. */
export const namespaceOf = async (replicas: Replicas, { namespace, resource }: AdmissionRequest): Promise<KubeObject | undefined> => {
  if (!namespace || resource.storage.name === 'namespaces') return undefined;
  return (replicas.loaded('namespaces') ?? (await replicas.open('namespaces'))).get('', namespace)?.object;
};

/** Empty selectors, the usual ones, select everything without a look. */
const isEmpty = (selector: { matchLabels?: object; matchExpressions?: readonly unknown[] } | undefined): boolean =>
  !selector || (Object.keys(selector.matchLabels ?? {}).length === 0 && !selector.matchExpressions?.length);

export const matches = (
  match: MatchResources | undefined,
  request: AdmissionRequest,
  registry: Registry,
  labelsOfNamespace: () => Labels,
): boolean => {
  if (!match) return true;
  const { resourceRules = [], excludeResourceRules = [], namespaceSelector, objectSelector } = match;
  const exact = match.matchPolicy === 'Exact';
  if (resourceRules.length > 0 && !matchesAny(resourceRules, request, exact, registry)) return false;
  if (matchesAny(excludeResourceRules, request, exact, registry)) return false;
  const isNamespace = request.resource.storage.name === 'namespaces';
  if (!isEmpty(namespaceSelector) && (isNamespace || request.namespace)) {
    const labels = isNamespace ? (request.object ?? request.previous)?.metadata.labels : labelsOfNamespace();
    if (!matchesLabels(fromLabelSelector(namespaceSelector), labels)) return false;
  }
  if (isEmpty(objectSelector)) return true;
  const wanted = fromLabelSelector(objectSelector);
  return [request.object, request.previous].some(object => object && matchesLabels(wanted, object.metadata.labels));
};
