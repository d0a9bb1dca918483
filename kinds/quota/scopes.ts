/** Which objects a quota is about. */
import type { KubeObject } from '../object.ts';
import type { Amounts } from './amounts.ts';

export interface Requirement {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface ResourceQuota extends KubeObject {
  spec?: { hard?: Amounts; scopes?: readonly string[]; scopeSelector?: { matchExpressions?: readonly Requirement[] } };
  status?: { hard?: Amounts; used?: Amounts };
}

export const requirementsOf = ({ spec }: ResourceQuota): Requirement[] => [
  ...(spec?.scopes ?? []).map(scopeName => ({ scopeName, operator: 'Exists' })),
  ...(spec?.scopeSelector?.matchExpressions ?? []),
];

/** `names`: what the object has where the requirement looks, if anything; one that fits is enough. */
export const selects = ({ operator, values = [] }: Requirement, names: readonly string[]): boolean => {
  switch (operator) {
    case 'In':
      return names.some(name => values.includes(name));
    case 'NotIn':
      return names.length === 0 || names.some(name => !values.includes(name));
    case 'Exists':
      return names.length > 0;
    case 'DoesNotExist':
      return names.length === 0;
    default:
      return false;
  }
};
