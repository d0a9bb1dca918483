/** Requests for certificates go when they are answered, refused or forgotten for long enough (kubernetes `pkg/controller/certificates/cleaner`). */
import { X509Certificate } from 'node:crypto';
import { isNotFound } from '../../../kinds/status.ts';
import { type Reconciler, splitKey } from '../reconciler.ts';
import { type CertificateSigningRequest, requests } from './request.ts';

const hour = 3600_000;
const day = 24 * hour;

export const certificateCleaner: Reconciler = {
  name: 'certificate-cleaner',
  account: 'certificate-controller',
  watches: [{ resource: requests }],
  async reconcile(key, { replica, client, clock }) {
    const request = replica(requests).get('', splitKey(key).name)?.object as CertificateSigningRequest | undefined;
    if (!request) return undefined;
    const left = endOf(request) - clock.now();
    if (left > 0) return { after: Math.min(left, hour) };
    const { name, uid = '' } = request.metadata;
    try {
      await client.delete(requests, '', name, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  },
};

/** When the request is of no use to anybody any more (ms). */
const endOf = (request: CertificateSigningRequest): number => {
  const { conditions = [], certificate } = request.status ?? {};
  const created = Date.parse(request.metadata.creationTimestamp ?? '');
  const ends = conditions.flatMap(({ type, lastUpdateTime }) => {
    const decided = Date.parse(lastUpdateTime ?? '') || created;
    if (type === 'Denied' || type === 'Failed') return [decided + hour];
    if (type !== 'Approved') return [];
    return certificate ? [decided + hour, validUntil(certificate)] : [decided + day];
  });
  return conditions.length === 0 ? created + day : Math.min(Number.POSITIVE_INFINITY, ...ends);
};

const validUntil = (certificate: string): number => {
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo);
  } catch {
    // No certificate can be read, so none ends.
    return Number.POSITIVE_INFINITY;
  }
};
