/** Nobody gets a certificate that makes him master of the cluster (kubernetes `plugin/pkg/admission/certificates/subjectrestriction`). */
import type { KubeObject } from '../../../kinds/object.ts';
import { requestSubject } from '../../../kinds/strategies/certificate-request.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { refused } from './forbidden.ts';

const requests = 'certificatesigningrequests.certificates.k8s.io';
const signer = 'kubernetes.io/kube-apiserver-client';

export const certificateSubject = (): AdmissionPlugin => ({
  name: 'CertificateSubjectRestriction',
  async validate(request) {
    const { resource, subresource, operation, object } = request;
    if (resource.storage.name !== requests || subresource !== '' || operation !== 'CREATE') return;
    const spec = (object as (KubeObject & { spec?: { signerName?: string; request?: string } }) | undefined)?.spec;
    if (spec?.signerName !== signer) return;
    if (requestSubject(spec.request ?? '')?.organizations.includes('system:masters'))
      throw refused(request, `use of ${signer} signer with system:masters group is not allowed`);
  },
});
