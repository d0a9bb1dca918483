import { forbidden, root } from '../field.ts';
import { isDns1123Label } from '../metadata.ts';
import type { Json } from '../object.ts';
import { checkPodAnnotations } from '../pod-spec/annotations.ts';
import type { Errors } from '../pod-spec/check.ts';
import { checkImage } from '../pod-spec/containers.ts';
import { alignServiceAccount } from '../pod-spec/defaults.ts';
import { defaultPod } from '../pod-spec/pod-defaults.ts';
import { checkPodSpec } from '../pod-spec/pod-spec.ts';
import { preparePodStatusUpdate, validatePodStatusUpdate } from '../pod-spec/pod-status.ts';
import { dropGatedFields, preparePodForCreate } from '../pod-spec/prepare.ts';
import { keepOnlyResize, validateResize } from '../pod-spec/resize.ts';
import { checkAnnotationsAgree } from '../pod-spec/security.ts';
import type { Pod, PodSpec } from '../pod-spec/types.ts';
import { validateEphemeralContainersUpdate, validatePodUpdate } from '../pod-spec/update.ts';
import { hostnameWarning, podWarnings } from '../pod-spec/warnings.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { podCells } from '../table/pod.ts';
import { keepMetadata } from './status-update.ts';

const specPath = root('spec');
const annotationsPath = root('metadata', 'annotations');
const noSpec: PodSpec = { containers: [] };

/** What may come later (debugging, a node) cannot be there from the start. */
const checkNew = (pod: Pod, spec: PodSpec, errors: Errors): void => {
  if (spec.ephemeralContainers?.length) errors.push(forbidden(specPath.child('ephemeralContainers'), 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length)
    errors.push(forbidden(specPath.child('nodeName'), 'cannot be set until all schedulingGates have been cleared'));
  checkAnnotationsAgree(pod.metadata, spec, specPath, errors);
};

const validate = (pod: Pod, previous?: Pod): FieldError[] => {
  const errors: Errors = [];
  const spec = pod.spec ?? noSpec;
  checkPodAnnotations(pod.metadata, spec, annotationsPath, errors);
  checkPodSpec(spec, pod.metadata, specPath, errors, previous?.spec);
  if (!spec.serviceAccountName)
    spec.volumes?.forEach((volume, i) => {
      volume.projected?.sources?.forEach((source, j) => {
        if (source.serviceAccountToken)
          errors.push(
            forbidden(
              specPath.child('volumes').index(i).child('projected', 'sources').index(j).child('serviceAccountToken'),
              'must not be specified when serviceAccountName is not set',
            ),
          );
      });
    });
  for (const field of ['containers', 'initContainers'] as const) {
    spec[field]?.forEach((container, i) => {
      checkImage(container, specPath.child(field).index(i), errors);
    });
  }
  // A pod without a revision has never been stored: it is being created.
  if (!pod.metadata.resourceVersion) checkNew(pod, spec, errors);
  return errors;
};

const keepStatus = (next: Pod, previous: Pod): void => {
  if (previous.status) next.status = previous.status;
};

const ended = new Set(['Succeeded', 'Failed']);
const outcomes: Readonly<Record<string, string>> = { Succeeded: 'The pod has completed successfully.', Failed: 'The pod failed.' };
const completed = (reason: string): Json => ({ type: 'Completed', status: 'True', reason, message: outcomes[reason] ?? '' });

export const pod: Strategy<Pod> = {
  metadataChecks: { update: ['change', 'whole'] },
  generation: true,
  defaults: defaultPod,
  prepareForCreate: preparePodForCreate,
  prepareForUpdate(next, previous) {
    keepStatus(next, previous);
    if (!next.spec) return;
    alignServiceAccount(next.spec);
    dropGatedFields(next.spec);
  },
  validate,
  validateUpdate: validatePodUpdate,
  warnings(next, previous) {
    if (previous) return [];
    return [
      ...hostnameWarning("the Pod's hostname", isDns1123Label(next.metadata.name)),
      ...podWarnings(next.spec ?? noSpec, next.metadata, undefined),
    ];
  },
  subresources: {
    status: {
      metadataChecks: { update: ['change'] },
      prepareForUpdate: preparePodStatusUpdate,
      validateUpdate: validatePodStatusUpdate,
    },
    ephemeralcontainers: {
      prepareForUpdate(next, previous) {
        const added = next.spec?.ephemeralContainers;
        const spec = { ...(previous.spec ?? noSpec) };
        if (added) spec.ephemeralContainers = added;
        else delete spec.ephemeralContainers;
        next.spec = spec;
        keepStatus(next, previous);
        keepMetadata(next, previous);
      },
      validateUpdate: (next, previous) => [...validate(next, previous), ...validateEphemeralContainersUpdate(next, previous)],
    },
    resize: {
      prepareForUpdate(next, previous) {
        keepOnlyResize(next, previous);
        keepMetadata(next, previous);
      },
      validateUpdate: (next, previous) => [...validate(next, previous), ...validateResize(next, previous)],
    },
  },
  gracePeriod(object, requested) {
    if (!object.spec?.nodeName || ended.has(object.status?.phase ?? '')) return 0;
    const period = requested ?? object.spec.terminationGracePeriodSeconds ?? 0;
    return period < 0 ? 1 : period;
  },
  fields: ({ spec, status }) => ({
    'spec.nodeName': spec?.nodeName ?? '',
    // As old clients name it.
    'spec.host': spec?.nodeName ?? '',
    'spec.restartPolicy': spec?.restartPolicy ?? '',
    'spec.schedulerName': spec?.schedulerName ?? '',
    'spec.serviceAccountName': spec?.serviceAccountName ?? '',
    'spec.hostNetwork': String(spec?.hostNetwork ?? false),
    'status.phase': status?.phase ?? '',
    'status.podIP': status?.podIPs?.[0]?.ip ?? status?.podIP ?? '',
    'status.podIPs': '',
    'status.nominatedNodeName': status?.nominatedNodeName ?? '',
  }),
  cells: podCells,
  rowConditions: ({ status }) => (status?.phase && Object.hasOwn(outcomes, status.phase) ? [completed(status.phase)] : undefined),
};
