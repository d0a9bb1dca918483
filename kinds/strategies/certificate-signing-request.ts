/** CertificateSigningRequest: who asks is recorded by the server, who approves has a subresource to itself. */
import type * as generated from '@kubernetes/client-node';
import { repeatsIn } from '../checks.ts';
import { copyJson } from '../copy.ts';
import { difference } from '../diff.ts';
import { timestamp } from '../environment.ts';
import { semanticEqual } from '../equality.ts';
import { duplicate, forbidden, invalid, notSupported, required, root, tooLong } from '../field.ts';
import { isDns1123Label, isDns1123Subdomain } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy, StrategyContext } from '../strategy.ts';
import { age, humanDuration } from '../table/age.ts';
import type { Kind } from '../types.ts';
import { certificateProblem, requestProblem } from './certificate-request.ts';
import { wholeAndChange } from './metadata-checks.ts';
import { keepAllButStatus } from './status-update.ts';

type Request = Kind<generated.V1CertificateSigningRequest>;
type Condition = NonNullable<NonNullable<Request['status']>['conditions']>[number];
const specField = root('spec');
const conditionsField = root('status', 'conditions');
const certificateField = root('status', 'certificate');
const conditionsOf = (object: Request): Condition[] => object.status?.conditions ?? [];

const usages = [
  ...['any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment', 'decipher only'],
  ...['digital signature', 'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel', 'ipsec user', 'key agreement'],
  ...['key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime', 'server auth', 'signing', 'timestamping'],
];
const decisions = ['Approved', 'Denied'];
const lasting = ['Approved', 'Denied', 'Failed'];

