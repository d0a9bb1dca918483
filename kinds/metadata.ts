/**
 * Rules that hold for `metadata` of every kind: on creation and on update (apimachinery `pkg/api/validation/objectmeta.go`
 * and `pkg/apis/meta/v1/validation`). The single checks are exported for the places that use them elsewhere: labels of a pod
 * template, selectors, conditions.
 */
import { formEqual, semanticEqual } from './equality.ts';
import { type Field, forbidden, invalid, notSupported, type Path, required, root, show, tooLong } from './field.ts';
import { internalForm } from './internal-form.ts';
import { checkName, isDns1123Label, isLabelValue, isQualifiedName, longerThan, patternText } from './names.ts';
import type { KubeObject, ManagedFieldsEntry, OwnerReference } from './object.ts';
import type { FieldError } from './status.ts';
import type { MetadataChecks, Strategy } from './strategy.ts';

export * from './names.ts';

const metadata = root('metadata');
const nameField = metadata.child('name');
const labelsField = metadata.child('labels');
const annotationsField = metadata.child('annotations');
const ownersField = metadata.child('ownerReferences');
const finalizersField = metadata.child('finalizers');
const managedFieldsField = metadata.child('managedFields');

export const immutableText = 'field is immutable';
export const negativeText = 'must be greater than or equal to 0';

/** `value` must be what it was. `type` is that of the value in the server's internal form, where it is a struct or a list. */
export const validateImmutable = (value: unknown, previous: unknown, field: Field, type?: string): FieldError[] =>
  (type?.startsWith('core.') ? formEqual : semanticEqual)(value, previous)
    ? []
    : [invalid(field, (type ? internalForm(type, value) : value) ?? null, immutableText)];
/** Of a label selector, shown whole. */
export const validateImmutableSelector = (value: unknown, previous: unknown, field: Field): FieldError[] =>
  validateImmutable(value, previous, field, 'io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector');
export const validateNonNegative = (value: number | undefined, field: Field): FieldError[] =>
  value !== undefined && value < 0 ? [invalid(field, value, negativeText)] : [];

export const validateLabelName = (name: string, field: Field): FieldError[] =>
  isQualifiedName(name).map(text => invalid(field, name, text));
export const validateLabels = (labels: Readonly<Record<string, string>> | undefined, field: Field): FieldError[] => {
  const errors: FieldError[] = [];
  for (const key in labels) {
    const value = labels[key] ?? '';
    for (const text of isQualifiedName(key)) errors.push(invalid(field, key, text));
    for (const text of isLabelValue(value)) errors.push(invalid(field, value, text));
  }
  return errors;
};

const annotationsLimit = 256 * 1024;
export const validateAnnotations = (annotations: Readonly<Record<string, string>> | undefined, field: Field): FieldError[] => {
  const errors: FieldError[] = [];
  let size = 0;
  for (const key in annotations) {
    const value = annotations[key] ?? '';
    for (const text of isQualifiedName(key.toLowerCase())) errors.push(invalid(field, key, text));
    size += key.length + (value.length > 1000 ? Buffer.byteLength(value) : value.length);
  }
  if (size > annotationsLimit) errors.push(tooLong(field, annotationsLimit));
  return errors;
};

const groupAndVersion = (apiVersion: string): { group: string; version: string } => {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? { group: '', version: apiVersion } : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
};
const ownerType = 'io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference';
export const validateOwnerReferences = (owners: readonly OwnerReference[] | undefined, field: Field): FieldError[] => {
  const errors: FieldError[] = [];
  if (!owners?.length) return errors;
  const path = typeof field === 'string' ? root(field) : field;
  let controller: string | undefined;
  for (const owner of owners) {
    const { group, version } = groupAndVersion(owner.apiVersion ?? '');
    if (!version) errors.push(invalid(path.child('apiVersion'), owner.apiVersion ?? '', 'version must not be empty'));
    if (!owner.kind) errors.push(invalid(path.child('kind'), owner.kind ?? '', 'must not be empty'));
    if (!owner.name) errors.push(invalid(path.child('name'), owner.name ?? '', 'must not be empty'));
    if (!owner.uid) errors.push(invalid(path.child('uid'), owner.uid ?? '', 'must not be empty'));
    if (group === '' && version === 'v1' && owner.kind === 'Event')
      errors.push(invalid(path, internalForm(ownerType, owner), '/v1, Kind=Event is disallowed from being an owner'));
    if (!owner.controller) continue;
    const current = `${owner.kind}/${owner.name}`;
    if (controller === undefined) controller = current;
    else
      errors.push(
        invalid(
          path,
          internalForm(ownerType, owners),
          `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`,
        ),
      );
  }
  return errors;
};

export const validateFinalizerName = (name: string, field: Field): FieldError[] =>
  isQualifiedName(name).map(text => invalid(field, name, text));
