/** ServiceAccount. */
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { ServiceAccount } from '../types.ts';
import { wholeAndChange } from './metadata-checks.ts';

const enforce = 'kubernetes.io/enforce-mountable-secrets';

/** Only names of secrets are kept: they are always in the account's namespace. */
const cleanSecrets = (object: ServiceAccount): void => {
  if (object.secrets) object.secrets = object.secrets.map(({ name }) => (name === undefined ? {} : { name }));
};

export const serviceAccount: Strategy<ServiceAccount> = {
  metadataChecks: wholeAndChange,
  prepareForCreate: cleanSecrets,
  prepareForUpdate: cleanSecrets,
  warnings(next, previous) {
    const has = (object: ServiceAccount | undefined) => object?.metadata.annotations?.[enforce] !== undefined;
    if (!has(next) || has(previous)) return [];
    return [`metadata.annotations[${enforce}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`];
  },
  cells: (object, now) => [object.metadata.name, age(object.metadata.creationTimestamp, now)],
};
