/** All reconcilers but the scheduler's. */

import type { Registry } from '../../kinds/resource.ts';
import type { ExtensionContents } from '../extension-content.ts';
import { admissionPolicyStatusReconciler } from './admission-policy-status.ts';
import { bootstrapSigner } from './bootstrap/signer.ts';
import { bootstrapTokenCleaner } from './bootstrap/token-cleaner.ts';
import { type AccessReview, certificateApprover } from './certificates/approver.ts';
import { certificateCleaner } from './certificates/cleaner.ts';
import { type Authority, certificateSigner } from './certificates/signer.ts';
import { clusterRoleAggregationReconciler } from './cluster-role-aggregation.ts';
import { deploymentReconciler } from './deployment.ts';
import { endpointSliceReconciler } from './endpoint-slice.ts';
import { endpointSliceMirroringReconciler } from './endpoint-slice-mirroring.ts';
import { endpointsReconciler } from './endpoints.ts';
import { extensionGarbageCollector } from './extension-garbage.ts';
import { garbageCollector } from './garbage-collector.ts';
import { namespaceReconciler } from './namespace.ts';
import { nodeIpam } from './node-ipam.ts';
import { nodeLifecycle } from './node-lifecycle.ts';
import { podGarbageCollector } from './pod-garbage-collector.ts';
import type { Reconciler } from './reconciler.ts';
import { replicaSetReconciler, replicationControllerReconciler } from './replica-set.ts';
import { resourceQuotaReconciler } from './resource-quota.ts';
import { rootCaReconciler } from './root-ca.ts';
import { serviceAccountReconciler } from './service-account.ts';
import { serviceAccountTokenReconciler, type TokenFor } from './service-account-token.ts';
import { storageProtectionReconcilers } from './storage-protection.ts';
import { taintEviction } from './taint-eviction.ts';

export interface ReconcilerOptions {
  readonly registry: Registry;
  /** Absent: there are no extension API servers. */
  readonly extensions?: ExtensionContents;
  /** PEM of the CA that signs the API's certificate. */
  readonly caBundle: string;
  /** The range that nodes without one of their own get pod addresses from. */
  readonly podCidr: string;
  /** Signs what people and nodes ask certificates for. */
  readonly authority: Authority;
  readonly access: AccessReview;
  readonly tokenFor: TokenFor;
}

export const reconcilers = ({ registry, extensions, caBundle, podCidr, authority, access, tokenFor }: ReconcilerOptions): Reconciler[] => [
  deploymentReconciler,
  replicaSetReconciler,
  replicationControllerReconciler,
  endpointSliceReconciler,
  endpointsReconciler,
  endpointSliceMirroringReconciler,
  serviceAccountReconciler,
  rootCaReconciler(caBundle),
  serviceAccountTokenReconciler(tokenFor, caBundle),
  bootstrapTokenCleaner,
  bootstrapSigner,
  certificateApprover(access),
  certificateSigner(authority),
  certificateCleaner,
  namespaceReconciler(registry, extensions),
  garbageCollector(registry, extensions),
  extensionGarbageCollector(registry, extensions),
  resourceQuotaReconciler(registry),
  nodeLifecycle(),
  taintEviction(),
  podGarbageCollector(),
  nodeIpam(podCidr),
  clusterRoleAggregationReconciler,
  admissionPolicyStatusReconciler(registry),
  ...storageProtectionReconcilers,
];
