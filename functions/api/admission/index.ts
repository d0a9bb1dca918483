/** The admission plugins in the order they are asked, as upstream orders them (kubernetes `pkg/kubeapiserver/options/plugins.go`). */
import type { Clock, Random } from '../../../kinds/environment.ts';
import type { Registry } from '../../../kinds/resource.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin } from '../admission.ts';
import type { RbacAuthorizer } from '../authorization/rbac.ts';
import type { Authorizer } from '../types.ts';
import { certificateApproval } from './certificate-approval.ts';
import { certificateSubject } from './certificate-subject.ts';
import { claimResize } from './claim-resize.ts';
import { defaultIngressClass } from './default-ingress-class.ts';
import { defaultStorageClass } from './default-storage-class.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { deviceAdminAccess } from './device-admin-access.ts';
import { limitRanger } from './limit-ranger.ts';
import { mutatingAdmissionPolicy } from './mutating-admission-policy.ts';
import { mutatingAdmissionWebhook } from './mutating-admission-webhook.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { nodeTaint } from './node-taint.ts';
import { podSecurity } from './pod-security.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { priority } from './priority.ts';
import { resourceQuota } from './resource-quota.ts';
import { roleEscalation } from './role-escalation.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { storageProtection } from './storage-protection.ts';
import { validatingAdmissionPolicy } from './validating-admission-policy.ts';
import { validatingAdmissionWebhook } from './validating-admission-webhook.ts';
import type { WebhookCaller } from './webhook/caller.ts';

export interface AdmissionDependencies {
  readonly replicas: Replicas;
  /** Absent: nobody's permissions bound what roles may be written. */
  readonly rbac?: RbacAuthorizer;
  /** Answers expressions that ask it; absent: they are told no. */
  readonly authorizer?: Authorizer;
  readonly random: Random;
  readonly clock: Clock;
  /** Absent: no policies are in force. */
  readonly registry?: Registry;
  /** Absent: no webhooks are called. */
  readonly caller?: WebhookCaller;
}

export const admissionPlugins = ({
  replicas,
  rbac,
  authorizer,
  random,
  clock,
  registry,
  caller,
}: AdmissionDependencies): AdmissionPlugin[] => {
  const webhooks = registry && caller && { replicas, registry, clock, random, caller, authorizer };
  return [
    namespaceLifecycle(replicas),
    limitRanger(replicas),
    serviceAccount(replicas, random),
    nodeRestriction(replicas, rbac),
    nodeTaint(),
    podSecurity(replicas),
    priority(replicas),
    defaultTolerationSeconds(),
    defaultStorageClass(replicas),
    storageProtection(),
    claimResize(replicas),
    runtimeClass(replicas),
    certificateSubject(),
    deviceAdminAccess(replicas),
    defaultIngressClass(replicas),
    podTopologyLabels(replicas),
    ...(registry ? [mutatingAdmissionPolicy({ replicas, registry, clock, authorizer })] : []),
    ...(webhooks ? [mutatingAdmissionWebhook(webhooks)] : []),
    ...(rbac ? [certificateApproval(rbac), roleEscalation(rbac)] : []),
    ...(registry ? [validatingAdmissionPolicy({ replicas, registry, clock, authorizer })] : []),
    ...(webhooks ? [validatingAdmissionWebhook(webhooks)] : []),
    // Last, for what is refused shall not have been counted.
    resourceQuota(replicas, clock),
  ];
};
