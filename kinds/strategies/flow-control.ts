/** FlowSchema and PriorityLevelConfiguration. The objects that every cluster has are fixed. */

import type * as generated from '@kubernetes/client-node';
import { check, oneOf } from '../checks.ts';
import { semanticEqual } from '../equality.ts';
import { duplicate, forbidden, invalid, notSupported, type Path, required, root } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { isDns1123Label, isDns1123Subdomain } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { FlowSchema, PriorityLevelConfiguration as PriorityLevel, Wire } from '../types.ts';
import { none, whole } from './metadata-checks.ts';
import { plainStatus } from './status-update.ts';

type Subject = Wire<generated.FlowcontrolV1Subject>;
type ResourceRule = Wire<generated.V1ResourcePolicyRule>;
type NonResourceRule = Wire<generated.V1NonResourcePolicyRule>;
type PolicyRules = Wire<generated.V1PolicyRulesWithSubjects>;
type Queuing = Wire<generated.V1QueuingConfiguration>;

const specField = root('spec');
const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];

const subjectFields = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const;
type SubjectKind = keyof typeof subjectFields;
const validateSubject = (subject: Subject, field: Path): FieldError[] => {
  const { kind } = subject;
  if (!Object.hasOwn(subjectFields, kind ?? ''))
    return [notSupported(field.child('kind'), kind ?? '', ['Group', 'ServiceAccount', 'User'])];
  const own = subjectFields[kind as SubjectKind];
  const at = field.child(own);
  const errors: FieldError[] = [];
  const named: { name?: string; namespace?: string } | undefined = subject[own];
  if (!named) errors.push(required(at, `${own} is required when subject kind is '${kind}'`));
  else if (!named.name) errors.push(required(at.child('name')));
  else if (own === 'serviceAccount' && named.name !== '*') errors.push(...check(isDns1123Subdomain, named.name, at.child('name')));
  if (named && own === 'serviceAccount') {
    if (named.namespace) errors.push(...check(isDns1123Label, named.namespace, at.child('namespace')));
    else errors.push(required(at.child('namespace'), 'must specify namespace for service account'));
  }
  for (const [other, name] of Object.entries(subjectFields))
    if (name !== own && subject[name])
      errors.push(forbidden(field.child(name), `${name} is forbidden when subject kind is not '${other}'`));
  return errors;
};

const validateVerbs = (given: readonly string[] | undefined, field: Path): FieldError[] => {
  if (!given?.length) return [required(field, 'verbs must contain at least one value')];
  if (given.includes('*')) return given.length > 1 ? [invalid(field, given, "if '*' is present, must not specify other verbs")] : [];
  return given.every(verb => verbs.includes(verb)) ? [] : [notSupported(field, given, verbs)];
};
const validateUrl = (url: string, field: Path): FieldError[] => {
  const why = (() => {
    if (!url) return 'must not be empty';
    if (url === '/') return undefined;
    if (!url.startsWith('/')) return 'must start with slash';
    if (url.includes(' ')) return 'must not contain white-space';
    if (url.includes('//')) return 'must not contain double slash';
    const wildcards = url.split('*').length - 1;
    return wildcards > 1 || (wildcards === 1 && !url.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined;
  })();
  return why ? [invalid(field, url, why)] : [];
};
const validateNonResource = ({ verbs: given, nonResourceURLs: urls }: NonResourceRule, field: Path): FieldError[] => {
  const errors = validateVerbs(given, field.child('verbs'));
  const at = field.child('nonResourceURLs');
  if (!urls?.length) return [...errors, required(at, 'nonResourceURLs must contain at least one value')];
  if (!urls.includes('*')) return [...errors, ...urls.flatMap((url, i) => validateUrl(url, at.index(i)))];
  return urls.length > 1 ? [...errors, invalid(at, urls, "if '*' is present, must not specify other non-resource URLs")] : errors;
};
const validateResource = (rule: ResourceRule, field: Path): FieldError[] => {
  const errors = validateVerbs(rule.verbs, field.child('verbs'));
  for (const [name, one, others] of [
    ['apiGroups', 'api group', 'api groups'],
    ['resources', 'resource', 'resources'],
  ] as const) {
    const given = rule[name];
    if (!given?.length) errors.push(required(field.child(name), `resource rules must supply at least one ${one}`));
    else if (given.length > 1 && given.includes('*'))
      errors.push(invalid(field.child(name), given, `if '*' is present, must not specify other ${others}`));
  }
  const namespaces = rule.namespaces ?? [];
  const at = field.child('namespaces');
  if (namespaces.length === 0 && !rule.clusterScope)
    errors.push(required(at, 'resource rules that are not cluster scoped must supply at least one namespace'));
  else if (namespaces.includes('*')) {
    if (namespaces.length > 1) errors.push(invalid(at, namespaces, "if '*' is present, must not specify other namespaces"));
  } else
    namespaces.forEach((name, i) => {
      for (const text of isDns1123Label(name))
        errors.push(invalid(at.index(i), name, `each member of this list must be '*' or a DNS-1123 label; ${text}`));
    });
  return errors;
};
const validateRules = (rules: PolicyRules, field: Path): FieldError[] => {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rules;
  return [
    ...(subjects?.length
      ? subjects.flatMap((subject, i) => validateSubject(subject, field.child('subjects').index(i)))
      : [required(field.child('subjects'), 'subjects must contain at least one value')]),
    ...(resourceRules.length + nonResourceRules.length
      ? []
      : [required(field, 'at least one of resourceRules and nonResourceRules has to be non-empty')]),
    ...resourceRules.flatMap((rule, i) => validateResource(rule, field.child('resourceRules').index(i))),
    ...nonResourceRules.flatMap((rule, i) => validateNonResource(rule, field.child('nonResourceRules').index(i))),
  ];
};

const validateConditions = (conditions: readonly { type?: string }[] | undefined): FieldError[] => {
  const types = new Set<string>();
  return (conditions ?? []).flatMap(({ type = '' }, i) => {
    const field = root('status', 'conditions').index(i).child('type');
    const errors = types.has(type) ? [duplicate(field, type)] : [];
    types.add(type);
    return type ? errors : [...errors, required(field)];
  });
};

const everyone = (group: string) => ({ kind: 'Group', group: { name: group } });
const everything = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
};
/** What every cluster has, and nobody may change. */
const fixedSchemas: Readonly<Record<string, object>> = {
  exempt: {
    priorityLevelConfiguration: { name: 'exempt' },
    matchingPrecedence: 1,
    rules: [{ subjects: [everyone('system:masters')], ...everything }],
  },
  'catch-all': {
    priorityLevelConfiguration: { name: 'catch-all' },
    matchingPrecedence: 10_000,
    distinguisherMethod: { type: 'ByUser' },
    rules: [{ subjects: [everyone('system:unauthenticated'), everyone('system:authenticated')], ...everything }],
  },
};
const fixedCatchAll = { type: 'Limited', limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } } };

