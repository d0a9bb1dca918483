/**
 * Which fields a write cannot own, because what it says about them is put back: the main resource's writes do not own status,
 * those of the status subresource own nothing of spec, and so on. Source: the `GetResetFields` of upstream's strategies.
 */
import { type FieldSet, leaf, recursiveDifference } from './field-set.ts';

/** What is left of a set of fields for the writer. */
export type Ownable = (set: FieldSet) => FieldSet;

const all: Ownable = set => set;
const without =
  (reset: FieldSet): Ownable =>
  set =>
    recursiveDifference(set, reset);

const status: FieldSet = { 'f:status': leaf };
const spec: FieldSet = { 'f:spec': leaf };
const specAndMetadata: FieldSet = { 'f:metadata': leaf, 'f:spec': leaf };

/** `group/Kind` -> subresource (empty: the main resource) -> what its writers may own. */
const exceptions: Record<string, Record<string, Ownable>> = {
  '/Pod': {
    status: without({ 'f:metadata': { 'f:deletionTimestamp': leaf, 'f:ownerReferences': leaf }, 'f:spec': leaf }),
  },
  '/Namespace': { finalize: without(status) },
  'apps/Deployment': { status: without({ 'f:metadata': { 'f:labels': leaf }, 'f:spec': leaf }) },
  'certificates.k8s.io/CertificateSigningRequest': {
    '': without({ 'f:spec': leaf, 'f:status': leaf }),
    status: without({ 'f:spec': leaf, 'f:status': { 'f:conditions': leaf } }),
    approval: without({ 'f:spec': leaf, 'f:status': { 'f:certificate': leaf } }),
  },
};
/** Kinds whose status writers own no metadata either; so do those of all custom resources. */
const statusWithoutMetadata: ReadonlySet<string> = new Set([
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
  'apiregistration.k8s.io/APIService',
  'flowcontrol.apiserver.k8s.io/FlowSchema',
  'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration',
  'internal.apiserver.k8s.io/StorageVersion',
  'networking.k8s.io/ServiceCIDR',
  'resource.k8s.io/DeviceTaintRule',
  'resource.k8s.io/ResourceClaim',
  'resource.k8s.io/ResourcePoolStatusRequest',
  'scheduling.k8s.io/PodGroup',
  'storage.k8s.io/VolumeAttachment',
  'storagemigration.k8s.io/StorageVersionMigration',
]);

const mainOnly = without(status);
const statusOfBuiltIn = without(spec);
const statusOnly = without(specAndMetadata);

export interface Writer {
  readonly apiVersion: string;
  readonly kind: string;
  readonly subresource: string;
  readonly builtIn: boolean;
  /** The kind has a status subresource. */
  readonly hasStatus: boolean;
}

export const ownableBy = ({ apiVersion, kind, subresource, builtIn, hasStatus }: Writer): Ownable => {
  const slash = apiVersion.indexOf('/');
  const groupKind = `${slash < 0 ? '' : apiVersion.slice(0, slash)}/${kind}`;
  const exception = builtIn && Object.hasOwn(exceptions, groupKind) ? exceptions[groupKind]?.[subresource] : undefined;
  if (exception) return exception;
  if (subresource === '') return hasStatus ? mainOnly : all;
  if (subresource !== 'status') return all;
  return !builtIn || statusWithoutMetadata.has(groupKind) ? statusOnly : statusOfBuiltIn;
};
