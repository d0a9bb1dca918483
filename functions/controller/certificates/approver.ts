/**
 * Lets nodes in: a request for a kubelet's client certificate is approved when whoever made it may have one, for itself or for any node
 * (kubernetes `pkg/controller/certificates/approver`). Which bootstrap tokens may is said by bindings, not here.
 */

import type { Reconciler } from '../reconciler.ts';
import { splitKey } from '../reconciler.ts';
import { type CertificateSigningRequest, conditionOf, kubeletClient, parseRequest, requests, signers } from './request.ts';

/** Whether somebody may do something: a SubjectAccessReview. */
export type AccessReview = (
  subject: {
    readonly name: string;
    readonly uid?: string;
    readonly groups: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  },
  attributes: { readonly verb: string; readonly group: string; readonly resource: string; readonly subresource: string },
) => Promise<boolean>;

/** Permissions come and go without a trace on the request, so it is looked at again (ms). */
const again = 60_000;

export const certificateApprover = (access: AccessReview): Reconciler => ({
  name: 'certificate-approver',
  account: 'certificate-controller',
  watches: [{ resource: requests }],
  async reconcile(key, { replica, client }) {
    const request = replica(requests).get('', splitKey(key).name)?.object as CertificateSigningRequest | undefined;
    if (request?.spec.signerName !== kubeletClient || request.status?.certificate) return undefined;
    if (conditionOf(request, 'Approved') || conditionOf(request, 'Denied')) return undefined;
    const { spec } = request;
    const parsed = await parseRequest(spec.request);
    if (signers.get(kubeletClient)?.(parsed, spec.usages ?? [])) return undefined;

    const subject = {
      name: spec.username ?? '',
      groups: spec.groups ?? [],
      ...(spec.uid ? { uid: spec.uid } : {}),
      ...(spec.extra ? { extra: spec.extra } : {}),
    };
    const ways = [
      ...(spec.username === parsed.commonName
        ? [{ subresource: 'selfnodeclient', message: 'Auto approving self kubelet client certificate after SubjectAccessReview.' }]
        : []),
      { subresource: 'nodeclient', message: 'Auto approving kubelet client certificate after SubjectAccessReview.' },
    ];
    for (const { subresource, message } of ways) {
      const attributes = { verb: 'create', group: 'certificates.k8s.io', resource: 'certificatesigningrequests', subresource };
      if (!(await access(subject, attributes))) continue;
      const condition = { type: 'Approved', status: 'True', reason: 'AutoApproved', message };
      const conditions = [...(request.status?.conditions ?? []), condition];
      await client.update(requests, { ...request, status: { ...request.status, conditions } }, { subresource: 'approval' });
      return undefined;
    }
    return { after: again };
  },
});
