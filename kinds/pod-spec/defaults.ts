/**
 * Defaults of a pod's spec, in pods and in templates alike (kubernetes `pkg/apis/core/v1/defaults.go` and its generated
 * half). Every function is idempotent: defaults run again on what is read.
 */
import { defaultFieldRef, defaultResourceField } from './field-ref.ts';
import { defaultPullPolicy } from './image.ts';
import { canonicalizeList, canonicalizeRequirements } from './quantities.ts';
import type { AnyContainer, HTTPGetAction, PodSpec, PodTemplateSpec, Probe } from './types.ts';
import { defaultVolume } from './volume-defaults.ts';

const defaultHttpGet = (action: HTTPGetAction | undefined): void => {
  if (!action) return;
  action.path ||= '/';
  action.scheme ||= 'HTTP';
};

const defaultProbe = (probe: Probe | undefined): void => {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
};

const defaultContainer = (container: AnyContainer): void => {
  container.imagePullPolicy ||= defaultPullPolicy(container.image);
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.resources ??= {};
  canonicalizeRequirements(container.resources);
  if (container.ports) for (const port of container.ports) port.protocol ||= 'TCP';
  if (container.env) {
    for (const { valueFrom } of container.env) {
      if (!valueFrom) continue;
      defaultFieldRef(valueFrom.fieldRef);
      defaultResourceField(valueFrom.resourceFieldRef);
      if (valueFrom.fileKeyRef) valueFrom.fileKeyRef.optional ??= false;
    }
  }
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  if (container.lifecycle) {
    defaultHttpGet(container.lifecycle.postStart?.httpGet);
    defaultHttpGet(container.lifecycle.preStop?.httpGet);
  }
};

/** `serviceAccount` is the old name of `serviceAccountName`: the new one wins, and both are always written. */
export const alignServiceAccount = (spec: PodSpec): void => {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (!name) {
    delete spec.serviceAccount;
    return;
  }
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
};

export const defaultPodSpec = (spec: PodSpec): void => {
  spec.containers ??= [];
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  alignServiceAccount(spec);
  if (spec.volumes) for (const volume of spec.volumes) defaultVolume(volume);
  if (spec.initContainers) for (const container of spec.initContainers) defaultContainer(container);
  if (spec.containers) for (const container of spec.containers) defaultContainer(container);
  if (spec.ephemeralContainers) for (const container of spec.ephemeralContainers) defaultContainer(container);
  canonicalizeList(spec.overhead);
  canonicalizeRequirements(spec.resources);
};

const retiredAnnotations = [
  'pod.beta.kubernetes.io/init-containers',
  'pod.alpha.kubernetes.io/init-containers',
  'pod.beta.kubernetes.io/init-container-statuses',
  'pod.alpha.kubernetes.io/init-container-statuses',
];
/** Annotations that once carried what are now fields: dropped, so that old clients do not bring them back. */
export const dropRetiredAnnotations = (meta: { annotations?: Record<string, string> }): void => {
  if (meta.annotations) for (const name of retiredAnnotations) delete meta.annotations[name];
};

export const defaultTemplate = (template: PodTemplateSpec): void => {
  template.metadata ??= {};
  dropRetiredAnnotations(template.metadata);
  template.spec ??= { containers: [] };
  defaultPodSpec(template.spec);
};
