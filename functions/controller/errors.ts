import { StatusError } from '../../kinds/status.ts';

/** Refused because the namespace is being deleted: nothing that is made there can live, so there is nothing to try again. */
export const namespaceIsGoing = (error: unknown): boolean =>
  error instanceof StatusError && (error.status.details?.causes?.some(cause => cause.reason === 'NamespaceTerminating') ?? false);
