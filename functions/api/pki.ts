/**
 * The keys and certificates of a cluster on one machine. Each file is made once, mode 0600, and never replaced while it is valid; a serving
 * certificate near its end is made anew from the same authority. The X.509 library is loaded only when something has to be made.
 */
import { createHash, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** A certificate and its key, both PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface ClusterPki {
  /** PEM of the authority that signs everything here; clients pin it. */
  readonly ca: string;
  /** PKCS #8 PEM. */
  readonly caKey: string;
  readonly server: KeyPair;
  /** user `admin`, group `system:masters` */
  readonly admin: KeyPair;
  /** What the API shows to a node's agent. */
  readonly agentClient: KeyPair;
  /** What the API shows to extension API servers, which trust this authority to name the user of a request. It signs nothing else. */
  readonly frontProxy: KeyPair & { readonly ca: string };
  /** PKCS #8 PEM of the key that signs service account tokens (ES256). */
  readonly serviceAccountKey: string;
  /** Bearer token of `admin`. */
  readonly adminToken: string;
}

export interface NodePki {
  /** CN=system:node:NAME, O=system:nodes, O=windvane:node-agents */
  readonly client: KeyPair;
  readonly server: KeyPair;
}

interface CertificateRequest {
  readonly file: string;
  readonly subject: string;
  readonly use: 'server' | 'client';
  /** DNS names and IP addresses. */
  readonly hosts?: readonly string[];
}

const day = 24 * 3600 * 1000;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const isIp = (host: string): boolean => /^[0-9.]+$/.test(host) || host.includes(':');

/** The only common name that extension API servers accept from the front proxy. */
export const frontProxyName = 'front-proxy-client';

/** Makes what is missing in `dir` and reads the rest. `hosts` are the names and addresses clients reach the API by. */
export async function ensureClusterPki(dir: string, hosts: readonly string[], now: number): Promise<ClusterPki> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  const authority = await ensureAuthority(dir, now);
  const server = await ensureCertificate(dir, authority, { file: 'server', subject: 'CN=kube-apiserver', use: 'server', hosts }, now);
  const admin = await ensureCertificate(dir, authority, { file: 'admin', subject: 'CN=admin,O=system:masters', use: 'client' }, now);
  const agentClient = await ensureCertificate(
    dir,
    authority,
    { file: 'agent-client', subject: 'CN=kube-apiserver-kubelet-client,O=system:masters', use: 'client' },
    now,
  );
  const frontAuthority = await ensureAuthority(dir, now, 'front-proxy-ca');
  const frontProxy = await ensureCertificate(
    dir,
    frontAuthority,
    { file: 'front-proxy-client', subject: `CN=${frontProxyName}`, use: 'client' },
    now,
  );
  const serviceAccountKey = await ensureFile(join(dir, 'service-account.key'), async () => {
    const pair = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    return exportKey(pair.privateKey);
  });
  const adminToken = await ensureFile(join(dir, 'admin.token'), async () => randomBytes(32).toString('base64url'));
  return {
    ca: authority.cert,
    caKey: authority.key,
    server,
    admin,
    agentClient,
    frontProxy: { ...frontProxy, ca: frontAuthority.cert },
    serviceAccountKey,
    adminToken: adminToken.trim(),
  };
}

/** What our agents are in beside `system:nodes`: each is a kube-proxy, too. */
export const agentGroup = 'windvane:node-agents';

/** The identity of one node: for its calls to the API and for the streams it serves. */
export async function ensureNodePki(dir: string, nodeName: string, hosts: readonly string[], now: number): Promise<NodePki> {
  const authority = await ensureAuthority(dir, now);
  const client = await ensureCertificate(
    dir,
    authority,
    { file: `node-${nodeName}-client`, subject: `CN=system:node:${nodeName},O=system:nodes,O=${agentGroup}`, use: 'client' },
    now,
  );
  const server = await ensureCertificate(
    dir,
    authority,
    { file: `node-${nodeName}-server`, subject: `CN=${nodeName}`, use: 'server', hosts: [nodeName, ...hosts] },
    now,
  );
  return { client, server };
}

async function ensureAuthority(dir: string, now: number, file = 'ca'): Promise<KeyPair> {
  const files = { cert: join(dir, `${file}.crt`), key: join(dir, `${file}.key`) };
  const existing = await readPair(files);
  if (existing) return existing;
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(16).toString('hex'),
    name: `CN=windvane-${file}`,
    notBefore: new Date(now - day),
    notAfter: new Date(now + 3650 * day),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return writePair(files, { cert: cert.toString('pem'), key: await exportKey(keys.privateKey) });
}

async function ensureCertificate(dir: string, authority: KeyPair, request: CertificateRequest, now: number): Promise<KeyPair> {
  const files = { cert: join(dir, `${request.file}.crt`), key: join(dir, `${request.file}.key`) };
  const existing = await readPair(files);
  if (existing && stillGood(existing.cert, authority.cert, request, now)) return existing;
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const issuer = new x509.X509Certificate(authority.cert);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: createHash('sha256').update(randomBytes(16)).digest('hex').slice(0, 30),
    subject: request.subject,
    issuer: issuer.subject,
    notBefore: new Date(now - day),
    notAfter: new Date(now + 825 * day),
    signingAlgorithm: algorithm,
    signingKey: await importKey(authority.key),
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([request.use === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(request.hosts?.length
        ? [new x509.SubjectAlternativeNameExtension(request.hosts.map(host => ({ type: isIp(host) ? 'ip' : 'dns', value: host })))]
        : []),
    ],
  });
  return writePair(files, { cert: cert.toString('pem'), key: await exportKey(keys.privateKey) });
}

/** Signed by this authority for this subject, valid for 30 more days, and good for every host asked for. */
function stillGood(pem: string, authorityPem: string, { subject, hosts = [] }: CertificateRequest, now: number): boolean {
  const cert = new X509Certificate(pem);
  if (!cert.verify(new X509Certificate(authorityPem).publicKey)) return false;
  if (cert.subject !== subject.replaceAll(',', '\n')) return false;
  if (Date.parse(cert.validTo) < now + 30 * day) return false;
  return hosts.every(host => (isIp(host) ? cert.checkIP(host) : cert.checkHost(host)) !== undefined);
}

async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  return x509;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
}

interface PairFiles {
  readonly cert: string;
  readonly key: string;
}

async function readPair(files: PairFiles): Promise<KeyPair | undefined> {
  const [cert, key] = await Promise.all([readIfThere(files.cert), readIfThere(files.key)]);
  return cert && key ? { cert, key } : undefined;
}

/** The key first: a certificate without its key would be taken for a whole pair only if both were there. */
async function writePair(files: PairFiles, pair: KeyPair): Promise<KeyPair> {
  await writeSecret(files.key, pair.key);
  await writeSecret(files.cert, pair.cert);
  return pair;
}

async function ensureFile(path: string, make: () => Promise<string>): Promise<string> {
  const existing = await readIfThere(path);
  if (existing) return existing;
  const text = await make();
  await writeSecret(path, text);
  return text;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or not at all: a process that dies in between leaves only a temporary file. */
async function writeSecret(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
