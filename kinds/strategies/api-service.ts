/** APIService. */
import type * as generated from '@kubernetes/client-node';
import { check } from '../checks.ts';
import { timestamp } from '../environment.ts';
import { invalid, notSupported, quote, required, root } from '../field.ts';
import { isDns1035Label, isDns1123Subdomain, isPathSegment, isPortNumber } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind } from '../types.ts';
import { machinery, wholeAndChange } from './metadata-checks.ts';
import { strictStatus } from './status-update.ts';

type ApiService = Kind<generated.V1APIService>;
const specField = root('spec');

const validateSpec = ({ metadata: { name, generateName }, spec }: ApiService): FieldError[] => {
  const { group = '', version = '', service, caBundle, insecureSkipTLSVerify = false } = spec ?? {};
  const { groupPriorityMinimum: priority = 0, versionPriority = 0 } = spec ?? {};
  const expected = `${version}.${group}`;
  const errors: FieldError[] = [];
  for (const [field, given] of Object.entries({ name, generateName })) {
    if (given && isPathSegment(given).length === 0 && given !== expected)
      errors.push(invalid(root('metadata', field), given, `must be \`spec.version+"."+spec.group\`: ${quote(expected)}`));
  }
  if (!group && version !== 'v1')
    errors.push(required(specField.child('group'), 'only v1 may have an empty group and it better be legacy kube'));
  if (group) errors.push(...check(isDns1123Subdomain, group, specField.child('group')));
  errors.push(...check(isDns1035Label, version, specField.child('version')));
  if (priority <= 0 || priority > 20_000)
    errors.push(invalid(specField.child('groupPriorityMinimum'), priority, 'must be positive and less than 20000'));
  if (versionPriority <= 0 || versionPriority > 1000)
    errors.push(invalid(specField.child('versionPriority'), versionPriority, 'must be positive and less than 1000'));
  const insecure = specField.child('insecureSkipTLSVerify');
  if (!service) {
    if (caBundle)
      errors.push(
        invalid(
          specField.child('caBundle'),
          `${Buffer.from(caBundle, 'base64').length} bytes`,
          'local APIServices may not have a caBundle',
        ),
      );
    if (insecureSkipTLSVerify) errors.push(invalid(insecure, true, 'local APIServices may not have insecureSkipTLSVerify'));
    return errors;
  }
  for (const part of ['namespace', 'name'] as const) if (!service[part]) errors.push(required(specField.child('service', part)));
  const problems = isPortNumber(service.port ?? 443);
  if (problems.length)
    errors.push(invalid(specField.child('service', 'port'), service.port ?? 0, `port is not valid: ${problems.join(', ')}`));
  if (insecureSkipTLSVerify && caBundle) errors.push(invalid(insecure, true, 'may not be true if caBundle is present'));
  return errors;
};

const states = ['True', 'False', 'Unknown'];

export const apiService: Strategy<ApiService> = {
  metadataChecks: { ...machinery, ...wholeAndChange },
  nameRule: isPathSegment,
  allowUnconditionalUpdate: false,
  defaults({ spec }) {
    if (spec?.service) spec.service.port ??= 443;
  },
  prepareForCreate(object, { clock }) {
    object.status = {};
    if (object.spec?.service) return;
    // What this server answers itself is there at once.
    const message = 'Local APIServices are always available';
    object.status = {
      conditions: [{ type: 'Available', status: 'True', lastTransitionTime: timestamp(clock.now()), reason: 'Local', message }],
    };
  },
  validate: validateSpec,
  subresources: {
    status: {
      ...strictStatus,
      validateUpdate: next =>
        ((next as ApiService).status?.conditions ?? []).flatMap(({ status }, i) =>
          states.includes(status) ? [] : [notSupported(root('status', 'conditions').index(i).child('status'), status ?? '', states)],
        ),
    },
  },
  cells({ metadata, spec, status }, now) {
    const available = status?.conditions?.find(({ type }) => type === 'Available');
    const state = available
      ? available.status !== 'True' && available.reason
        ? `${available.status} (${available.reason})`
        : available.status
      : 'Unknown';
    const service = spec?.service;
    return [metadata.name, service ? `${service.namespace}/${service.name}` : 'Local', state, age(metadata.creationTimestamp, now)];
  },
};
