/** The strategies of everything that is neither a pod nor a workload, by plural and group. */
import type { Strategy } from '../strategy.ts';
import {
  mutatingAdmissionPolicy,
  mutatingAdmissionPolicyBinding,
  validatingAdmissionPolicy,
  validatingAdmissionPolicyBinding,
} from './admission-policy.ts';
import { apiService } from './api-service.ts';
import { certificateSigningRequest } from './certificate-signing-request.ts';
import { configMap } from './config-map.ts';
import { csiDriver, csiNode, csiStorageCapacity } from './csi.ts';
import { customResourceDefinition } from './custom-resource-definition.ts';
import { endpointSlice } from './endpoint-slice.ts';
import { endpoints } from './endpoints.ts';
import { event, eventsEvent } from './event.ts';
import { flowSchema, priorityLevelConfiguration } from './flow-control.ts';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts';
import { ingress } from './ingress.ts';
import { ingressClass } from './ingress-class.ts';
import { ipAddress } from './ip-address.ts';
import { lease } from './lease.ts';
import { limitRange } from './limit-range.ts';
import { namespace } from './namespace.ts';
import { networkPolicy } from './network-policy.ts';
import { node } from './node.ts';
import { persistentVolume } from './persistent-volume.ts';
import { persistentVolumeClaim } from './persistent-volume-claim.ts';
import { podDisruptionBudget } from './pod-disruption-budget.ts';
import { priorityClass } from './priority-class.ts';
import { deviceClass, resourceClaim, resourceClaimTemplate } from './resource-claim.ts';
import { resourceQuota } from './resource-quota.ts';
import { resourceSlice } from './resource-slice.ts';
import { clusterRole, role } from './role.ts';
import { clusterRoleBinding, roleBinding } from './role-binding.ts';
import { runtimeClass } from './runtime-class.ts';
import { secret } from './secret.ts';
import { service } from './service.ts';
import { serviceAccount } from './service-account.ts';
import { serviceCidr } from './service-cidr.ts';
import { storageClass, volumeAttributesClass } from './storage-class.ts';
import { volumeAttachment } from './volume-attachment.ts';
import { mutatingWebhookConfiguration, validatingWebhookConfiguration } from './webhook-configuration.ts';

// A strategy of one kind stands here as one of any: the registry hands it only objects of its own kind.
const any = (strategy: object): Strategy => strategy as Strategy;

export const others: Readonly<Record<string, Strategy>> = {
  configmaps: any(configMap),
  endpoints: any(endpoints),
  events: any(event),
  limitranges: any(limitRange),
  namespaces: any(namespace),
  nodes: any(node),
  persistentvolumeclaims: any(persistentVolumeClaim),
  persistentvolumes: any(persistentVolume),
  resourcequotas: any(resourceQuota),
  secrets: any(secret),
  serviceaccounts: any(serviceAccount),
  services: any(service),
  'mutatingadmissionpolicies.admissionregistration.k8s.io': any(mutatingAdmissionPolicy),
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': any(mutatingAdmissionPolicyBinding),
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': any(mutatingWebhookConfiguration),
  'validatingadmissionpolicies.admissionregistration.k8s.io': any(validatingAdmissionPolicy),
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': any(validatingAdmissionPolicyBinding),
  'validatingwebhookconfigurations.admissionregistration.k8s.io': any(validatingWebhookConfiguration),
  'customresourcedefinitions.apiextensions.k8s.io': any(customResourceDefinition),
  'apiservices.apiregistration.k8s.io': any(apiService),
  'horizontalpodautoscalers.autoscaling': any(horizontalPodAutoscaler),
  'certificatesigningrequests.certificates.k8s.io': any(certificateSigningRequest),
  'leases.coordination.k8s.io': any(lease),
  'endpointslices.discovery.k8s.io': any(endpointSlice),
  'events.events.k8s.io': any(eventsEvent),
  'flowschemas.flowcontrol.apiserver.k8s.io': any(flowSchema),
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': any(priorityLevelConfiguration),
  'ingressclasses.networking.k8s.io': any(ingressClass),
  'ingresses.networking.k8s.io': any(ingress),
  'ipaddresses.networking.k8s.io': any(ipAddress),
  'networkpolicies.networking.k8s.io': any(networkPolicy),
  'servicecidrs.networking.k8s.io': any(serviceCidr),
  'runtimeclasses.node.k8s.io': any(runtimeClass),
  'poddisruptionbudgets.policy': any(podDisruptionBudget),
  'clusterrolebindings.rbac.authorization.k8s.io': any(clusterRoleBinding),
  'clusterroles.rbac.authorization.k8s.io': any(clusterRole),
  'rolebindings.rbac.authorization.k8s.io': any(roleBinding),
  'roles.rbac.authorization.k8s.io': any(role),
  'deviceclasses.resource.k8s.io': any(deviceClass),
  'resourceclaims.resource.k8s.io': any(resourceClaim),
  'resourceclaimtemplates.resource.k8s.io': any(resourceClaimTemplate),
  'resourceslices.resource.k8s.io': any(resourceSlice),
  'priorityclasses.scheduling.k8s.io': any(priorityClass),
  'csidrivers.storage.k8s.io': any(csiDriver),
  'csinodes.storage.k8s.io': any(csiNode),
  'csistoragecapacities.storage.k8s.io': any(csiStorageCapacity),
  'storageclasses.storage.k8s.io': any(storageClass),
  'volumeattachments.storage.k8s.io': any(volumeAttachment),
  'volumeattributesclasses.storage.k8s.io': any(volumeAttributesClass),
};
