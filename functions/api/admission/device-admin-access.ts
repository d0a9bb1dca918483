/** Devices that somebody else uses are given to claims of marked namespaces only (kubernetes `pkg/registry/resource/utils.go`). */
import { type Field, forbidden, root } from '../../../kinds/field.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { invalid } from '../../../kinds/status.ts';
import type { Namespace } from '../../../kinds/types.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';

const label = 'resource.kubernetes.io/admin-access';
const text = `admin access to devices requires the \`${label}: true\` label on the containing namespace`;

interface Spec {
  readonly devices?: { readonly requests?: readonly { readonly exactly?: { readonly adminAccess?: boolean } }[] };
}
interface Status {
  readonly allocation?: { readonly devices?: { readonly results?: readonly { readonly adminAccess?: boolean }[] } };
}

const inSpec = (spec: Spec | undefined): Field | undefined => {
  const at = spec?.devices?.requests?.findIndex(({ exactly }) => exactly?.adminAccess === true) ?? -1;
  return at < 0 ? undefined : root('spec', 'devices', 'requests').index(at).child('adminAccess');
};
const inStatus = (object: KubeObject | undefined): Field | undefined => {
  const results = (object?.['status'] as Status | undefined)?.allocation?.devices?.results ?? [];
  const at = results.findIndex(({ adminAccess }) => adminAccess === true);
  return at < 0 ? undefined : root('status', 'allocation', 'devices', 'results').index(at).child('adminAccess');
};

/** Where access is asked for anew. */
const asked = ({ resource, subresource, operation, object, previous }: AdmissionRequest): Field | undefined => {
  const spec = object?.['spec'] as (Spec & { readonly spec?: Spec }) | undefined;
  if (resource.storage.name === 'resourceclaimtemplates.resource.k8s.io') return operation === 'CREATE' ? inSpec(spec?.spec) : undefined;
  if (resource.storage.name !== 'resourceclaims.resource.k8s.io') return undefined;
  if (subresource === 'status') return inStatus(previous) ? undefined : inStatus(object);
  return operation === 'CREATE' ? inSpec(spec) : undefined;
};

export const deviceAdminAccess = (replicas: Replicas): AdmissionPlugin => ({
  name: 'DeviceAdminAccess',
  async validate(request) {
    const field = asked(request);
    if (!field) return;
    const namespaces = await replicas.open('namespaces');
    await namespaces.sync();
    const found = namespaces.get('', request.namespace)?.object as Namespace | undefined;
    if (found?.metadata.labels?.[label] === 'true') return;
    const { group, kind } = request.resource;
    throw invalid({ group, kind }, request.object?.metadata.name ?? '', [forbidden(field, text)]);
  },
});
