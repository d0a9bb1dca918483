/** Signs approved requests with the cluster's authority (kubernetes `pkg/controller/certificates/signer` and `authority`). */
import { randomBytes, webcrypto } from 'node:crypto';
import { timestamp } from '../../../kinds/environment.ts';
import { type Reconciler, splitKey } from '../reconciler.ts';
import { type CertificateSigningRequest, conditionOf, loadX509, type ParsedRequest, parseRequest, requests, signers } from './request.ts';

/** PEM; the key as PKCS #8 on P-256. */
export interface Authority {
  readonly cert: string;
  readonly key: string;
}

const minute = 60_000;
const longest = 365 * 24 * 60 * minute;
const shortest = 10 * minute;
/** For clocks that are behind. */
const backdate = 5 * minute;
/** Of shorter ones five minutes would be a part that counts, so these end late instead. */
const short = 8 * 60 * minute;

export const certificateSigner = (authority: Authority): Reconciler => ({
  name: 'certificate-signer',
  account: 'certificate-controller',
  watches: [{ resource: requests }],
  async reconcile(key, { replica, client, clock }) {
    const request = replica(requests).get('', splitKey(key).name)?.object as CertificateSigningRequest | undefined;
    if (!request || request.status?.certificate || !isApproved(request)) return undefined;
    const check = signers.get(request.spec.signerName);
    if (!check) return undefined;
    const parsed = await parseRequest(request.spec.request);
    const problem = check(parsed, request.spec.usages ?? []);
    const now = clock.now();
    if (problem) {
      const condition = {
        type: 'Failed',
        status: 'True',
        reason: 'SignerValidationFailure',
        message: problem,
        lastUpdateTime: timestamp(now),
      };
      const conditions = [...(request.status?.conditions ?? []), condition];
      await client.update(requests, { ...request, status: { ...request.status, conditions } }, { subresource: 'status' });
      return undefined;
    }
    const certificate = Buffer.from(await sign(authority, parsed, request.spec, now)).toString('base64');
    // Another copy that was faster has moved the revision: this update is refused, and theirs is as good.
    await client.update(requests, { ...request, status: { ...request.status, certificate } }, { subresource: 'status' });
    return undefined;
  },
});

const isApproved = (request: CertificateSigningRequest): boolean =>
  conditionOf(request, 'Approved') !== undefined &&
  conditionOf(request, 'Denied') === undefined &&
  conditionOf(request, 'Failed')?.status !== 'True';

/** PEM. */
export const sign = async (
  authority: Authority,
  { pkcs10, names }: ParsedRequest,
  { usages = [], expirationSeconds }: CertificateSigningRequest['spec'],
  now: number,
): Promise<string> => {
  const x509 = await loadX509();
  const issuer = new x509.X509Certificate(authority.cert);
  const end = issuer.notAfter.getTime();
  if (now >= end) throw new Error(`the signer has expired: NotAfter=${issuer.notAfter.toISOString()}`);
  const lifetime = expirationSeconds === undefined ? longest : Math.min(Math.max(expirationSeconds * 1000, shortest), longest);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const pkcs8 = Buffer.from(authority.key.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const serialNumber = randomBytes(16);
  // A serial number is positive.
  serialNumber[0] = ((serialNumber[0] ?? 0) & 0x7f) | 0x40;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber.toString('hex'),
    subject: pkcs10.subject,
    issuer: issuer.subject,
    notBefore: new Date(now - backdate),
    notAfter: new Date(Math.min(now + (lifetime < short ? lifetime : lifetime - backdate), end)),
    signingAlgorithm: algorithm,
    signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    publicKey: pkcs10.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...keyUsages(x509, usages),
      ...extendedKeyUsages(x509, usages),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return `${certificate.toString('pem')}\n`;
};

type X509 = Awaited<ReturnType<typeof loadX509>>;

/** The signers here sign no other usages; the rest of the words has been refused before. */
const keyUsages = (x509: X509, usages: readonly string[]) => {
  const flags =
    (usages.includes('digital signature') ? x509.KeyUsageFlags.digitalSignature : 0) |
    (usages.includes('key encipherment') ? x509.KeyUsageFlags.keyEncipherment : 0);
  return flags ? [new x509.KeyUsagesExtension(flags, true)] : [];
};
const extendedKeyUsages = (x509: X509, usages: readonly string[]) => {
  const found = [
    ...(usages.includes('client auth') ? [x509.ExtendedKeyUsage.clientAuth] : []),
    ...(usages.includes('server auth') ? [x509.ExtendedKeyUsage.serverAuth] : []),
  ];
  return found.length > 0 ? [new x509.ExtendedKeyUsageExtension(found)] : [];
};