export const validateSignerName = (name: string | undefined, field = specField.child('signerName')): FieldError[] => {
  if (!name) return [required(field)];
  const [domain = '', path = '', ...rest] = name.split('/');
  if (!name.includes('/') || rest.length)
    return [invalid(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")];
  const errors: FieldError[] = domain.length > 253 ? [tooLong(field, 253)] : [];
  const labels = domain.split('.');
  const badLabel = labels.find(label => isDns1123Label(label).length > 0);
  if (badLabel !== undefined)
    for (const text of isDns1123Label(badLabel)) errors.push(invalid(field, domain, `validating label "${badLabel}": ${text}`));
  if (labels.length < 2) errors.push(invalid(field, domain, 'should be a domain with at least two segments separated by dots'));
  const badPart = path.split('.').find(part => isDns1123Subdomain(part).length > 0);
  if (badPart !== undefined)
    for (const text of isDns1123Subdomain(badPart)) errors.push(invalid(field, path, `validating label "${badPart}": ${text}`));
  if (path.length > 253 + 63 + 1) errors.push(tooLong(field, 253 + 63 + 1));
  return errors;
};

const validateConditions = (conditions: readonly Condition[]): FieldError[] => {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  conditions.forEach(({ type = '', status }, i) => {
    const field = conditionsField.index(i);
    if (!type) errors.push(required(field.child('type')));
    const allowed = lasting.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (!status) errors.push(required(field.child('status')));
    else if (!allowed.includes(status)) errors.push(notSupported(field.child('status'), status, allowed));
    if (decisions.includes(type) && decisions.some(other => other !== type && seen.has(other)))
      errors.push(invalid(conditionsField, type, 'Approved and Denied conditions are mutually exclusive'));
    if (seen.has(type)) errors.push(duplicate(field.child('type'), type));
    seen.add(type);
  });
  return errors;
};

const validateSpec = (object: Request): FieldError[] => {
  const { request, usages: given = [], signerName, expirationSeconds } = object.spec ?? {};
  const errors: FieldError[] = [];
  const problem = requestProblem(request ?? '');
  if (problem) errors.push(invalid(specField.child('request'), request ?? null, problem));
  const field = specField.child('usages');
  if (!given?.length) errors.push(required(field));
  given?.forEach((usage, i) => {
    if (!usages.includes(usage)) errors.push(notSupported(field.index(i), usage, usages));
  });
  for (const i of repeatsIn(given ?? [])) errors.push(duplicate(field.index(i), given?.[i]));
  if (signerName === 'kubernetes.io/legacy-unknown')
    errors.push(invalid(specField.child('signerName'), signerName, 'the legacy signerName is not allowed via this API version'));
  else errors.push(...validateSignerName(signerName));
  if (expirationSeconds !== undefined && expirationSeconds < 600)
    errors.push(
      invalid(specField.child('expirationSeconds'), expirationSeconds, 'may not specify a duration less than 600 seconds (10 minutes)'),
    );
  return [...errors, ...validateConditions(conditionsOf(object))];
};

/** What a write may do besides: decide, or issue. */
const validateChange = (next: Request, previous: Request, may: 'approve' | 'issue' | undefined): FieldError[] => {
  const errors: FieldError[] = [];
  const ofType = (object: Request, type: string) => conditionsOf(object).filter(condition => condition.type === type);
  const issued = next.status?.certificate ?? '';
  const before = previous.status?.certificate ?? '';
  if (issued !== before) {
    const problem = certificateProblem(issued);
    if (problem) errors.push(invalid(certificateField, '<certificate data>', problem));
  }
  for (const type of lasting)
    if (ofType(next, type).length < ofType(previous, type).length)
      errors.push(forbidden(conditionsField, `updates may not remove a condition of type "${type}"`));
  if (may !== 'approve')
    for (const type of decisions) {
      const after = ofType(next, type);
      const was = ofType(previous, type);
      if (after.length > was.length) errors.push(forbidden(conditionsField, `updates may not add a condition of type "${type}"`));
      else if (after.length === was.length && !semanticEqual(after, was))
        errors.push(forbidden(conditionsField, `updates may not modify a condition of type "${type}"\n${difference(was, after)}`));
    }
  if (issued === before) return errors;
  if (may !== 'issue') errors.push(forbidden(certificateField, 'updates may not set certificate content'));
  else if (before) errors.push(forbidden(certificateField, 'updates may not modify existing certificate content'));
  return errors;
};

/** Times that the writer left out. A condition that was there before keeps the time of its last change. */
const stamp = (next: Request, previous: Request, { clock }: StrategyContext): void => {
  const now = timestamp(clock.now());
  for (const condition of conditionsOf(next)) {
    condition.lastUpdateTime ||= now;
    const same = conditionsOf(previous).find(
      ({ type, status, lastTransitionTime }) => type === condition.type && status === condition.status && lastTransitionTime,
    );
    condition.lastTransitionTime ||= same?.lastTransitionTime ?? now;
  }
};
/** Where the number of decisions did not change, the ones recorded stand. */
const keepDecisions = (next: Request, previous: Request): void => {
  const list = conditionsOf(next);
  for (const type of decisions) {
    const was = conditionsOf(previous).filter(condition => condition.type === type);
    const indices = list.flatMap((condition, i) => (condition.type === type ? [i] : []));
    if (was.length !== indices.length) continue;
    indices.forEach((at, i) => {
      const kept = was[i];
      if (kept) list[at] = copyJson(kept);
    });
  }
};

const state = (object: Request): string => {
  const has = (type: string) => conditionsOf(object).some(condition => condition.type === type);
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return `${decision}${has('Failed') ? ',Failed' : ''}${object.status?.certificate ? ',Issued' : ''}`;
};

export const certificateSigningRequest: Strategy<Request> = {
  metadataChecks: wholeAndChange,
  nameRule: 'path-segment',
  prepareForCreate(object, { user }) {
    const { request, signerName, usages: given, expirationSeconds } = object.spec ?? {};
    const groups = [...user.groups];
    const spec: Partial<Request['spec']> = {
      ...(request === undefined ? {} : { request }),
      signerName: signerName ?? '',
      username: user.name,
      ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
      ...(given ? { usages: given } : {}),
      ...(groups.length ? { groups } : {}),
      ...(user.uid ? { uid: user.uid } : {}),
      ...(user.extra && Object.keys(user.extra).length ? { extra: structuredClone(user.extra) as Record<string, string[]> } : {}),
    };
    object.spec = spec as Request['spec'];
    object.status = {};
  },
  prepareForUpdate(next, previous) {
    next.spec = copyJson(previous.spec);
  },
  validate: validateSpec,
  validateUpdate: (next, previous) => validateChange(next, previous, undefined),
  subresources: {
    status: {
      prepareForUpdate(next, previous, context) {
        keepAllButStatus(next, previous);
        keepDecisions(next, previous);
        stamp(next, previous, context);
      },
      validateUpdate: (next, previous) => [...validateSpec(next), ...validateChange(next, previous, 'issue')],
    },
    approval: {
      prepareForUpdate(next, previous, context) {
        stamp(next, previous, context);
        const conditions = conditionsOf(next);
        next.spec = copyJson(previous.spec);
        next.status = { ...copyJson(previous.status), conditions };
        if (conditions.length === 0) delete next.status.conditions;
      },
      validateUpdate: (next, previous) => [...validateSpec(next), ...validateChange(next, previous, 'approve')],
    },
  },
  fields: object => ({ 'spec.signerName': object.spec?.signerName ?? '' }),
  cells: (object, now) => [
    object.metadata.name,
    age(object.metadata.creationTimestamp, now),
    object.spec?.signerName || '<none>',
    object.spec?.username ?? '',
    object.spec?.expirationSeconds === undefined ? '<none>' : humanDuration(object.spec.expirationSeconds * 1000),
    state(object),
  ],
};
