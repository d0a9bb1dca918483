import { required, root } from '../field.ts';
import { isDns1123Label, validateImmutableSelector } from '../metadata.ts';
import type { Errors } from '../pod-spec/check.ts';
import { defaultTemplate } from '../pod-spec/defaults.ts';
import { checkAlwaysRunning, checkSelectorAndTemplate, prepareTemplate, requirementsOf } from '../pod-spec/template.ts';
import { hostnameWarning, templateWarnings } from '../pod-spec/warnings.ts';
import { checkCounts, checkReplicaStatus } from '../pod-spec/workload.ts';
import { formatLabelSelector } from '../selector/label-selector.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import { containerCells, formatSelector } from '../table/cells.ts';
import type { ReplicaSet } from '../types.ts';

const specPath = root('spec');
const statusPath = root('status');
const counted = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration', 'terminatingReplicas'];

export const replicaSet: Strategy<ReplicaSet> = {
  generation: true,
  defaults(object) {
    object.spec ??= { selector: {}, template: {} };
    object.spec.replicas ??= 1;
    object.spec.template ??= {};
    defaultTemplate(object.spec.template);
    object.status ??= { replicas: 0 };
    object.status.replicas ??= 0;
  },
  prepareForCreate(object) {
    object.status = { replicas: 0 };
    prepareTemplate(object.spec?.template);
  },
  prepareForUpdate(next, previous) {
    if (previous.status) next.status = previous.status;
    prepareTemplate(next.spec?.template);
  },
  validate({ spec }) {
    if (!spec) return [required(specPath)];
    const errors: Errors = [];
    checkCounts(spec, ['replicas', 'minReadySeconds'], specPath, errors);
    const template = spec.template ?? {};
    // The text for an empty selector speaks of a deployment upstream, too.
    checkSelectorAndTemplate({ kind: 'ReplicaSet', emptyName: 'deployment', selector: spec.selector, template }, specPath, errors);
    checkAlwaysRunning(template, 'ReplicaSet', specPath.child('template'), errors);
    return errors;
  },
  validateUpdate: (next, previous) => validateImmutableSelector(next.spec?.selector, previous.spec?.selector, specPath.child('selector')),
  warnings(next, previous) {
    if (previous && next.metadata.generation === previous.metadata.generation) return [];
    const named = previous ? [] : hostnameWarning('Pod names and hostnames', isDns1123Label(next.metadata.name));
    return [...named, ...templateWarnings(next.spec?.template, specPath.child('template'))];
  },
  subresources: {
    status: {
      prepareForUpdate(next, previous) {
        if (previous.spec) next.spec = previous.spec;
      },
      validateUpdate({ status }) {
        const errors: Errors = [];
        if (!status) return errors;
        checkCounts(status, counted, statusPath, errors);
        checkReplicaStatus(status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], 'readyReplicas', statusPath, errors);
        return errors;
      },
    },
  },
  fields: ({ status }) => ({ 'status.replicas': String(status?.replicas ?? 0) }),
  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    age(metadata.creationTimestamp, now),
    ...containerCells(spec?.template?.spec?.containers),
    formatSelector(spec?.selector),
  ],
  scale: {
    specReplicas: ['spec', 'replicas'],
    statusReplicas: ['status', 'replicas'],
    selector: ({ spec }) => formatLabelSelector(requirementsOf(spec?.selector) ?? []),
  },
};
