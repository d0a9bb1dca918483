import { webcrypto, X509Certificate } from 'node:crypto';
import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { type TestCluster, testCluster } from '../testing/cluster.ts';
import { type AccessReview, certificateApprover } from './approver.ts';
import { certificateCleaner } from './cleaner.ts';
import { apiClient, type CertificateSigningRequest, kubeletClient, kubeletServing, loadX509, requests } from './request.ts';
import { type Authority, certificateSigner } from './signer.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
let authority: Authority;
let cluster: TestCluster;
const csrs = new Map<string, string>();

const makeRequest = async (subject: string, names: readonly { type: 'dns' | 'ip' | 'email'; value: string }[] = []): Promise<string> => {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const extensions = names.length > 0 ? [new x509.SubjectAlternativeNameExtension([...names])] : [];
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: subject, keys, signingAlgorithm: algorithm, extensions });
  return Buffer.from(request.toString('pem')).toString('base64');
};

beforeAll(async () => {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=ca',
    notBefore: new Date('2029-01-01'),
    notAfter: new Date('2039-01-01'),
    signingAlgorithm: algorithm,
    keys,
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  authority = { cert: cert.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` };
  csrs.set('alice', await makeRequest('CN=alice,O=dev'));
  csrs.set('node', await makeRequest('CN=system:node:n1,O=system:nodes'));
  csrs.set('serving', await makeRequest('CN=system:node:n1,O=system:nodes', [{ type: 'dns', value: 'n1' }]));
  csrs.set('mail', await makeRequest('CN=system:node:n1,O=system:nodes', [{ type: 'email', value: 'a@b.c' }]));
});
afterEach(() => cluster.close());

const request = (name: string, csr: string, spec: Partial<CertificateSigningRequest['spec']>): CertificateSigningRequest => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: { request: csrs.get(csr) ?? '', signerName: apiClient, usages: ['client auth'], ...spec },
});
const nodeUsages = ['digital signature', 'key encipherment', 'client auth'];
const get = (name: string) => cluster.admin.get<CertificateSigningRequest>(requests, '', name);
const approve = async (name: string, type = 'Approved') => {
  const found = await get(name);
  const lastUpdateTime = new Date(cluster.clock.now()).toISOString();
  const conditions = [{ type, status: 'True', lastUpdateTime }];
  await cluster.admin.update(requests, { ...found, status: { ...found.status, conditions } }, { subresource: 'approval' });
  await cluster.settle();
};
const certificateOf = async (name: string) => {
  const { status } = await get(name);
  return status?.certificate ? new X509Certificate(Buffer.from(status.certificate, 'base64')) : undefined;
};

test('signs what is approved, for as long as was asked', async () => {
  cluster = await testCluster([certificateSigner(authority)]);
  await cluster.admin.create(requests, request('a', 'alice', { expirationSeconds: 3600 }));
  await cluster.settle();
  expect(await certificateOf('a')).toBeUndefined();
  await approve('a');
  const certificate = await certificateOf('a');
  expect(certificate?.subject).toBe('CN=alice\nO=dev');
  expect(certificate?.verify(new X509Certificate(authority.cert).publicKey)).toBe(true);
  expect(certificate?.ca).toBe(false);
  expect(certificate?.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  const [from, to] = [Date.parse(certificate?.validFrom ?? ''), Date.parse(certificate?.validTo ?? '')];
  expect(to - from).toBe(3900_000);
  expect(to - cluster.clock.now()).toBeLessThanOrEqual(3600_000);
});

test('a serving certificate keeps its names', async () => {
  cluster = await testCluster([certificateSigner(authority)]);
  await cluster.admin.create(
    requests,
    request('s', 'serving', { signerName: kubeletServing, usages: ['digital signature', 'server auth'] }),
  );
  await approve('s');
  expect((await certificateOf('s'))?.subjectAltName).toBe('DNS:n1');
});

test.each([
  ['alice', { signerName: kubeletServing }, 'subject organization is not system:nodes'],
  ['node', { signerName: kubeletServing, usages: ['server auth'] }, 'DNS or IP subjectAltName is required'],
  ['serving', { signerName: kubeletServing }, 'usages did not match [digital signature key encipherment server auth]'],
  ['serving', { signerName: kubeletClient, usages: nodeUsages }, 'DNS subjectAltNames are not allowed'],
  ['mail', { signerName: kubeletClient, usages: nodeUsages }, 'Email subjectAltNames are not allowed'],
  ['alice', { usages: ['server auth'] }, 'invalid usage for client certificate: server auth'],
  ['alice', { usages: ['digital signature'] }, 'missing required usage for client certificate: client auth'],
])('a request of %s that its signer does not sign fails', async (csr, spec, message) => {
  cluster = await testCluster([certificateSigner(authority)]);
  await cluster.admin.create(requests, request('x', csr, spec));
  await approve('x');
  const { status } = await get('x');
  expect(status?.certificate).toBeUndefined();
  expect(status?.conditions?.find(({ type }) => type === 'Failed')).toMatchObject({ reason: 'SignerValidationFailure', message });
});

test('leaves alone what is denied and what is for other signers', async () => {
  cluster = await testCluster([certificateSigner(authority)]);
  await cluster.admin.create(requests, request('denied', 'alice', {}));
  await cluster.admin.create(requests, request('foreign', 'alice', { signerName: 'example.com/x' }));
  await approve('denied', 'Denied');
  await approve('foreign');
  expect(cluster.written.filter(({ user }) => user.includes('certificate-controller'))).toEqual([]);
});

const approvals = async (access: AccessReview, spec: Partial<CertificateSigningRequest['spec']>, csr = 'node') => {
  cluster = await testCluster([certificateApprover(access)]);
  await cluster.admin.create(requests, request('n', csr, { signerName: kubeletClient, usages: nodeUsages, ...spec }));
  await cluster.settle();
  return (await get('n')).status?.conditions;
};

test('approves a node that renews its own certificate, where it may', async () => {
  const asked: string[] = [];
  const access: AccessReview = async (user, { subresource }) => {
    asked.push(`${user.name} ${subresource}`);
    return subresource === 'selfnodeclient';
  };
  const conditions = await approvals(access, { username: 'system:node:n1', groups: ['system:nodes'] });
  expect(conditions).toMatchObject([
    { type: 'Approved', reason: 'AutoApproved', message: 'Auto approving self kubelet client certificate after SubjectAccessReview.' },
  ]);
  expect(asked).toEqual(['system:node:n1 selfnodeclient']);
});

test('approves what a bootstrap token asks for, once it may', async () => {
  let allowed = false;
  const conditions = await approvals(async (_, { subresource }) => allowed && subresource === 'nodeclient', {
    username: 'system:bootstrap:abcdef',
  });
  expect(conditions).toBeUndefined();
  allowed = true;
  await cluster.advance(60_000);
  expect((await get('n')).status?.conditions).toMatchObject([{ type: 'Approved' }]);
});

test('approves nothing but client certificates of nodes', async () => {
  const everything: AccessReview = async () => true;
  expect(await approvals(everything, {}, 'alice')).toBeUndefined();
  await cluster.close();
  expect(await approvals(everything, { signerName: apiClient })).toBeUndefined();
  await cluster.close();
  expect(await approvals(everything, { usages: ['client auth', 'server auth'] })).toBeUndefined();
});

test('requests go an hour after the answer, and a day after nobody gave one', async () => {
  cluster = await testCluster([certificateCleaner]);
  for (const name of ['denied', 'open', 'unsigned']) await cluster.admin.create(requests, request(name, 'alice', {}));
  await approve('denied', 'Denied');
  await approve('unsigned');
  const names = async () => (await cluster.list<CertificateSigningRequest>(requests)).map(({ metadata }) => metadata.name);
  await cluster.advance(3599_000);
  expect(await names()).toEqual(['denied', 'open', 'unsigned']);
  await cluster.advance(2000);
  expect(await names()).toEqual(['open', 'unsigned']);
  await cluster.advance(23 * 3600_000);
  expect(await names()).toEqual([]);
});
