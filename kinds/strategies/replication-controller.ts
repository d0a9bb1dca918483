/** ReplicationController. */
import type * as generated from '@kubernetes/client-node';
import { required, root } from '../field.ts';
import { isDns1123Label, isLongName } from '../metadata.ts';
import type { Errors } from '../pod-spec/check.ts';
import { defaultTemplate } from '../pod-spec/defaults.ts';
import { checkAlwaysRunning, checkMatches, checkTemplate, prepareTemplate } from '../pod-spec/template.ts';
import { metaOf } from '../pod-spec/types.ts';
import { hostnameWarning, templateWarnings } from '../pod-spec/warnings.ts';
import { checkCounts, checkReplicaStatus } from '../pod-spec/workload.ts';
import { formatLabelSelector, type LabelRequirements } from '../selector/label-selector.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import { containerCells, formatLabels } from '../table/cells.ts';
import type { Kind } from '../types.ts';

type ReplicationController = Kind<generated.V1ReplicationController>;
const specPath = root('spec');
const statusPath = root('status');
const templatePath = specPath.child('template');
const counted = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration'];

const isEmpty = (map: object | undefined): boolean => Object.keys(map ?? {}).length === 0;
/** The selector is a plain map of labels; nothing checks its values, so it is not read as a LabelSelector. */
const requirements = (selector: Readonly<Record<string, string>> = {}): LabelRequirements =>
  Object.entries(selector)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => ({ key, operator: '=', values: [value] }));

export const replicationController: Strategy<ReplicationController> = {
  nameRule: name => [...isLongName(name)],
  generation: true,
  defaultPropagation: 'orphan',
  defaults(object) {
    object.spec ??= {};
    const { spec } = object;
    spec.replicas ??= 1;
    if (spec.template) {
      defaultTemplate(spec.template);
      const { labels } = metaOf(spec.template);
      if (labels) {
        if (isEmpty(spec.selector)) spec.selector = { ...labels };
        if (isEmpty(object.metadata.labels)) object.metadata.labels = { ...labels };
      }
    }
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
  validate({ spec = {} }) {
    const errors: Errors = [];
    checkCounts(spec, ['minReadySeconds'], specPath, errors);
    if (isEmpty(spec.selector)) errors.push(required(specPath.child('selector')));
    checkCounts(spec, ['replicas'], specPath, errors);
    if (!spec.template) {
      errors.push(required(templatePath));
      return errors;
    }
    if (!isEmpty(spec.selector)) checkMatches(requirements(spec.selector), spec.template, templatePath, errors);
    checkTemplate(spec.template, templatePath, errors);
    checkAlwaysRunning(spec.template, 'ReplicationController', templatePath, errors);
    return errors;
  },
  warnings(next, previous) {
    if (previous && next.metadata.generation === previous.metadata.generation) return [];
    const named = previous ? [] : hostnameWarning('Pod names and hostnames', isDns1123Label(next.metadata.name));
    // Upstream has old and new the wrong way round.
    return [...named, ...templateWarnings((previous ?? next).spec?.template, templatePath)];
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
    formatLabels(spec?.selector),
  ],
  scale: {
    specReplicas: ['spec', 'replicas'],
    statusReplicas: ['status', 'replicas'],
    selector: ({ spec }) => formatLabelSelector(requirements(spec?.selector)),
  },
};
