/** ControllerRevision: an immutable snapshot of what a StatefulSet or DaemonSet was told to run. */
import type * as generated from '@kubernetes/client-node';
import { required, root } from '../field.ts';
import { validateImmutable } from '../metadata.ts';
import { checkNonNegative, type Errors } from '../pod-spec/check.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind } from '../types.ts';

type ControllerRevision = Kind<generated.V1ControllerRevision>;
const dataPath = root('data');

const controllerCell = ({ ownerReferences = [] }: ControllerRevision['metadata']): string => {
  const owner = ownerReferences.find(reference => reference.controller);
  if (!owner) return '<none>';
  const slash = owner.apiVersion.indexOf('/');
  const group = slash < 0 ? '' : `.${owner.apiVersion.slice(0, slash)}`;
  return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
};

export const controllerRevision: Strategy<ControllerRevision> = {
  defaults(object) {
    object.revision ??= 0;
  },
  metadataChecks: { update: ['change', 'whole'] },
  validate({ revision }) {
    const errors: Errors = [];
    checkNonNegative(revision, root('revision'), errors);
    return errors;
  },
  validateCreate({ data }) {
    const errors: Errors = [];
    if (data === undefined || data === null) errors.push(required(dataPath, 'data is mandatory'));
    else if (typeof data !== 'object' || Array.isArray(data)) errors.push(required(dataPath, 'data must be a valid JSON object'));
    return errors;
  },
  validateUpdate: (next, previous) => validateImmutable(next.data, previous.data, dataPath),
  cells: ({ metadata, revision }, now) => [metadata.name, controllerCell(metadata), revision ?? 0, age(metadata.creationTimestamp, now)],
};
