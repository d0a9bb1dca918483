/** ValidatingAdmissionPolicy, MutatingAdmissionPolicy and their bindings. */
import type * as generated from '@kubernetes/client-node';
import { check, oneOf, optionalOneOf, repeatsIn } from '../checks.ts';
import { duplicate, invalid, notSupported, type Path, required, root } from '../field.ts';
import { isDns1123Subdomain, isQualifiedName, validateConditions } from '../metadata.ts';
import type { Json } from '../object.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind, Wire } from '../types.ts';
import { declareVariables, type ExpressionScope, validateExpression } from './admission-expressions.ts';
import {
  defaultMatchResources,
  failurePolicies,
  formatParamRef,
  type ParamKind,
  validateMatchConditions,
  validateMatchResources,
  validateMutableOperations,
  validateParamKind,
  validateParamRef,
  validateVariables,
} from './admission-rules.ts';
import { machinery, none, whole } from './metadata-checks.ts';
import { keepAllButStatus, keepMetadata } from './status-update.ts';

type ValidatingPolicy = Kind<generated.V1ValidatingAdmissionPolicy>;
type ValidatingBinding = Kind<generated.V1ValidatingAdmissionPolicyBinding>;
type MutatingPolicy = Kind<generated.V1MutatingAdmissionPolicy>;
type MutatingBinding = Kind<generated.V1MutatingAdmissionPolicyBinding>;
type Validation = Wire<generated.V1Validation>;
type Mutation = Wire<generated.V1Mutation>;
type AuditAnnotation = Wire<generated.V1AuditAnnotation>;
type PolicySpec = NonNullable<ValidatingPolicy['spec']> | NonNullable<MutatingPolicy['spec']>;

const specField = root('spec');
const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];

const scopeOf = ({ paramKind }: Partial<PolicySpec>): ExpressionScope => ({ params: paramKind !== undefined, authorizer: true });

const validateShared = (spec: Partial<PolicySpec>): FieldError[] => {
  const match = specField.child('matchConstraints');
  const errors = oneOf(spec.failurePolicy, failurePolicies, specField.child('failurePolicy'));
  errors.push(...validateParamKind(spec.paramKind, specField.child('paramKind')));
  if (!spec.matchConstraints) errors.push(required(match));
  else {
    errors.push(...validateMatchResources(spec.matchConstraints, match));
    if (!spec.matchConstraints.resourceRules?.length) errors.push(required(match.child('resourceRules')));
  }
  errors.push(...validateMatchConditions(spec.matchConditions, specField.child('matchConditions'), spec.paramKind !== undefined));
  return [...errors, ...validateVariables(spec.variables, specField.child('variables'), scopeOf(spec))];
};

