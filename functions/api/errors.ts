/** What is thrown becomes a `Status`: what a client may see as it is, what the store says in the API's words, and a 500 that reveals nothing. */
import type { Logger } from '../../kinds/environment.ts';
import { expired, internalError, StatusError, serviceUnavailable } from '../../kinds/status.ts';
import { ExpiredError, StoreUnavailableError, UnreadableError } from '../../store/log.ts';

const retrySeconds = 1;

/** A failure that has an answer of its own. */
export const isForeseen = (error: unknown): boolean =>
  error instanceof StatusError || error instanceof ExpiredError || error instanceof StoreUnavailableError;

export const toStatusError = (error: unknown, logger: Logger, about: Record<string, unknown>): StatusError => {
  if (error instanceof StatusError) return error;
  if (error instanceof ExpiredError) return expired('The resourceVersion for the provided request is too old.');
  if (error instanceof StoreUnavailableError) {
    logger.warn('the store is not available', { ...about, error: error.message, cause: String(error.cause ?? '') });
    const unavailable = serviceUnavailable(
      error.unknown ? 'the store did not confirm the request, which may or may not have happened' : 'the store cannot answer at the moment',
    );
    unavailable.status.details = { retryAfterSeconds: retrySeconds };
    return unavailable;
  }
  if (error instanceof UnreadableError) {
    logger.error('a stored object cannot be read', { ...about, error: error.message });
    return unreadable(error);
  }
  logger.error('a request failed', {
    ...about,
    error: error instanceof Error ? error.stack : String(error),
    cause: error instanceof Error ? String(error.cause ?? '') : '',
  });
  return internalError('the server could not complete the request; its log has the cause');
};

/** Upstream names the object by its key in etcd. */
export const unreadable = ({ message }: UnreadableError): StatusError => internalError(message);
