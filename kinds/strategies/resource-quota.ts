/** ResourceQuota. */
import type * as generated from '@kubernetes/client-node';
import { invalid, type Path, required, root } from '../field.ts';
import { immutableText } from '../metadata.ts';
import { compare, isQuantity, parseQuantity } from '../quantity.ts';
import { isQuotaResource, validateQuotaResourceName, validateResourceAmount } from '../resource-names.ts';
import { emptyAsGiven } from '../schema/given.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind } from '../types.ts';
import { keepAllButStatus } from './status-update.ts';

type ResourceQuota = Kind<generated.V1ResourceQuota>;
type Spec = NonNullable<ResourceQuota['spec']>;
type Amounts = Readonly<Record<string, string>> | undefined;
const specField = root('spec');
const statusField = root('status');

const validateAmounts = (amounts: Amounts, field: Path): FieldError[] =>
  Object.entries(amounts ?? {}).flatMap(([name, amount]) => [
    ...validateQuotaResourceName(name, field.key(name)),
    ...validateResourceAmount(name, amount, field.key(name)),
  ]);
const validateStatus = ({ status }: ResourceQuota): FieldError[] => [
  ...validateAmounts(status?.hard, statusField.child('hard')),
  ...validateAmounts(status?.used, statusField.child('used')),
];

const ofPods = ['pods', 'cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];
/** What each scope can apply to. */
const scopes: Readonly<Record<string, readonly string[]>> = {
  Terminating: ofPods,
  NotTerminating: ofPods,
  BestEffort: ['pods'],
  NotBestEffort: ofPods,
  PriorityClass: ofPods,
  CrossNamespacePodAffinity: ofPods,
  VolumeAttributesClass: ['persistentvolumeclaims', 'requests.storage'],
};
const mustExist = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];
const contradict = (given: readonly string[]): number =>
  [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ].filter(pair => pair.every(scope => given.includes(scope))).length;
/** Errors about a list show all of it: more of them than this say nothing new. */
const enough = 16;
const misapplied = (scope: string, hard: Amounts): number => {
  const known = Object.hasOwn(scopes, scope) ? scopes[scope] : undefined;
  if (!known) return 0;
  return Math.min(enough, Object.keys(hard ?? {}).filter(name => isQuotaResource(name) && !known.includes(name)).length);
};

const validateScopes = ({ scopes: given = [], hard }: Spec): FieldError[] => {
  const field = specField.child('scopes');
  const errors = given
    .slice(0, enough)
    .flatMap(scope => [
      ...(Object.hasOwn(scopes, scope) ? [] : [invalid(field, given, 'unsupported scope')]),
      ...Array.from({ length: misapplied(scope, hard) }, () => invalid(field, given, 'unsupported scope applied to resource')),
    ]);
  return [...errors, ...Array.from({ length: contradict(given) }, () => invalid(field, given, 'conflicting scopes'))];
};
const validateSelector = ({ scopeSelector, hard, scopes: plain }: Spec): FieldError[] => {
  const field = specField.child('scopeSelector', 'matchExpressions');
  const requirements = scopeSelector?.matchExpressions ?? [];
  const errors = requirements.flatMap(({ scopeName, operator, values = [] }, at) => {
    const found: FieldError[] = [];
    if (!Object.hasOwn(scopes, scopeName ?? '')) found.push(invalid(field.child('scopeName'), scopeName ?? '', 'unsupported scope'));
    for (let i = at < enough ? misapplied(scopeName, hard) : 0; i > 0; i--)
      found.push(invalid(field, scopeSelector, 'unsupported scope applied to resource'));
    if (mustExist.includes(scopeName) && operator !== 'Exists')
      found.push(
        invalid(
          field.child('operator'),
          operator ?? '',
          "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
        ),
      );
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0)
        found.push(required(field.child('values'), "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length)
        found.push(
          invalid(field.child('values'), values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"),
        );
    } else found.push(invalid(field.child('operator'), operator ?? '', 'not a valid selector operator'));
    return found;
  });
  const conflicts = contradict(requirements.map(({ scopeName }) => scopeName));
  return [...errors, ...Array.from({ length: conflicts }, () => invalid(field, plain ?? null, 'conflicting scopes'))];
};

const warnings = ({ spec }: ResourceQuota): string[] => {
  const hard = spec?.hard ?? {};
  return ['cpu', 'memory', 'storage', 'ephemeral-storage'].flatMap(resource => {
    const plain = resource === 'cpu' || resource === 'memory' ? resource : undefined;
    const name = hard[`requests.${resource}`] === undefined && plain ? plain : `requests.${resource}`;
    const request = hard[name];
    const limit = hard[`limits.${resource}`];
    if (!isQuantity(request) || !isQuantity(limit) || request === undefined || limit === undefined) return [];
    if (compare(parseQuantity(request), parseQuantity(limit)) <= 0) return [];
    return [`ResourceQuota ${name} (${request}) should be less than limits.${resource} (${limit})`];
  });
};

export const resourceQuota: Strategy<ResourceQuota> = {
  validate(object) {
    const { spec = {} } = object;
    return [
      ...validateAmounts(spec.hard, specField.child('hard')),
      ...validateScopes(spec),
      ...validateSelector(spec),
      ...validateStatus(object),
    ];
  },
  validateUpdate(next, previous) {
    const after = new Set(next.spec?.scopes ?? []);
    const before = new Set(previous.spec?.scopes ?? []);
    const same = after.size === before.size && [...after].every(scope => before.has(scope));
    return same ? [] : [invalid(specField.child('scopes'), next.spec?.scopes ?? emptyAsGiven(next.spec, 'scopes') ?? null, immutableText)];
  },
  warnings: (next, previous) => (previous ? [] : warnings(next)),
  subresources: { status: { prepareForUpdate: keepAllButStatus, validateUpdate: validateStatus } },
  cells({ metadata, status }, now) {
    const hard = status?.hard ?? {};
    const texts = (limits: boolean) =>
      Object.keys(hard)
        .sort()
        .filter(name => name.startsWith('limits.') === limits)
        .map(name => `${name}: ${status?.used?.[name] ?? '0'}/${hard[name]}`)
        .join(', ');
    return [metadata.name, texts(false), texts(true), age(metadata.creationTimestamp, now)];
  },
};