export const validateFinalizers = (finalizers: readonly string[] | undefined, field: Field): FieldError[] => {
  const errors: FieldError[] = [];
  if (!finalizers?.length) return errors;
  for (const name of finalizers) errors.push(...validateFinalizerName(name, field));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    errors.push(invalid(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  return errors;
};
const validateNoNewFinalizers = (next: readonly string[] | undefined, previous: readonly string[] | undefined): FieldError[] => {
  const extra = [...new Set(next ?? [])].filter(name => !previous?.includes(name)).sort();
  if (extra.length === 0) return [];
  const list = `[]string{${extra.map(show).join(', ')}}`;
  return [forbidden(finalizersField, `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`)];
};

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u;
/** The `fieldManager` of a request and of an entry of `managedFields`. */
export const validateFieldManager = (name: string, field: Field): FieldError[] => {
  const errors: FieldError[] = [];
  if (longerThan(name, 128)) errors.push(tooLong(field, 128));
  if (printable.test(name)) return errors;
  let at = 0;
  for (const char of name) {
    if (!printable.test(char)) {
      const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      errors.push(invalid(field, name, `invalid character U+${code} (at position ${at})`));
    }
    at += Buffer.byteLength(char);
  }
  return errors;
};
export const validateManagedFields = (entries: readonly ManagedFieldsEntry[] | undefined, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  entries?.forEach((entry, i) => {
    if (entry.operation !== 'Apply' && entry.operation !== 'Update')
      errors.push(invalid(field.index(i).child('operation'), entry.operation ?? '', 'must be `Apply` or `Update`'));
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1')
      errors.push(invalid(field.index(i).child('fieldsType'), entry.fieldsType, 'must be `FieldsV1`'));
    if (entry.manager) errors.push(...validateFieldManager(entry.manager, field.index(i).child('manager')));
    if (entry.subresource && longerThan(entry.subresource, 256)) errors.push(tooLong(field.index(i).child('subresource'), 256));
  });
  return errors;
};

interface Scope {
  readonly namespaced: boolean;
  readonly strategy: Pick<Strategy, 'nameRule' | 'metadataChecks'>;
}

type Rule = NonNullable<Strategy['nameRule']>;
/** What creation and update both check about the name. */
const validateNames = (object: KubeObject, namespaced: boolean, rule: Rule, generated: boolean): FieldError[] => {
  const { name, generateName, namespace } = object.metadata;
  const errors: FieldError[] = [];
  if (generateName && generated)
    for (const text of checkName(rule, generateName, true)) errors.push(invalid(metadata.child('generateName'), generateName, text));
  if (!name) errors.push(required(nameField, 'name or generateName is required'));
  else for (const text of checkName(rule, name, false)) errors.push(invalid(nameField, name, text));
  if (!namespaced) {
    if (namespace) errors.push(forbidden(metadata.child('namespace'), 'not allowed on this type'));
  } else if (!namespace) errors.push(required(metadata.child('namespace')));
  else for (const text of isDns1123Label(namespace)) errors.push(invalid(metadata.child('namespace'), namespace, text));
  return errors;
};
const validateShared = ({ metadata: meta }: KubeObject): FieldError[] => [
  ...validateLabels(meta.labels, labelsField),
  ...validateAnnotations(meta.annotations, annotationsField),
  ...validateOwnerReferences(meta.ownerReferences, ownersField),
  ...validateManagedFields(meta.managedFields, managedFieldsField),
];
const validateWhole = (object: KubeObject, namespaced: boolean, rule: Rule, generated = true): FieldError[] => [
  ...validateNames(object, namespaced, rule, generated),
  ...validateNonNegative(object.metadata.generation, metadata.child('generation')),
  ...validateShared(object),
  ...validateFinalizers(object.metadata.finalizers, finalizersField),
];

const standardFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion'];
/** A finalizer without a domain is one of the few that were there before domains were asked for. */
export const validateStandardFinalizer = (name: string, field: Field): FieldError[] =>
  name.includes('/') || standardFinalizers.includes(name)
    ? []
    : [invalid(field, name, 'name is neither a standard finalizer name nor is it fully qualified')];
const validateStandardFinalizers = (object: KubeObject, checks: MetadataChecks | undefined): FieldError[] =>
  checks?.machinery || !object.metadata.finalizers
    ? []
    : object.metadata.finalizers.flatMap((name, i) => validateStandardFinalizer(name, finalizersField.index(i)));

/** Metadata of a new object; a `generateName` has already become a name. */
export const validateMetadata = (object: KubeObject, { namespaced, strategy }: Scope): FieldError[] => [
  ...validateWhole(object, namespaced, strategy.nameRule ?? 'dns-subdomain', strategy.metadataChecks?.generateName),
  ...validateStandardFinalizers(object, strategy.metadataChecks),
];
/** What holds for a new object of a kind whose own rules do not look at metadata. */
export const validateBareMetadata = (object: KubeObject, { namespaced }: Pick<Scope, 'namespaced'>): FieldError[] =>
  validateWhole(object, namespaced, 'path-segment');

const fixed = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;
const validateChange = (next: KubeObject, previous: KubeObject): FieldError[] => {
  const before = previous.metadata;
  const after = next.metadata;
  const errors: FieldError[] = before.deletionTimestamp ? validateNoNewFinalizers(after.finalizers, before.finalizers) : [];
  if (!after.resourceVersion) errors.push(invalid(metadata.child('resourceVersion'), '', 'must be specified for an update'));
  if ((after.generation ?? 0) < (before.generation ?? 0))
    errors.push(invalid(metadata.child('generation'), after.generation ?? 0, 'must not be decremented'));
  for (const field of fixed) {
    if ((after[field] ?? '') !== (before[field] ?? '')) errors.push(invalid(metadata.child(field), after[field] ?? null, immutableText));
  }
  errors.push(...validateShared(next));
  return errors;
};

/**
 * Metadata of a change: once for all kinds, whole and as a change, then as the kind's own rules look at it. Causes that are
 * found more than once are told more than once.
 */
export const validateMetadataUpdate = (
  next: KubeObject,
  previous: KubeObject,
  scope: Scope,
  checks: MetadataChecks | undefined = scope.strategy.metadataChecks,
): FieldError[] => {
  const change = validateChange(next, previous);
  const standard = validateStandardFinalizers(next, checks);
  const errors = [...validateWhole(next, scope.namespaced, 'path-segment'), ...change];
  if (errors.length === 0 && standard.length === 0 && !next.metadata.generateName) return errors;
  for (const part of checks?.update ?? ['change']) {
    errors.push(
      ...(part === 'whole'
        ? validateWhole(next, scope.namespaced, scope.strategy.nameRule ?? 'dns-subdomain', checks?.generateName)
        : change),
      ...standard,
    );
  }
  return errors;
};

const conditionReason = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;
const conditionReasonText = patternText(
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
  '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?',
  'my_name',
  'MY_NAME',
  'MyName',
  'ReasonA,ReasonB',
  'ReasonA:ReasonB',
);
export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  observedGeneration?: number;
  lastTransitionTime?: string;
}
/** `metav1.Condition` lists, as PodDisruptionBudgets, ServiceCIDRs, ResourceClaims and others carry them. */
export const validateConditions = (conditions: readonly Condition[] | undefined, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  conditions?.forEach((condition, i) => {
    const path = field.index(i);
    const { reason = '', message = '', observedGeneration = 0 } = condition;
    if (seen.has(condition.type))
      errors.push({ type: 'Duplicate', field: String(path.child('type')), message: `Duplicate value: ${show(condition.type)}` });
    seen.add(condition.type);
    errors.push(...validateLabelName(condition.type, path.child('type')));
    if (!['True', 'False', 'Unknown'].includes(condition.status))
      errors.push(notSupported(path.child('status'), condition.status, ['False', 'True', 'Unknown']));
    if (observedGeneration < 0)
      errors.push(invalid(path.child('observedGeneration'), observedGeneration, 'must be greater than or equal to zero'));
    if (!condition.lastTransitionTime) errors.push(required(path.child('lastTransitionTime')));
    if (!reason) errors.push(required(path.child('reason')));
    else {
      if (!conditionReason.test(reason)) errors.push(invalid(path.child('reason'), reason, conditionReasonText));
      if (longerThan(reason, 1024)) errors.push(tooLong(path.child('reason'), 1024));
    }
    if (longerThan(message, 32 * 1024)) errors.push(tooLong(path.child('message'), 32 * 1024));
  });
  return errors;
};

interface SelectorRequirement {
  key: string;
  operator: string;
  values?: string[];
}
export interface Selector {
  matchLabels?: Record<string, string>;
  matchExpressions?: SelectorRequirement[];
}
/** A LabelSelector field; `allowBadValues` for updates of objects that already held such a value. */
export const validateLabelSelector = (selector: Selector | undefined | null, field: Path, allowBadValues = false): FieldError[] => {
  if (!selector) return [];
  const errors = validateLabels(selector.matchLabels, field.child('matchLabels'));
  selector.matchExpressions?.forEach((requirement, i) => {
    const path = field.child('matchExpressions').index(i);
    const values = requirement.values ?? [];
    switch (requirement.operator) {
      case 'In':
      case 'NotIn':
        if (values.length === 0) errors.push(required(path.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
        break;
      case 'Exists':
      case 'DoesNotExist':
        if (values.length > 0)
          errors.push(forbidden(path.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
        break;
      default:
        errors.push(invalid(path.child('operator'), requirement.operator ?? '', 'not a valid selector operator'));
    }
    errors.push(...validateLabelName(requirement.key ?? '', path.child('key')));
    if (allowBadValues) return;
    values.forEach((value, at) => {
      for (const text of isLabelValue(value)) errors.push(invalid(path.child('values').index(at), value, text));
    });
  });
  return errors;
};
