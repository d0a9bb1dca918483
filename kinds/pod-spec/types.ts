/** Short names for the parts of a pod, as they are on the wire. */
import type * as generated from '@kubernetes/client-node';
import type { ObjectMeta } from '../object.ts';
import type { PodTemplateSpec, Wire } from '../types.ts';

export type { Container, Pod, PodSpec, PodStatus, PodTemplateSpec, Probe, Toleration, Volume } from '../types.ts';
export type EphemeralContainer = Wire<generated.V1EphemeralContainer>;
export type Affinity = Wire<generated.V1Affinity>;
export type AppArmorProfile = Wire<generated.V1AppArmorProfile>;
export type ContainerPort = Wire<generated.V1ContainerPort>;
export type ContainerRestartRule = Wire<generated.V1ContainerRestartRule>;
export type DownwardAPIVolumeFile = Wire<generated.V1DownwardAPIVolumeFile>;
export type EnvFromSource = Wire<generated.V1EnvFromSource>;
export type EnvVar = Wire<generated.V1EnvVar>;
export type HTTPGetAction = Wire<generated.V1HTTPGetAction>;
export type KeyToPath = Wire<generated.V1KeyToPath>;
export type Lifecycle = Wire<generated.V1Lifecycle>;
export type NodeAffinity = Wire<generated.V1NodeAffinity>;
export type NodeSelector = Wire<generated.V1NodeSelector>;
export type NodeSelectorRequirement = Wire<generated.V1NodeSelectorRequirement>;
export type NodeSelectorTerm = Wire<generated.V1NodeSelectorTerm>;
export type ObjectFieldSelector = Wire<generated.V1ObjectFieldSelector>;
export type PersistentVolumeClaimSpec = Wire<generated.V1PersistentVolumeClaimSpec>;
export type PodAffinityTerm = Wire<generated.V1PodAffinityTerm>;
export type PodDNSConfig = Wire<generated.V1PodDNSConfig>;
export type PodResourceClaim = Wire<generated.V1PodResourceClaim>;
export type PodSecurityContext = Wire<generated.V1PodSecurityContext>;
export type ProjectedVolumeSource = Wire<generated.V1ProjectedVolumeSource>;
export type ResourceFieldSelector = Wire<generated.V1ResourceFieldSelector>;
export type ResourceRequirements = Wire<generated.V1ResourceRequirements>;
export type SeccompProfile = Wire<generated.V1SeccompProfile>;
export type SecurityContext = Wire<generated.V1SecurityContext>;
export type TopologySpreadConstraint = Wire<generated.V1TopologySpreadConstraint>;
export type VolumeDevice = Wire<generated.V1VolumeDevice>;
export type VolumeMount = Wire<generated.V1VolumeMount>;
export type VolumeProjection = Wire<generated.V1VolumeProjection>;
export type WindowsOptions = Wire<generated.V1WindowsSecurityContextOptions>;

/** Quantities by resource name. */
export type ResourceList = Record<string, string>;
/** What regular, init and ephemeral containers share. */
export type AnyContainer = import('../types.ts').Container | EphemeralContainer;
/** The part of metadata that rules of a pod look at; a template's may be absent. */
export type TemplateMeta = Partial<Pick<ObjectMeta, 'name' | 'labels' | 'annotations'>>;
/** A template whose metadata is read as ours, not as the generated class. */
export const metaOf = (template: PodTemplateSpec): TemplateMeta => (template.metadata ?? {}) as TemplateMeta;
