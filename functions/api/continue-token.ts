/**
 * The token of a chunked list, in upstream's form (apiserver `pkg/storage/continue.go`): the revision it began at and the last key given; and,
 * of our own, when it began, so that a list can be continued for as long as upstream promises, however long history is kept.
 */
import { posix } from 'node:path';
import { jsonKind } from '../../kinds/patch/errors.ts';
import { badRequest, StatusError } from '../../kinds/status.ts';
import type { Entry } from '../../store/replica.ts';

const version = 'meta.k8s.io/v1';

export interface Continue {
  /** Negative: whatever is there now. */
  readonly revision: number;
  /** Entries at or below this key have been given. */
  readonly key: string;
  /** When the list began (ms since the epoch). A token without one ends only with the history. */
  readonly since?: number;
}

/** What a token is good for at least, upstream: the time between two compactions of its store (`DefaultCompactInterval`). */
const continuable = 5 * 60_000;
export const isTooOld = ({ since }: Continue, now: number): boolean => since !== undefined && now - since > continuable;

/** Keys of one list: relative to the namespace it is of. */
export const keyIn = (namespace: string, entry: Entry): string =>
  namespace || !entry.namespace ? entry.name : `${entry.namespace}/${entry.name}`;

export const encodeContinue = (revision: number, key: string, since?: number): string =>
  Buffer.from(JSON.stringify({ v: version, rv: revision, start: `${key}\0`, since })).toString('base64url');

const refuse = (why: string): StatusError => badRequest(`invalid continue token: continue key is not valid: ${why}`);

const quoteByte = (byte: number): string => {
  const char = String.fromCharCode(byte);
  if (byte >= 0x20 && byte < 0x7f) return `'${char}'`;
  return `'\\u${byte.toString(16).padStart(4, '0')}'`;
};

export const decodeContinue = (token: string): Continue => {
  const foreign = /[^A-Za-z0-9_-]/.exec(token);
  if (foreign) throw refuse(`illegal base64 data at input byte ${foreign.index}`);
  const bytes = Buffer.from(token, 'base64url');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw refuse(
      bytes.length === 0 ? 'unexpected end of JSON input' : `invalid character ${quoteByte(bytes[0] ?? 0)} looking for beginning of value`,
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse(`json: cannot unmarshal ${jsonKind(value)} into Go value of type storage.continueToken`);
  const { v, rv, start, since } = value as Record<string, unknown>;
  for (const [name, member, type] of [
    ['v', v, 'string'],
    ['rv', rv, 'number'],
    ['start', start, 'string'],
  ] as const)
    if (member !== undefined && member !== null && typeof member !== type)
      throw refuse(
        `json: cannot unmarshal ${jsonKind(member)} into Go struct field continueToken.${name} of type ${type === 'number' ? 'int64' : type}`,
      );
  if (v !== version) throw refuse(`server does not recognize this encoded version ${typeof v === 'string' ? v : ''}`);
  if (rv === 0 || rv === undefined) throw refuse('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv)) throw refuse('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof start !== 'string' || start === '') throw refuse('encoded start key empty (version meta.k8s.io/v1)');
  // Nobody reads behind the end of what was listed, or before its beginning.
  if (posix.normalize(`/${start}`) !== `/${start.replace(/^\//, '')}`) throw refuse(start);
  return { revision: rv, key: start.endsWith('\0') ? start.slice(0, -1) : start, ...(typeof since === 'number' ? { since } : {}) };
};

const expiredText =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/** 410 with a token for those who would rather have the rest as it is now. */
export const continueExpired = (key: string): StatusError => {
  const error = new StatusError(410, 'Expired', expiredText);
  error.status.metadata['continue'] = encodeContinue(-1, key);
  return error;
};
