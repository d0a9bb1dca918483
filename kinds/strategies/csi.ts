/** CSIDriver, CSINode and CSIStorageCapacity. */
import type * as generated from '@kubernetes/client-node';
import { check, optionalOneOf, repeatsIn, validateNonNegativeQuantity } from '../checks.ts';
import { selectorWarnings } from '../deprecated-labels.ts';
import { semanticEqual } from '../equality.ts';
import { duplicate, type Field, invalid, notSupported, type Path, required, root, tooLong } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import {
  immutableText,
  isDns1123Subdomain,
  isQualifiedName,
  longerThan,
  validateImmutable,
  validateLabelSelector,
  validateNonNegative,
} from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind } from '../types.ts';
import { whole, wholeAndChange } from './metadata-checks.ts';

type CsiDriver = Kind<generated.V1CSIDriver>;
type CsiNode = Kind<generated.V1CSINode>;
type CsiStorageCapacity = Kind<generated.V1CSIStorageCapacity>;
const specField = root('spec');

/** A driver's name: a subdomain that may have capitals. */
export const validateDriverName = (name: string | undefined, field: Field): FieldError[] => {
  if (!name) return [required(field)];
  const errors = longerThan(name, 63) ? [tooLong(field, 63)] : [];
  return [...errors, ...isDns1123Subdomain(name.toLowerCase()).map(text => invalid(field, name, text))];
};

const validateTokens = (tokens: NonNullable<CsiDriver['spec']>['tokenRequests'], field: Path): FieldError[] => {
  const audiences = new Set<string>();
  return (tokens ?? []).flatMap(({ audience, expirationSeconds: seconds }, i) => {
    const path = field.index(i);
    if (audiences.has(audience)) return [duplicate(path.child('audience'), audience)];
    audiences.add(audience);
    if (seconds === undefined) return [];
    if (seconds < 600) return [invalid(path.child('expirationSeconds'), seconds, 'may not specify a duration less than 10 minutes')];
    if (seconds > 2 ** 32)
      return [invalid(path.child('expirationSeconds'), seconds, 'may not specify a duration larger than 2^32 seconds')];
    return [];
  });
};

const tokenWarning =
  'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes';
/** A field of a feature that is off. */
const dropDisabled = ({ spec }: CsiDriver): void => {
  if (spec) delete (spec as { preventPodSchedulingIfMissing?: boolean }).preventPodSchedulingIfMissing;
};

