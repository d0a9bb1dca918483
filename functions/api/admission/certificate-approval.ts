/** Approving and signing certificate requests takes a permission for the signer (kubernetes `plugin/pkg/admission/certificates`). */
import type { KubeObject } from '../../../kinds/object.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import type { Authorizer } from '../types.ts';
import { sameJson } from '../wire.ts';
import { refused } from './forbidden.ts';

interface Request extends KubeObject {
  spec?: { signerName?: string };
  status?: { certificate?: string; conditions?: { type: string }[] };
}

const requests = 'certificatesigningrequests.certificates.k8s.io';

/** For the signer itself, or for all of its domain. */
const may = async (authorizer: Authorizer, { user }: AdmissionRequest, verb: string, signer: string): Promise<boolean> => {
  const attributes = { user, verb, group: 'certificates.k8s.io', version: '*', resource: 'signers', subresource: '', namespace: '' };
  if ((await authorizer.authorize({ ...attributes, name: signer })).allowed) return true;
  const [domain] = signer.split('/', 1);
  return (await authorizer.authorize({ ...attributes, name: `${domain}/*` })).allowed;
};

/** What only the signer writes through the status. */
const signed = ({ status }: Request): unknown => [status?.certificate ?? '', status?.conditions ?? []];

export const certificateApproval = (authorizer: Authorizer): AdmissionPlugin => ({
  name: 'CertificateApproval',
  async validate(request) {
    const { resource, subresource, operation } = request;
    if (resource.storage.name !== requests || operation !== 'UPDATE') return;
    const previous = request.previous as Request | undefined;
    const signer = previous?.spec?.signerName ?? '';
    if (subresource === 'approval') {
      if (!(await may(authorizer, request, 'approve', signer)))
        throw refused(request, `user not permitted to approve requests with signerName ${JSON.stringify(signer)}`);
    } else if (subresource === 'status' && previous && request.object && !sameJson(signed(previous), signed(request.object as Request))) {
      if (!(await may(authorizer, request, 'sign', signer)))
        throw refused(request, `user not permitted to sign requests with signerName ${JSON.stringify(signer)}`);
    }
  },
});
