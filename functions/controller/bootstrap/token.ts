/** A bootstrap token as it lies in its Secret (k8s.io/cluster-bootstrap `token/api`, `util/secrets`). */
import type { Secret } from '../../../kinds/types.ts';

export const tokenNamespace = 'kube-system';
const type = 'bootstrap.kubernetes.io/token';
const prefix = 'bootstrap-token-';

export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
  /** When it ends (ms); infinite where nothing is said, long ago where that cannot be read. */
  readonly expires: number;
  readonly signs: boolean;
}

const idForm = /^[a-z0-9]{6}$/;
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** Undefined: no bootstrap token. */
export const bootstrapTokenOf = ({ type: of, data, metadata }: Secret): BootstrapToken | undefined => {
  if (of !== type || metadata.namespace !== tokenNamespace) return undefined;
  const value = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
  const id = value('token-id');
  const expiration = value('expiration');
  const valid = idForm.test(id) && metadata.name === `${prefix}${id}` && value('token-secret') !== '';
  return {
    id: valid ? id : '',
    secret: value('token-secret'),
    expires: expiration === '' ? Number.POSITIVE_INFINITY : rfc3339.test(expiration) ? Date.parse(expiration) : 0,
    signs: valid && value('usage-bootstrap-signing') === 'true',
  };
};
