/**
 * A certificate request as controllers look at it, and what the signers of Kubernetes ask of one (kubernetes `pkg/apis/certificates/helpers.go`). The X.509 library is loaded
 * when the first request is looked at.
 */
import type * as X509 from '@peculiar/x509';
import type { KubeObject } from '../../../kinds/object.ts';

export const requests = 'certificatesigningrequests.certificates.k8s.io';

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastUpdateTime?: string;
}
export interface CertificateSigningRequest extends KubeObject {
  spec: {
    request: string;
    signerName: string;
    usages?: string[];
    username?: string;
    uid?: string;
    groups?: string[];
    extra?: Record<string, string[]>;
    expirationSeconds?: number;
  };
  status?: { conditions?: Condition[]; certificate?: string };
}

export const conditionOf = ({ status }: CertificateSigningRequest, type: string): Condition | undefined =>
  status?.conditions?.find(condition => condition.type === type);

export const apiClient = 'kubernetes.io/kube-apiserver-client';
export const kubeletClient = 'kubernetes.io/kube-apiserver-client-kubelet';
export const kubeletServing = 'kubernetes.io/kubelet-serving';

export interface ParsedRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Subject alternative names by their kind: `dns`, `ip`, `email`, `url`. */
  readonly names: X509.JsonGeneralNames;
  readonly pkcs10: X509.Pkcs10CertificateRequest;
}

export const loadX509 = async (): Promise<typeof X509> => {
  await import('reflect-metadata');
  return import('@peculiar/x509');
};

const subjectAlternativeName = '2.5.29.17';

/** `base64`: of a PEM text. */
export const parseRequest = async (base64: string): Promise<ParsedRequest> => {
  const x509 = await loadX509();
  const [block] = x509.PemConverter.decode(Buffer.from(base64, 'base64').toString('latin1'));
  if (!block) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const pkcs10 = new x509.Pkcs10CertificateRequest(block);
  const extension = pkcs10.getExtension(subjectAlternativeName);
  const names = extension ? new x509.SubjectAlternativeNameExtension(extension.rawData).names.toJSON() : [];
  return { commonName: pkcs10.subjectName.getField('CN').at(-1) ?? '', organizations: pkcs10.subjectName.getField('O'), names, pkcs10 };
};

const nodePrefix = 'system:node:';

const sameSet = (one: readonly string[], other: readonly string[]): boolean =>
  new Set(one).size === other.length && other.every(value => one.includes(value));
/** In the order of the alphabet, as refusals list them. */
const requiredUsages = (auth: 'client auth' | 'server auth'): string[] => [auth, 'digital signature', 'key encipherment'].sort();
const usagesProblem = (usages: readonly string[], auth: 'client auth' | 'server auth'): string | undefined => {
  const needed = requiredUsages(auth);
  if (
    sameSet(usages, needed) ||
    sameSet(
      usages,
      needed.filter(usage => usage !== 'key encipherment'),
    )
  )
    return undefined;
  return `usages did not match [${needed.join(' ')}]`;
};

const refusedNames: readonly (readonly [type: string, text: string])[] = [
  ['dns', 'DNS subjectAltNames are not allowed'],
  ['email', 'Email subjectAltNames are not allowed'],
  ['ip', 'IP subjectAltNames are not allowed'],
  ['url', 'URI subjectAltNames are not allowed'],
];
const nameProblem = ({ names }: ParsedRequest, types: readonly string[]): string | undefined =>
  refusedNames.find(([type]) => types.includes(type) && names.some(name => name.type === type))?.[1];

const ofNodes = ({ organizations }: ParsedRequest): string | undefined =>
  organizations.length === 1 && organizations[0] === 'system:nodes' ? undefined : 'subject organization is not system:nodes';
const ofNode = ({ commonName }: ParsedRequest): string | undefined =>
  commonName.startsWith(nodePrefix) ? undefined : `subject common name does not begin with ${nodePrefix}`;

type Check = (request: ParsedRequest, usages: readonly string[]) => string | undefined;

/** Why a signer does not sign a request, by the signer's name; the signers that are not here are somebody else's. */
export const signers: ReadonlyMap<string, Check> = new Map<string, Check>([
  [
    apiClient,
    (_, usages) => {
      const foreign = usages.find(usage => !requiredUsages('client auth').includes(usage));
      if (foreign) return `invalid usage for client certificate: ${foreign}`;
      return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
    },
  ],
  [
    kubeletClient,
    (request, usages) =>
      ofNodes(request) ?? nameProblem(request, ['dns', 'email', 'ip', 'url']) ?? ofNode(request) ?? usagesProblem(usages, 'client auth'),
  ],
  [
    kubeletServing,
    (request, usages) => {
      const problem = ofNodes(request);
      if (problem) return problem;
      if (!request.names.some(({ type }) => type === 'dns' || type === 'ip')) return 'DNS or IP subjectAltName is required';
      return nameProblem(request, ['email', 'url']) ?? usagesProblem(usages, 'server auth') ?? ofNode(request);
    },
  ],
]);
