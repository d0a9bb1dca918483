/** StorageClass and VolumeAttributesClass. */
import type * as generated from '@kubernetes/client-node';
import { check, givenOneOf, optionalOneOf, repeatsIn } from '../checks.ts';
import { deprecatedLabel } from '../deprecated-labels.ts';
import { duplicate, forbidden, invalid, type Path, required, root, tooLong } from '../field.ts';
import { immutableText, isQualifiedName, validateImmutable, validateLabelName } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind, Wire } from '../types.ts';
import { wholeAndChange } from './metadata-checks.ts';

type StorageClass = Kind<generated.V1StorageClass>;
type VolumeAttributesClass = Kind<generated.V1VolumeAttributesClass>;
type Term = Wire<generated.V1TopologySelectorTerm>;

const validateProvisioner = (name: string | undefined, field: string): FieldError[] =>
  name ? check(isQualifiedName, name.toLowerCase(), field) : [required(field)];

const validateParameters = (parameters: Readonly<Record<string, string>> = {}, mayBeEmpty: boolean): FieldError[] => {
  const keys = Object.keys(parameters);
  if (keys.length > 512) return [tooLong('parameters', 512)];
  const errors: FieldError[] = [];
  let size = 0;
  for (const key of keys) {
    if (key === '') errors.push(invalid('parameters', key, 'field can not be empty.'));
    size += Buffer.byteLength(key) + Buffer.byteLength(parameters[key] ?? '');
  }
  if (size > 256 * 1024) errors.push(tooLong('parameters', 256 * 1024));
  if (!mayBeEmpty && keys.length === 0) errors.push(required('parameters', 'must contain at least one key/value pair'));
  return errors;
};

type Parameters = Readonly<Record<string, string>> | undefined;
const sorted = (parameters: NonNullable<Parameters>): Parameters =>
  Object.fromEntries(Object.entries(parameters).sort(([one], [other]) => (one < other ? -1 : 1)));
/** In a map, an empty value is one. */
const sameParameters = (next: Parameters = {}, previous: Parameters = {}): boolean =>
  JSON.stringify(sorted(next)) === JSON.stringify(sorted(previous));

const validateTerm = (term: Term, field: Path): FieldError[] => {
  const keys = new Set<string>();
  return (term.matchLabelExpressions ?? []).flatMap((expression, i) => {
    const { key } = expression;
    const values = expression.values ?? [];
    const path = field.child('matchLabelExpressions').index(i);
    const errors: FieldError[] = values.length ? [] : [required(path.child('values'))];
    for (const at of repeatsIn(values)) errors.push(duplicate(path.child('values').index(at), values[at]));
    errors.push(...validateLabelName(key ?? '', path.child('key')));
    if (keys.has(key)) errors.push(duplicate(path.child('key'), key));
    keys.add(key);
    return errors;
  });
};
/** A term without regard to the order of its parts. */
const normalized = (term: Term): string =>
  JSON.stringify((term.matchLabelExpressions ?? []).map(({ key, values }) => [key, [...(values ?? [])].sort()]).sort());
const topologiesField = root('allowedTopologies');
const validateTopologies = (terms: readonly Term[] = []): FieldError[] => {
  const seen = new Map<string, number>();
  return terms.flatMap((term, i) => {
    const field = topologiesField.index(i);
    const errors = validateTerm(term, field);
    const id = normalized(term);
    // Upstream compares with a list that begins with as many empty terms as there are terms.
    const twins = (seen.get(id) ?? 0) + (id === '[]' ? terms.length : 0);
    for (let twin = 0; twin < twins; twin++) errors.push(duplicate(field.child('matchLabelExpressions'), ''));
    seen.set(id, (seen.get(id) ?? 0) + 1);
    return errors;
  });
};

const defaultAnnotations = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
const fixed = ['provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const;

export const storageClass: Strategy<StorageClass> = {
  metadataChecks: wholeAndChange,
  defaults(object) {
    object.reclaimPolicy ??= 'Delete';
    object.volumeBindingMode ??= 'Immediate';
  },
  validate: object => [
    ...validateProvisioner(object.provisioner, 'provisioner'),
    ...validateParameters(object.parameters, true),
    ...(object.reclaimPolicy ? optionalOneOf(object.reclaimPolicy, ['Delete', 'Retain'], 'reclaimPolicy') : []),
    ...givenOneOf(object.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer'], 'volumeBindingMode'),
    ...validateTopologies(object.allowedTopologies),
  ],
  warnings: ({ allowedTopologies = [] }) =>
    allowedTopologies.flatMap((term, i) =>
      (term.matchLabelExpressions ?? []).flatMap(({ key }, at) => {
        const text = deprecatedLabel(key ?? '');
        return text ? [`${topologiesField.index(i).child('matchLabelExpressions').index(at).child('key')}: ${text}`] : [];
      }),
    ),
  validateUpdate: (next, previous) => [
    ...(sameParameters(next.parameters, previous.parameters)
      ? []
      : [invalid('parameters', next.parameters ? sorted(next.parameters) : null, immutableText)]),
    ...fixed.flatMap(field => validateImmutable(next[field], previous[field], field)),
  ],
  cells(object, now) {
    const annotations = object.metadata.annotations ?? {};
    const isDefault = defaultAnnotations.some(name => annotations[name] === 'true');
    return [
      `${object.metadata.name}${isDefault ? ' (default)' : ''}`,
      object.provisioner,
      object.reclaimPolicy ?? 'Delete',
      object.volumeBindingMode ?? 'Immediate',
      object.allowVolumeExpansion ?? false,
      age(object.metadata.creationTimestamp, now),
    ];
  },
};

export const volumeAttributesClass: Strategy<VolumeAttributesClass> = {
  metadataChecks: wholeAndChange,
  validate: object => [...validateProvisioner(object.driverName, 'driverName'), ...validateParameters(object.parameters, false)],
  validateUpdate: (next, previous) => [
    ...(next.driverName === previous.driverName ? [] : [forbidden('driverName', 'updates to driverName are forbidden.')]),
    ...(sameParameters(next.parameters, previous.parameters) ? [] : [forbidden('parameters', 'updates to parameters are forbidden.')]),
  ],
  cells: (object, now) => [object.metadata.name, object.driverName, age(object.metadata.creationTimestamp, now)],
};
