/** Namespace. Its end is marked in `status.phase`; `spec.finalizers` is emptied through the `finalize` subresource only. */
import { copyJson } from '../copy.ts';
import { invalid, root } from '../field.ts';
import { validateFinalizerName, validateStandardFinalizer } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Namespace } from '../types.ts';
import { wholeAndChange } from './metadata-checks.ts';
import { keepAllButStatus } from './status-update.ts';

const nameLabel = 'kubernetes.io/metadata.name';
const finalizersField = root('spec', 'finalizers');

const validateFinalizers = (namespace: Namespace, indexed: boolean): FieldError[] => {
  const errors: FieldError[] = [];
  namespace.spec?.finalizers?.forEach((name, i) => {
    const field = indexed ? finalizersField.index(i) : finalizersField;
    errors.push(...validateFinalizerName(name, field), ...validateStandardFinalizer(name, field));
  });
  return errors;
};

export const namespace: Strategy<Namespace> = {
  metadataChecks: wholeAndChange,
  nameRule: 'dns-label',
  defaults(object) {
    if (object.metadata.name) {
      object.metadata.labels ??= {};
      object.metadata.labels[nameLabel] = object.metadata.name;
    }
    object.spec ??= {};
    object.status ??= {};
    object.status.phase ||= 'Active';
  },
  prepareForCreate(object) {
    object.metadata.labels = { ...object.metadata.labels, [nameLabel]: object.metadata.name };
    object.status = { phase: 'Active' };
    const finalizers = object.spec?.finalizers ?? [];
    object.spec = { ...object.spec, finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] };
  },
  prepareForUpdate(next, previous) {
    next.spec = { ...next.spec };
    if (previous.spec?.finalizers?.length) next.spec.finalizers = [...previous.spec.finalizers];
    else delete next.spec.finalizers;
  },
  validate: object => validateFinalizers(object, false),
  subresources: {
    status: {
      prepareForUpdate: keepAllButStatus,
      validateUpdate(next) {
        const expected = next.metadata.deletionTimestamp ? 'Terminating' : 'Active';
        const phase = next.status?.phase ?? '';
        if (phase === expected) return [];
        const when = next.metadata.deletionTimestamp ? 'is not empty' : 'is empty';
        return [invalid(root('status', 'Phase'), phase, `may only be '${expected}' if \`deletionTimestamp\` ${when}`)];
      },
    },
    finalize: {
      /** Everything but the finalizers stays; the end of a namespace is decided by whoever empties the list. */
      prepareForUpdate(next, previous) {
        if (previous.status) next.status = copyJson(previous.status);
      },
      validateUpdate: next => validateFinalizers(next, true),
    },
  },
  fields: object => ({ 'status.phase': object.status?.phase ?? '', name: object.metadata.name }),
  cells: (object, now) => [object.metadata.name, object.status?.phase ?? '', age(object.metadata.creationTimestamp, now)],
};