const validateOne = ({ expression, message, messageExpression, reason }: Validation, scope: ExpressionScope, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const filled = 'must be non-empty if specified';
  if (!expression?.trim()) errors.push(required(field.child('expression'), 'expression is not specified'));
  else errors.push(...validateExpression(expression, scope, 'bool', field.child('expression')));
  if (messageExpression?.trim())
    errors.push(...validateExpression(messageExpression, { ...scope, authorizer: false }, 'string', field.child('messageExpression')));
  if (messageExpression && !messageExpression.trim()) errors.push(invalid(field.child('messageExpression'), messageExpression, filled));
  if (message && !message.trim()) errors.push(invalid(field.child('message'), message, filled));
  else if (message && /[\n\r]/.test(message.trim())) errors.push(invalid(field.child('message'), message, 'must not contain line breaks'));
  return [...errors, ...optionalOneOf(reason, reasons, field.child('reason'))];
};
const validateAudit = (annotations: readonly AuditAnnotation[], policy: string, scope: ExpressionScope, field: Path): FieldError[] => {
  const errors: FieldError[] = annotations.length > 20 ? [invalid(field, annotations, 'must not have more than 20 auditAnnotations')] : [];
  const keys = new Set<string>();
  annotations.forEach(({ key, valueExpression }, i) => {
    const at = field.index(i);
    errors.push(...check(isQualifiedName, `${policy}/${key}`, at.child('key')));
    const expression = valueExpression?.trim() ?? '';
    if (!expression) errors.push(required(at.child('valueExpression'), 'valueExpression is not specified'));
    else if (expression.length > 5 * 1024) errors.push(required(at.child('valueExpression'), 'must not exceed 5120 bytes in length'));
    else errors.push(...validateExpression(expression, scope, 'string or null', at.child('valueExpression'), valueExpression));
    if (keys.has(key)) errors.push(duplicate(at.child('key'), key));
    keys.add(key);
  });
  return errors;
};
const validateMutation = (mutation: Mutation, scope: ExpressionScope, field: Path): FieldError[] => {
  const { patchType } = mutation;
  if (!patchType) return [required(field.child('patchType'))];
  if (patchType !== 'JSONPatch' && patchType !== 'ApplyConfiguration')
    return [notSupported(field.child('patchType'), patchType, ['ApplyConfiguration', 'JSONPatch'])];
  const [own, other] =
    patchType === 'JSONPatch' ? (['jsonPatch', 'applyConfiguration'] as const) : (['applyConfiguration', 'jsonPatch'] as const);
  const errors: FieldError[] = [];
  if (!mutation[own]) errors.push(required(field.child(own), `must be specified when patchType is ${patchType}`));
  else if (!mutation[own].expression?.trim()) errors.push(required(field.child(own, 'expression')));
  else
    errors.push(
      ...validateExpression(
        mutation[own].expression.trim(),
        scope,
        patchType === 'JSONPatch' ? 'list(JSONPatch)' : 'Object',
        field.child(own, 'expression'),
      ),
    );
  if (mutation[other]) errors.push(invalid(field.child(other), `{${other}}`, `must not be specified when patchType is ${patchType}`));
  return errors;
};

/** With the policy's variables. `always`: an expression may speak of them even where there are none. */
const composedScope = (spec: Partial<PolicySpec>, always = false): ExpressionScope => {
  const scope = scopeOf(spec);
  if (!spec.variables?.length && !always) return scope;
  return { ...scope, variables: declareVariables(spec.variables ?? [], scope).types };
};

const kindCell = (kind: ParamKind | undefined): string => (kind ? `${kind.apiVersion ?? ''}/${kind.kind ?? ''}` : '<unset>');
const defaults = (object: ValidatingPolicy | MutatingPolicy): void => {
  if (!object.spec) return;
  object.spec.failurePolicy ??= 'Fail';
  defaultMatchResources(object.spec.matchConstraints);
};
const common = { generation: true, allowUnconditionalUpdate: false } as const;

const validateStatus = ({ status }: ValidatingPolicy): FieldError[] => {
  const field = root('status');
  const warnings = field.child('typeChecking', 'expressionWarnings');
  return [
    ...(status?.typeChecking?.expressionWarnings ?? []).flatMap(({ warning, fieldRef }, i) => [
      ...(warning ? [] : [required(warnings.index(i).child('warning'))]),
      ...(fieldRef?.trim() ? [] : [required(warnings.index(i).child('fieldRef'))]),
    ]),
    ...validateConditions(status?.conditions, field.child('conditions')),
  ];
};