export const flowSchema: Strategy<FlowSchema> = {
  metadataChecks: whole,
  generation: true,
  nameRule: 'dns-subdomain',
  defaults({ spec }) {
    if (spec) spec.matchingPrecedence ||= 1000;
  },
  validate({ metadata: { name }, spec, status }) {
    const errors: FieldError[] = [];
    const precedence = spec?.matchingPrecedence ?? 0;
    const at = specField.child('matchingPrecedence');
    if (precedence <= 0) errors.push(invalid(at, precedence, 'must be a positive value'));
    if (precedence > 10_000) errors.push(invalid(at, precedence, 'must not be greater than 10000'));
    if (precedence === 1 && name !== 'exempt')
      errors.push(invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
    const method = spec?.distinguisherMethod;
    if (method && method.type !== 'ByUser' && method.type !== 'ByNamespace')
      errors.push(notSupported(specField.child('distinguisherMethod', 'type'), { Type: method.type }, ['ByNamespace', 'ByUser']));
    const level = spec?.priorityLevelConfiguration?.name;
    const levelField = specField.child('priorityLevelConfiguration', 'name');
    errors.push(...(level ? check(isDns1123Subdomain, level, levelField) : [required(levelField, 'must reference a priority level')]));
    errors.push(...(spec?.rules ?? []).flatMap((rules, i) => validateRules(rules, specField.child('rules').index(i))));
    const fixed = Object.hasOwn(fixedSchemas, name) ? fixedSchemas[name] : undefined;
    if (fixed && !semanticEqual(spec, fixed))
      errors.push(
        invalid(specField, internalForm('flowcontrol.v1.FlowSchemaSpec', spec ?? {}), `spec of '${name}' must equal the fixed value`),
      );
    return [...errors, ...validateConditions(status?.conditions)];
  },
  subresources: {
    status: { ...plainStatus, metadataChecks: none, validateUpdate: next => validateConditions((next as FlowSchema).status?.conditions) },
  },
  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec?.priorityLevelConfiguration.name ?? '',
    spec?.matchingPrecedence ?? 0,
    spec?.distinguisherMethod?.type ?? '<none>',
    age(metadata.creationTimestamp, now),
    status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
  ],
};

/** Bits of a hash that dealing `hand` cards of a deck of `queues` takes. */
const entropyBits = (queues: number, hand: number): number => {
  let combinations = 1;
  for (let i = 0; i < hand; i++) combinations *= queues - i;
  return Math.ceil(Math.log2(combinations));
};
const validateQueuing = ({ queues = 0, handSize = 0, queueLengthLimit = 0 }: Queuing, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  if (queueLengthLimit <= 0) errors.push(invalid(field.child('queueLengthLimit'), queueLengthLimit, 'must be positive'));
  if (queues <= 0) errors.push(invalid(field.child('queues'), queues, 'must be positive'));
  else if (queues > 10_000_000) errors.push(invalid(field.child('queues'), queues, 'must not be greater than 10000000'));
  const at = field.child('handSize');
  if (handSize <= 0) return [...errors, invalid(at, handSize, 'must be positive')];
  if (handSize > queues) return [...errors, invalid(at, handSize, `should not be greater than queues (${queues})`)];
  if (handSize > 60 || entropyBits(queues, handSize) > 60)
    errors.push(
      invalid(at, handSize, `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than 60`),
    );
  return errors;
};
const share = (value: number | undefined, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  if (value !== undefined && (value < 0 || value > 100)) errors.push(invalid(field, value, 'must be between 0 and 100, inclusive'));
  return errors;
};
const shares = (value: number | undefined, field: Path): FieldError[] =>
  value !== undefined && value < 0 ? [invalid(field, value, 'must be a non-negative integer')] : [];

