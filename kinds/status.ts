/**
 * Errors as values: each carries the Kubernetes `Status` that a client sees. Only the edge serialises them.
 * Reasons, codes and message forms: apimachinery `pkg/api/errors/errors.go`.
 */

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, unknown>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code?: number;
}

/** An error that a client may see as it is. Anything else that is thrown becomes a 500 that reveals nothing. */
export class StatusError extends Error {
  readonly status: Status;
  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.name = 'StatusError';
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      ...(reason ? { reason } : {}),
      ...(details ? { details } : {}),
      code,
    };
  }
  get code(): number {
    return this.status.code ?? 500;
  }
  get reason(): string {
    return this.status.reason ?? '';
  }
}

/** The group and plural name of a resource, as error texts show them: `pods`, `deployments.apps`. */
export interface GroupResource {
  group: string;
  resource: string;
}
export const qualified = ({ group, resource }: GroupResource): string => (group ? `${resource}.${group}` : resource);

/** A value at a field path that a strategy or schema refuses. `type` decides reason and the head of the message. */
export interface FieldError {
  type:
    | 'Required'
    | 'Invalid'
    | 'NotSupported'
    | 'Duplicate'
    | 'Forbidden'
    | 'TooLong'
    | 'TooMany'
    | 'NotFound'
    | 'TypeInvalid'
    | 'Internal';
  field: string;
  /** The whole text after `field: `, for example `Invalid value: -1: must be greater than or equal to 0`. */
  message: string;
}

const causeReason: Record<FieldError['type'], string> = {
  Required: 'FieldValueRequired',
  Invalid: 'FieldValueInvalid',
  NotSupported: 'FieldValueNotSupported',
  Duplicate: 'FieldValueDuplicate',
  Forbidden: 'FieldValueForbidden',
  TooLong: 'FieldValueTooLong',
  TooMany: 'FieldValueTooMany',
  NotFound: 'FieldValueNotFound',
  TypeInvalid: 'FieldValueTypeInvalid',
  Internal: 'InternalError',
};

const resourceDetails = (of: GroupResource, name: string): StatusDetails => ({
  ...(name ? { name } : {}),
  ...(of.group ? { group: of.group } : {}),
  kind: of.resource,
});

export const badRequest = (message: string): StatusError => new StatusError(400, 'BadRequest', message);
export const unauthorized = (message = 'Unauthorized'): StatusError => new StatusError(401, 'Unauthorized', message);
export const forbidden = (of: GroupResource, name: string, why: string): StatusError =>
  new StatusError(403, 'Forbidden', `${qualified(of)}${name ? ` "${name}"` : ''} is forbidden: ${why}`, resourceDetails(of, name));
export const notFound = (of: GroupResource, name: string): StatusError =>
  new StatusError(404, 'NotFound', `${qualified(of)} "${name}" not found`, resourceDetails(of, name));
/** The answer to a path that nothing serves. */
export const pageNotFound = (): StatusError => new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
export const methodNotAllowed = (of: GroupResource, verb: string): StatusError =>
  new StatusError(405, 'MethodNotAllowed', `${verb} is not supported on resources of kind "${qualified(of)}"`, {
    ...(of.group ? { group: of.group } : {}),
    kind: of.resource,
  });
export const notAcceptable = (accepted: string[]): StatusError =>
  new StatusError(406, 'NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`);
export const unsupportedMediaType = (supported: string[]): StatusError =>
  new StatusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${supported.join(', ')}`,
  );
export const alreadyExists = (of: GroupResource, name: string): StatusError =>
  new StatusError(409, 'AlreadyExists', `${qualified(of)} "${name}" already exists`, resourceDetails(of, name));
export const conflict = (of: GroupResource, name: string, why: string): StatusError =>
  new StatusError(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(of)} "${name}": ${why}`, resourceDetails(of, name));
/** The text every optimistic-lock conflict carries (registry/generic/registry/store.go). */
export const optimisticLock = 'the object has been modified; please apply your changes to the latest version and try again';
export const expired = (message: string): StatusError => new StatusError(410, 'Expired', message);
export const tooLarge = (message: string): StatusError => new StatusError(413, 'RequestEntityTooLarge', message);
/** A body of 3 MB can be wrong in 60,000 places, and an answer that names them all is longer than the body: nobody reads past these. */
const toldErrors = 1000;

export const invalid = (of: { group: string; kind: string }, name: string, all: FieldError[]): StatusError => {
  const errors = all.length > toldErrors ? all.slice(0, toldErrors) : all;
  const texts = [...new Set(errors.map(e => `${e.field}: ${e.message}`))];
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new StatusError(422, 'Invalid', `${of.group ? `${of.kind}.${of.group}` : of.kind} "${name}" is invalid: ${list}`, {
    ...(name ? { name } : {}),
    ...(of.group ? { group: of.group } : {}),
    ...(of.kind ? { kind: of.kind } : {}),
    causes: errors.map(e => ({ reason: causeReason[e.type], message: e.message, field: e.field })),
  });
};
export const tooManyRequests = (message: string, retryAfterSeconds: number): StatusError =>
  new StatusError(429, 'TooManyRequests', message, { retryAfterSeconds });
export const internalError = (message: string): StatusError =>
  new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
export const serviceUnavailable = (message: string): StatusError => new StatusError(503, 'ServiceUnavailable', message);
export const timeout = (message: string, retryAfterSeconds: number): StatusError =>
  new StatusError(504, 'Timeout', message, { retryAfterSeconds });

const hasReason =
  (reason: string) =>
  (error: unknown): error is StatusError =>
    error instanceof StatusError && error.reason === reason;
export const isNotFound = hasReason('NotFound');
export const isAlreadyExists = hasReason('AlreadyExists');
export const isConflict = hasReason('Conflict');
export const isForbidden = hasReason('Forbidden');
export const isInvalid = hasReason('Invalid');
export const isExpired = hasReason('Expired');
