/**
 * Static types of the built-in kinds, as they are on the wire (times are strings). They come from the generated
 * declarations of `@kubernetes/client-node`; only types are imported, nothing of that package is loaded at run time.
 */
import type * as generated from '@kubernetes/client-node';
import type { ObjectMeta } from './object.ts';

/** A generated class as plain JSON: dates become RFC 3339 strings. */
export type Wire<T> = T extends Date
  ? string
  : T extends Array<infer Item>
    ? Wire<Item>[]
    : T extends object
      ? { [Field in keyof T]: Wire<T[Field]> }
      : T;

/** A top-level object: `apiVersion`, `kind` and `metadata` are always there. */
export type Kind<T> = Omit<Wire<T>, 'apiVersion' | 'kind' | 'metadata'> & { apiVersion: string; kind: string; metadata: ObjectMeta } & {
  [field: string]: unknown;
};

export type Pod = Kind<generated.V1Pod>;
export type PersistentVolume = Kind<generated.V1PersistentVolume>;
export type PodSpec = Wire<generated.V1PodSpec>;
export type PodStatus = Wire<generated.V1PodStatus>;
export type PodTemplateSpec = Wire<generated.V1PodTemplateSpec>;
export type PodCondition = Wire<generated.V1PodCondition>;
export type Container = Wire<generated.V1Container>;
export type ContainerStatus = Wire<generated.V1ContainerStatus>;
export type Probe = Wire<generated.V1Probe>;
export type Volume = Wire<generated.V1Volume>;
export type Node = Kind<generated.V1Node>;
export type Taint = Wire<generated.V1Taint>;
export type Toleration = Wire<generated.V1Toleration>;
export type Namespace = Kind<generated.V1Namespace>;
export type Service = Kind<generated.V1Service>;
export type ServiceSpec = Wire<generated.V1ServiceSpec>;
export type Endpoints = Kind<generated.V1Endpoints>;
export type EndpointSlice = Kind<generated.V1EndpointSlice>;
export type ConfigMap = Kind<generated.V1ConfigMap>;
export type Secret = Kind<generated.V1Secret>;
export type ServiceAccount = Kind<generated.V1ServiceAccount>;
export type Deployment = Kind<generated.V1Deployment>;
export type ReplicaSet = Kind<generated.V1ReplicaSet>;
export type Lease = Kind<generated.V1Lease>;
export type FlowSchema = Kind<generated.V1FlowSchema>;
export type PriorityLevelConfiguration = Kind<generated.V1PriorityLevelConfiguration>;
export type Event = Kind<generated.CoreV1Event>;
export type LabelSelector = Wire<generated.V1LabelSelector>;
export type Role = Kind<generated.V1Role>;
export type ClusterRole = Kind<generated.V1ClusterRole>;
export type RoleBinding = Kind<generated.V1RoleBinding>;
export type ClusterRoleBinding = Kind<generated.V1ClusterRoleBinding>;
export type PolicyRule = Wire<generated.V1PolicyRule>;
export type ApiService = Kind<generated.V1APIService>;
