/** What a TokenRequest may ask for. Source: kubernetes `pkg/registry/core/serviceaccount/storage/token.go`. */
import { invalid as invalidField } from '../../../kinds/field.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { badRequest, conflict, type FieldError, invalid, notFound } from '../../../kinds/status.ts';
import type { Pod } from '../../../kinds/types.ts';
import type { BoundClaims, Find, Reference } from './claims.ts';

export interface TokenRequest extends KubeObject {
  spec?: {
    audiences?: string[] | null;
    expirationSeconds?: number | null;
    boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string } | null;
  };
}

const group = 'authentication.k8s.io';
const kind = 'TokenRequest';
/** Of a request that names none (s). */
export const defaultExpiration = 3600;
const shortest = 600;
const longest = 2 ** 32;

export const setDefaults = (request: TokenRequest): void => {
  request.spec = { ...request.spec, expirationSeconds: request.spec?.expirationSeconds ?? defaultExpiration };
};

/** What the request says of the account must be true of it. */
export const checkAccount = ({ metadata }: TokenRequest, { metadata: { name, namespace, uid } }: KubeObject): void => {
  const errors: FieldError[] = [];
  if (metadata.name && metadata.name !== name)
    errors.push(invalidField('metadata.name', metadata.name, 'must match the service account name if specified'));
  else if (metadata.namespace && metadata.namespace !== namespace)
    errors.push(invalidField('metadata.namespace', metadata.namespace, 'must match the service account namespace if specified'));
  if (errors.length > 0) throw invalid({ group, kind }, name, errors);
  if (metadata.uid && metadata.uid !== uid)
    throw conflict(
      { group, resource: kind },
      name,
      `the UID in the token request (${metadata.uid}) does not match the UID of the service account (${uid})`,
    );
};

export const checkExpiration = (seconds: number): void => {
  const field = 'spec.expirationSeconds';
  const errors: FieldError[] = [];
  if (seconds < shortest) errors.push(invalidField(field, seconds, 'may not specify a duration less than 10 minutes'));
  if (seconds > longest) errors.push(invalidField(field, seconds, 'may not specify a duration larger than 2^32 seconds'));
  if (errors.length > 0) throw invalid({ group, kind }, '', errors);
};

const resources: ReadonlyMap<string, string> = new Map([
  ['Pod', 'pods'],
  ['Secret', 'secrets'],
  ['Node', 'nodes'],
]);

type Bound = Pick<BoundClaims['kubernetes.io'], 'pod' | 'secret' | 'node'>;

/** The claims about the object that a token is bound to. Any version of the core group will do. */
export const boundClaims = async (
  reference: NonNullable<NonNullable<TokenRequest['spec']>['boundObjectRef']>,
  serviceAccount: KubeObject,
  find: Find,
): Promise<Bound> => {
  const { kind: what = '', apiVersion = '', name = '', uid } = reference;
  const [of, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const resource = of === '' ? resources.get(what) : undefined;
  if (!resource) throw badRequest(`cannot bind token to object of type ${of}/${version}, Kind=${what}`);
  const namespace = what === 'Node' ? '' : (serviceAccount.metadata.namespace ?? '');
  const object = await find(resource, namespace, name);
  if (!object) throw notFound({ group: '', resource }, name);
  const claims = await claimsOf(what, object, serviceAccount, find);
  if (uid && uid !== object.metadata.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: '', resource: what }, name, why);
  }
  return claims;
};

const claimsOf = async (what: string, object: KubeObject, { metadata }: KubeObject, find: Find): Promise<Bound> => {
  const own: Reference = { name: object.metadata.name, uid: object.metadata.uid ?? '' };
  if (what === 'Secret') return { secret: own };
  if (what === 'Node') return { node: own };
  const { serviceAccountName, nodeName } = (object as Pod).spec ?? {};
  if (serviceAccountName !== metadata.name)
    throw badRequest(`cannot bind token for serviceaccount "${metadata.name}" to pod running with different serviceaccount name.`);
  if (!nodeName) return { pod: own };
  // A node that is not there is named all the same: it is where the pod is to run.
  const uid = (await find('nodes', '', nodeName))?.metadata.uid;
  return { pod: own, node: { name: nodeName, ...(uid ? { uid } : {}) } as Reference };
};
