/** Lease. Coordinated leader election is off, as by default upstream, so its fields are dropped. */
import type * as generated from '@kubernetes/client-node';
import { invalid, root } from '../field.ts';
import { negativeText } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind } from '../types.ts';
import { machinery } from './metadata-checks.ts';

type Lease = Kind<generated.V1Lease>;
const specField = root('spec');

const dropDisabled = (next: Lease, previous?: Lease): void => {
  if (!next.spec) return;
  if (previous?.spec?.strategy === undefined) delete next.spec.strategy;
  if (previous?.spec?.preferredHolder === undefined) delete next.spec.preferredHolder;
};

export const lease: Strategy<Lease> = {
  metadataChecks: machinery,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  defaults(object) {
    object.spec ??= {};
  },
  prepareForCreate: object => dropDisabled(object),
  prepareForUpdate: dropDisabled,
  validate({ spec = {} }) {
    const errors: FieldError[] = [];
    const { leaseDurationSeconds: duration, leaseTransitions: transitions } = spec;
    if (duration !== undefined && duration <= 0)
      errors.push(invalid(specField.child('leaseDurationSeconds'), duration, 'must be greater than 0'));
    if (transitions !== undefined && transitions < 0) errors.push(invalid(specField.child('leaseTransitions'), transitions, negativeText));
    return errors;
  },
  cells: (object, now) => [object.metadata.name, object.spec?.holderIdentity ?? '', age(object.metadata.creationTimestamp, now)],
};