export const validatingAdmissionPolicy: Strategy<ValidatingPolicy> = {
  metadataChecks: { ...machinery, ...whole },
  ...common,
  defaults,
  validate({ metadata, spec = {} }) {
    const errors = validateShared(spec);
    const { validations = [], auditAnnotations = [] } = spec;
    if (validations.length + auditAnnotations.length === 0) {
      const why = 'validations or auditAnnotations must contain at least one item';
      return [...errors, required(specField.child('validations'), why), required(specField.child('auditAnnotations'), why)];
    }
    const scope = composedScope(spec);
    validations.forEach((validation, i) => {
      errors.push(...validateOne(validation, scope, specField.child('validations').index(i)));
    });
    return [...errors, ...validateAudit(auditAnnotations, metadata.name, scope, specField.child('auditAnnotations'))];
  },
  subresources: {
    status: {
      prepareForUpdate(next, previous) {
        keepAllButStatus(next, previous);
        keepMetadata(next, previous);
      },
      metadataChecks: none,
      validateUpdate: validateStatus,
    },
  },
  cells: ({ metadata, spec }, now) => [
    metadata.name,
    spec?.validations?.length ?? 0,
    kindCell(spec?.paramKind),
    age(metadata.creationTimestamp, now),
  ],
};

export const mutatingAdmissionPolicy: Strategy<MutatingPolicy> = {
  metadataChecks: { ...machinery, ...whole },
  ...common,
  defaults,
  validate({ spec = {} }) {
    const errors = validateShared(spec);
    errors.push(...validateMutableOperations(spec.matchConstraints, specField.child('matchConstraints')));
    const { mutations = [] } = spec;
    const field = specField.child('mutations');
    if (mutations.length === 0) errors.push(required(field, 'mutations must contain at least one item'));
    errors.push(
      ...mutations.flatMap((mutation, i) => validateMutation(mutation, { ...composedScope(spec, true), patches: true }, field.index(i))),
    );
    return [...errors, ...oneOf(spec.reinvocationPolicy, ['IfNeeded', 'Never'], specField.child('reinvocationPolicy'))];
  },
  cells: ({ metadata, spec }, now) => [
    metadata.name,
    spec?.mutations?.length ?? 0,
    kindCell(spec?.paramKind),
    age(metadata.creationTimestamp, now),
  ],
};

const actions = ['Audit', 'Deny', 'Warn'];
const validateActions = (given: readonly string[], field: Path): FieldError[] => {
  const repeats = repeatsIn(given);
  const errors = given.flatMap((action, i) => [
    ...(actions.includes(action) ? [] : [notSupported(field.index(i), action, actions)]),
    ...(repeats.has(i) ? [duplicate(field.index(i), action)] : []),
  ]);
  if (given.includes('Deny') && given.includes('Warn'))
    errors.push(
      invalid(
        field,
        given,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  return given.length ? errors : [...errors, required(field, 'at least one validation action is required')];
};
const validateBinding = ({ spec }: ValidatingBinding | MutatingBinding): FieldError[] => {
  const policy = specField.child('policyName');
  return [
    ...(spec?.policyName ? check(isDns1123Subdomain, spec.policyName, policy) : [required(policy)]),
    ...validateParamRef(spec?.paramRef, specField.child('paramRef')),
    ...validateMatchResources(spec?.matchResources, specField.child('matchResources')),
  ];
};
const binding = {
  ...common,
  defaults: ({ spec }: ValidatingBinding | MutatingBinding) => defaultMatchResources(spec?.matchResources),
  cells: ({ metadata, spec }: ValidatingBinding | MutatingBinding, now: number): Json[] => [
    metadata.name,
    spec?.policyName ?? '',
    formatParamRef(spec?.paramRef),
    age(metadata.creationTimestamp, now),
  ],
};
export const validatingAdmissionPolicyBinding: Strategy<ValidatingBinding> = {
  metadataChecks: { ...machinery, ...whole },
  ...binding,
  validate: object => [
    ...validateBinding(object),
    ...validateActions(object.spec?.validationActions ?? [], specField.child('validationActions')),
  ],
};
export const mutatingAdmissionPolicyBinding: Strategy<MutatingBinding> = {
  metadataChecks: { ...machinery, ...whole },
  ...binding,
  validate: object => [
    ...validateBinding(object),
    ...validateMutableOperations(object.spec?.matchResources, specField.child('matchResources')),
  ],
};
