/** MutatingWebhookConfiguration and ValidatingWebhookConfiguration. */
import type * as generated from '@kubernetes/client-node';
import { optionalOneOf, repeatsIn } from '../checks.ts';
import { duplicate, invalid, notSupported, type Path, required, root } from '../field.ts';
import { isDns1035Label, isDns1123Subdomain, isPortNumber, validateLabelSelector } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind, Wire } from '../types.ts';
import { defaultRules, failurePolicies, validateMatchConditions, validateRule } from './admission-rules.ts';
import { machinery, whole } from './metadata-checks.ts';

type Mutating = Kind<generated.V1MutatingWebhookConfiguration>;
type Validating = Kind<generated.V1ValidatingWebhookConfiguration>;
type Webhook = Wire<generated.V1ValidatingWebhook> & Partial<Pick<Wire<generated.V1MutatingWebhook>, 'reinvocationPolicy'>>;
type ServiceReference = NonNullable<Wire<generated.AdmissionregistrationV1WebhookClientConfig>['service']>;

const webhooksField = root('webhooks');
const reviewVersions = ['v1', 'v1beta1'];
const sideEffects = ['None', 'NoneOnDryRun'];

const validateName = (name: string | undefined, field: Path): FieldError[] => {
  if (!name) return [required(field)];
  const problems = isDns1123Subdomain(name);
  if (problems.length) return [invalid(field, name, problems.join(','))];
  if (name.split('.').length >= 3) return [];
  return [invalid(field, name, 'should be a domain with at least three segments separated by dots')];
};

export const validateWebhookUrl = (text: string, field: Path): FieldError[] => {
  const form = '; desired format: https://host[/path]';
  const parts = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text);
  const [, scheme = '', authority = '', , query = '', fragment = ''] = parts ?? [];
  const at = authority.lastIndexOf('@');
  const errors: FieldError[] = [];
  if (scheme.toLowerCase() !== 'https') errors.push(invalid(field, scheme.toLowerCase(), `'https' is the only allowed URL scheme${form}`));
  if (authority.slice(at + 1) === '') errors.push(invalid(field, '', `host must be specified${form}`));
  if (at >= 0) errors.push(invalid(field, authority.slice(0, at), 'user information is not permitted in the URL'));
  if (fragment) errors.push(invalid(field, fragment, 'fragments are not permitted in the URL'));
  if (query) errors.push(invalid(field, query, 'query parameters are not permitted in the URL'));
  return errors;
};
export const validateWebhookService = (service: ServiceReference, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const { name, namespace, path, port = 443 } = service;
  // Upstream takes one for the other.
  if (!namespace) errors.push(required(field.child('name')));
  if (!name) errors.push(required(field.child('namespace')));
  const problems = isPortNumber(port);
  if (problems.length) errors.push(invalid(field.child('port'), port, `port is not valid: ${problems.join(', ')}`));
  if (!path || path === '/') return errors;
  const pathField = field.child('path');
  if (path === '//') return [...errors, invalid(pathField, path, 'segment[0] may not be empty')];
  if (!path.startsWith('/')) errors.push(invalid(pathField, path, "must start with a '/'"));
  path
    .slice(1)
    .replace(/\/$/, '')
    .split('/')
    .forEach((step, i) => {
      if (!step) errors.push(invalid(pathField, path, `segment[${i}] may not be empty`));
      else for (const text of isDns1123Subdomain(step)) errors.push(invalid(pathField, path, `segment[${i}]: ${text}`));
    });
  return errors;
};

const validateReviewVersions = (versions: readonly string[] | undefined, field: Path): FieldError[] => {
  if (!versions?.length) return [required(field, 'must specify one of v1, v1beta1')];
  const repeats = repeatsIn(versions);
  const errors = versions.flatMap((version, i) => {
    if (repeats.has(i)) return [invalid(field.index(i), version, 'duplicate version')];
    return isDns1035Label(version).map(text => invalid(field.index(i), version, text));
  });
  if (!versions.some(version => reviewVersions.includes(version)))
    errors.push(invalid(field, versions, 'must include at least one of v1, v1beta1'));
  return errors;
};

const validateWebhook = (hook: Webhook, field: Path): FieldError[] => {
  const errors = validateName(hook.name, field.child('name'));
  hook.rules?.forEach((rule, i) => {
    errors.push(...validateRule(rule, field.child('rules').index(i)));
  });
  errors.push(...optionalOneOf(hook.failurePolicy, failurePolicies, field.child('failurePolicy')));
  errors.push(...optionalOneOf(hook.matchPolicy, ['Equivalent', 'Exact'], field.child('matchPolicy')));
  if (hook.sideEffects === undefined || hook.sideEffects === null)
    errors.push(required(field.child('sideEffects'), `must specify one of ${sideEffects.join(', ')}`));
  else if (!sideEffects.includes(hook.sideEffects)) errors.push(notSupported(field.child('sideEffects'), hook.sideEffects, sideEffects));
  const seconds = hook.timeoutSeconds;
  if (seconds !== undefined && (seconds > 30 || seconds < 1))
    errors.push(invalid(field.child('timeoutSeconds'), seconds, 'the timeout value must be between 1 and 30 seconds'));
  errors.push(...validateLabelSelector(hook.namespaceSelector, field.child('namespaceSelector')));
  errors.push(...validateLabelSelector(hook.objectSelector, field.child('objectSelector')));
  errors.push(...optionalOneOf(hook.reinvocationPolicy, ['IfNeeded', 'Never'], field.child('reinvocationPolicy')));
  const client = field.child('clientConfig');
  const { url, service } = hook.clientConfig ?? {};
  if ((url === undefined) === (service === undefined)) errors.push(required(client, 'exactly one of url or service is required'));
  else if (url !== undefined) errors.push(...validateWebhookUrl(url, client.child('url')));
  else if (service) errors.push(...validateWebhookService(service, client.child('service')));
  return [...errors, ...validateMatchConditions(hook.matchConditions, field.child('matchConditions'))];
};

const strategy = (mutating: boolean): Strategy<Mutating | Validating> => ({
  metadataChecks: { ...machinery, ...whole },
  generation: true,
  allowUnconditionalUpdate: false,
  defaults({ webhooks }) {
    for (const hook of (webhooks ?? []) as Webhook[]) {
      hook.failurePolicy ??= 'Fail';
      hook.matchPolicy ??= 'Equivalent';
      hook.namespaceSelector ??= {};
      hook.objectSelector ??= {};
      hook.timeoutSeconds ??= 10;
      if (mutating) hook.reinvocationPolicy ??= 'Never';
      if (hook.clientConfig?.service) hook.clientConfig.service.port ??= 443;
      defaultRules(hook.rules);
    }
  },
  validate({ webhooks }) {
    const names = new Set<string>();
    return ((webhooks ?? []) as Webhook[]).flatMap((hook, i) => {
      const field = webhooksField.index(i);
      const errors = validateWebhook(hook, field);
      errors.push(...validateReviewVersions(hook.admissionReviewVersions, field.child('admissionReviewVersions')));
      if (hook.name && names.has(hook.name)) errors.push(duplicate(field.child('name'), hook.name));
      names.add(hook.name);
      return errors;
    });
  },
  cells: ({ metadata, webhooks }, now) => [metadata.name, webhooks?.length ?? 0, age(metadata.creationTimestamp, now)],
});

export const mutatingWebhookConfiguration = strategy(true);
export const validatingWebhookConfiguration = strategy(false);
