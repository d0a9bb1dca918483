/** What happens to a pod between its defaults and its validation (kubernetes `pkg/registry/core/pod/strategy.go`). */
import { timestamp } from '../environment.ts';
import { semanticEqual } from '../equality.ts';
import type { StrategyContext } from '../strategy.ts';
import type { LabelSelector } from '../types.ts';
import { alignServiceAccount } from './defaults.ts';
import { dropGatedProjections } from './projected.ts';
import { qosClass } from './qos.ts';
import { appArmorAnnotation } from './security.ts';
import type { AnyContainer, AppArmorProfile, Pod, PodAffinityTerm, PodSpec } from './types.ts';

const dropStopSignal = (container: AnyContainer): void => {
  const { lifecycle } = container;
  if (lifecycle?.stopSignal === undefined) return;
  delete lifecycle.stopSignal;
  if (Object.keys(lifecycle).length === 0) delete container.lifecycle;
};
/** Fields behind feature gates that are off by default in 1.36. */
export const dropGatedFields = (spec: PodSpec): void => {
  delete spec.schedulingGroup;
  for (const volume of spec.volumes ?? []) if (volume.projected) dropGatedProjections(volume.projected);
  for (const container of spec.containers ?? []) dropStopSignal(container);
  for (const container of spec.initContainers ?? []) dropStopSignal(container);
  for (const container of spec.ephemeralContainers ?? []) dropStopSignal(container);
};

interface Keyed {
  labelSelector?: LabelSelector;
  matchLabelKeys?: string[];
  mismatchLabelKeys?: string[];
}
/** `matchLabelKeys` are written out as requirements, with the values that the pod has now. */
const mergeLabelKeys = (term: Keyed, labels: Readonly<Record<string, string>>): void => {
  const selector = term.labelSelector;
  if (!selector) return;
  const add = (keys: readonly string[] | undefined, operator: 'In' | 'NotIn'): void => {
    for (const key of keys ?? []) {
      if (!Object.hasOwn(labels, key)) continue;
      selector.matchExpressions ??= [];
      selector.matchExpressions.push({ key, operator, values: [labels[key] ?? ''] });
    }
  };
  add(term.matchLabelKeys, 'In');
  add(term.mismatchLabelKeys, 'NotIn');
};
const mergeAllLabelKeys = (spec: PodSpec, labels: Readonly<Record<string, string>>): void => {
  for (const constraint of spec.topologySpreadConstraints ?? []) mergeLabelKeys(constraint, labels);
  for (const affinity of [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]) {
    const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution?.map(weighted => weighted.podAffinityTerm) ?? [];
    const terms: PodAffinityTerm[] = [...preferred, ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [])];
    for (const term of terms) mergeLabelKeys(term, labels);
  }
};

const profileOf = (annotation: string): AppArmorProfile | undefined => {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  const name = annotation.startsWith('localhost/') ? annotation.slice('localhost/'.length) : '';
  return name && name.trim() === name && name.length <= 4095 ? { type: 'Localhost', localhostProfile: name } : undefined;
};

export { profileOf as appArmorProfileOf };

/** AppArmor profiles that still come as annotations become fields. */
const alignAppArmor = (pod: Pod, spec: PodSpec, context: StrategyContext): void => {
  const { annotations } = pod.metadata;
  if (!annotations || spec.os?.name === 'windows') return;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    const key = appArmorAnnotation + container.name;
    const annotation = annotations[key];
    if (annotation === undefined || container.securityContext?.appArmorProfile) continue;
    const profile = profileOf(annotation);
    if (profile && semanticEqual(profile, spec.securityContext?.appArmorProfile)) continue;
    context.warn?.(`metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
    if (!profile) continue;
    container.securityContext ??= {};
    container.securityContext.appArmorProfile = profile;
  }
};

const noLabels = {};
export const preparePodForCreate = (pod: Pod, context: StrategyContext): void => {
  const spec = pod.spec ?? { containers: [] };
  pod.spec = spec;
  alignServiceAccount(spec);
  dropGatedFields(spec);
  pod.status = { phase: 'Pending', qosClass: qosClass(spec) };
  if (spec.schedulingGates?.length) {
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      lastProbeTime: null,
      lastTransitionTime: timestamp(context.clock.now()),
      reason: 'SchedulingGated',
      message: 'Scheduling is blocked due to non-empty scheduling gates',
    };
    // A time that was never set is written as null, which the generated type does not know.
    pod.status.conditions = [condition as unknown as NonNullable<typeof pod.status.conditions>[number]];
  }
  mergeAllLabelKeys(spec, pod.metadata.labels ?? noLabels);
  alignAppArmor(pod, spec, context);
};
