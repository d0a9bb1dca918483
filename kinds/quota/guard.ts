/** The row that writes bump while a quota is not filled in yet, and the reconciler with them. */
import type { ResourceQuota } from './scopes.ts';

export const fillingGuard = ({ metadata }: ResourceQuota): string => `quota/${metadata.namespace ?? ''}/${metadata.uid ?? metadata.name}`;