export const csiDriver: Strategy<CsiDriver> = {
  allowUnconditionalUpdate: false,
  defaults(object) {
    object.spec ??= {};
    const { spec } = object;
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  prepareForCreate: dropDisabled,
  prepareForUpdate(next, previous) {
    dropDisabled(next);
    // The generation starts with the first change.
    next.metadata.generation = (previous.metadata.generation ?? 0) + (semanticEqual(next.spec, previous.spec) ? 0 : 1);
  },
  validate({ spec }) {
    const errors: FieldError[] = [];
    const policies = ['File', 'None', 'ReadWriteOnceWithFSType'];
    errors.push(...optionalOneOf(spec?.fsGroupPolicy, policies, specField.child('fsGroupPolicy')));
    errors.push(...validateTokens(spec?.tokenRequests, specField.child('tokenRequests')));
    for (const mode of spec?.volumeLifecycleModes ?? []) {
      if (mode !== 'Persistent' && mode !== 'Ephemeral')
        errors.push(notSupported(specField.child('volumeLifecycleModes'), mode, ['Persistent', 'Ephemeral']));
    }
    const period = spec?.nodeAllocatableUpdatePeriodSeconds;
    if (period !== undefined && period < 10)
      errors.push(invalid(specField.child('nodeAllocatableUpdatePeriodSeconds'), period, 'must be greater than or equal to 10 seconds'));
    if (spec?.serviceAccountTokenInSecrets !== undefined && !spec.tokenRequests?.length)
      errors.push(
        invalid(
          specField.child('serviceAccountTokenInSecrets'),
          spec.serviceAccountTokenInSecrets,
          'serviceAccountTokenInSecrets is set but no tokenRequests are specified',
        ),
      );
    return errors;
  },
  validateUpdate: (next, previous) => [
    ...validateImmutable(next.spec.attachRequired, previous.spec.attachRequired, specField.child('attachedRequired')),
    ...validateImmutable(next.spec.volumeLifecycleModes, previous.spec.volumeLifecycleModes, specField.child('volumeLifecycleModes')),
  ],
  warnings: ({ spec }, previous) =>
    spec.tokenRequests?.length &&
    spec.serviceAccountTokenInSecrets === undefined &&
    !(previous && semanticEqual(spec.tokenRequests, previous.spec.tokenRequests))
      ? [tokenWarning]
      : [],
  cells({ metadata, spec }, now) {
    const modes = (spec.volumeLifecycleModes ?? []).join(',') || '<none>';
    return [
      metadata.name,
      spec.attachRequired ?? true,
      spec.podInfoOnMount ?? false,
      spec.storageCapacity ?? false,
      spec.tokenRequests ? spec.tokenRequests.map(({ audience }) => audience).join(',') : '<unset>',
      spec.requiresRepublish ?? false,
      modes,
      age(metadata.creationTimestamp, now),
    ];
  },
};

const driversField = specField.child('drivers');
const driversOf = (object: CsiNode) => object.spec?.drivers ?? [];
export const csiNode: Strategy<CsiNode> = {
  metadataChecks: whole,
  allowUnconditionalUpdate: false,
  validate(object) {
    const names = new Set<string>();
    return driversOf(object).flatMap(({ name, nodeID, allocatable, topologyKeys }, i) => {
      const field = driversField.index(i);
      const errors = validateDriverName(name, field.child('name'));
      if (!nodeID) errors.push(required(field.child('nodeID')));
      else if (longerThan(nodeID, 256)) errors.push(invalid(field.child('nodeID'), nodeID, 'must be 256 characters or less'));
      errors.push(...validateNonNegative(allocatable?.count, field.child('allocatable', 'count')));
      if (names.has(name)) errors.push(duplicate(field.child('name'), name));
      names.add(name);
      const repeats = repeatsIn(topologyKeys ?? []);
      topologyKeys?.forEach((key, at) => {
        if (!key) errors.push(required(field));
        if (repeats.has(at)) errors.push(duplicate(field, key));
        errors.push(...check(isQualifiedName, key, field));
      });
      return errors;
    });
  },
  validateUpdate: (next, previous) =>
    driversOf(previous).flatMap(before => {
      const after = driversOf(next).find(({ name }) => name === before.name);
      if (!after) return [];
      // How many volumes fit is reported anew as it changes.
      return validateImmutable(
        { ...after, allocatable: undefined },
        { ...before, allocatable: undefined },
        driversField,
        'storage.v1.CSINodeDriver',
      );
    }),
  cells: (object, now) => [object.metadata.name, driversOf(object).length, age(object.metadata.creationTimestamp, now)],
};

export const csiStorageCapacity: Strategy<CsiStorageCapacity> = {
  metadataChecks: wholeAndChange,
  allowUnconditionalUpdate: false,
  validate: object => [
    ...validateLabelSelector(object.nodeTopology, root('nodeTopology')),
    ...check(isDns1123Subdomain, object.storageClassName ?? '', 'storageClassName'),
    ...(object.capacity === undefined ? [] : validateNonNegativeQuantity(object.capacity, 'capacity')),
  ],
  validateUpdate: (next, previous) => [
    ...(semanticEqual(next.nodeTopology, previous.nodeTopology)
      ? []
      : [
          invalid(
            'nodeTopology',
            internalForm('io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector', next.nodeTopology) ?? null,
            immutableText,
          ),
        ]),
    ...(next.storageClassName === previous.storageClassName ? [] : [invalid('storageClassName', next.storageClassName, immutableText)]),
  ],
  warnings: object => selectorWarnings(object.nodeTopology, root('nodeTopology')),
  cells: object => [object.metadata.name, object.metadata.creationTimestamp ?? null],
};