const validateLevel = (name: string, spec: Partial<NonNullable<PriorityLevel['spec']>>): FieldError[] => {
  const errors: FieldError[] = [];
  const { type = '', limited, exempt } = spec;
  const typeField = specField.child('type');
  const limitedField = specField.child('limited');
  const exemptField = specField.child('exempt');
  if ((name === 'exempt') !== (type === 'Exempt'))
    errors.push(invalid(typeField, type, "must be 'Exempt' if and only if `name` is 'exempt'"));
  if (type === 'Exempt') {
    if (limited) errors.push(forbidden(limitedField, 'must be nil if the type is not Limited'));
    errors.push(...shares(exempt?.nominalConcurrencyShares, exemptField.child('nominalConcurrencyShares')));
    return [...errors, ...share(exempt?.lendablePercent, exemptField.child('lendablePercent'))];
  }
  if (type !== 'Limited') return [...errors, ...oneOf(type, ['Exempt', 'Limited'], typeField)];
  if (exempt) errors.push(forbidden(exemptField, 'must be nil if the type is Limited'));
  if (!limited) return [...errors, required(limitedField, 'must not be empty when type is Limited')];
  errors.push(...shares(limited.nominalConcurrencyShares, limitedField.child('nominalConcurrencyShares')));
  const response = limited.limitResponse ?? { type: '' };
  const responseField = limitedField.child('limitResponse');
  const queuing = responseField.child('queuing');
  if (response.type === 'Reject') {
    if (response.queuing) errors.push(forbidden(queuing, 'must be nil if limited.limitResponse.type is not Limited'));
  } else if (response.type === 'Queue') {
    if (response.queuing) errors.push(...validateQueuing(response.queuing, queuing));
    else errors.push(required(queuing, 'must not be empty if limited.limitResponse.type is Limited'));
  } else errors.push(...oneOf(response.type, ['Queue', 'Reject'], responseField.child('type')));
  errors.push(...share(limited.lendablePercent, limitedField.child('lendablePercent')));
  const borrowing = limited.borrowingLimitPercent;
  if (borrowing !== undefined && borrowing < 0)
    errors.push(invalid(limitedField.child('borrowingLimitPercent'), borrowing, 'if specified, must be a non-negative integer'));
  return errors;
};

export const priorityLevelConfiguration: Strategy<PriorityLevel> = {
  metadataChecks: whole,
  generation: true,
  defaults({ spec }) {
    if (spec?.exempt) {
      spec.exempt.nominalConcurrencyShares ??= 0;
      spec.exempt.lendablePercent ??= 0;
    }
    if (!spec?.limited) return;
    spec.limited.nominalConcurrencyShares ??= 30;
    spec.limited.lendablePercent ??= 0;
    const queuing = spec.limited.limitResponse?.queuing;
    if (!queuing) return;
    queuing.handSize ||= 8;
    queuing.queues ||= 64;
    queuing.queueLengthLimit ||= 50;
  },
  validate({ metadata: { name }, spec, status }) {
    const errors = validateLevel(name, spec ?? {});
    if (name === 'exempt' && spec && (spec.type !== 'Exempt' || spec.limited))
      errors.push(
        invalid(
          specField,
          internalForm('flowcontrol.v1.PriorityLevelConfigurationSpec', spec),
          "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value",
        ),
      );
    if (name === 'catch-all' && !semanticEqual(spec, fixedCatchAll))
      errors.push(
        invalid(
          specField,
          internalForm('flowcontrol.v1.PriorityLevelConfigurationSpec', spec ?? {}),
          "spec of 'catch-all' must equal the fixed value",
        ),
      );
    return [...errors, ...validateConditions(status?.conditions)];
  },
  subresources: {
    status: {
      ...plainStatus,
      metadataChecks: none,
      validateUpdate: next => validateConditions((next as PriorityLevel).status?.conditions),
    },
  },
  cells({ metadata, spec }, now) {
    const { limited } = spec ?? {};
    const queuing = limited?.limitResponse?.queuing;
    return [
      metadata.name,
      spec?.type ?? '',
      limited ? (limited.nominalConcurrencyShares ?? 0) : '<none>',
      queuing?.queues ?? '<none>',
      queuing?.handSize ?? '<none>',
      queuing?.queueLengthLimit ?? '<none>',
      age(metadata.creationTimestamp, now),
    ];
  },
};
