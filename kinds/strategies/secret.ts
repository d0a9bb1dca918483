/** Secret. `stringData` is only ever written; it becomes part of `data` before anything else looks at the object. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { check } from '../checks.ts';
import { invalid, required, root, tooLong } from '../field.ts';
import { goJsonError } from '../go-json-error.ts';
import { validateImmutable } from '../metadata.ts';
import { isConfigMapKey } from '../names.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Secret } from '../types.ts';
import { dataLimit, decodedLength, validateFrozen } from './config-map.ts';
import { wholeAndChange } from './metadata-checks.ts';

const dataField = root('data');
const accountAnnotation = 'kubernetes.io/service-account.name';

const validateJson = (object: Secret, key: string): FieldError[] => {
  const field = dataField.key(key);
  const encoded = object.data?.[key];
  if (encoded === undefined) return [required(field)];
  const problem = goJsonError(Buffer.from(encoded, 'base64').toString());
  return problem ? [invalid(field, '<secret contents redacted>', problem)] : [];
};
const validatePresence = (object: Secret, ...keys: string[]): FieldError[] =>
  keys.filter(key => object.data?.[key] === undefined).map(key => required(dataField.key(key)));

/** What each type must carry. Other types are the business of whoever made them up. */
const typeRules: Record<string, (object: Secret) => FieldError[]> = {
  'kubernetes.io/service-account-token': object =>
    object.metadata.annotations?.[accountAnnotation] ? [] : [required(root('metadata', 'annotations').key(accountAnnotation))],
  'kubernetes.io/dockercfg': object => validateJson(object, '.dockercfg'),
  'kubernetes.io/dockerconfigjson': object => validateJson(object, '.dockerconfigjson'),
  'kubernetes.io/basic-auth': object => {
    const errors = validatePresence(object, 'username', 'password');
    return errors.length === 2 ? errors : [];
  },
  'kubernetes.io/ssh-auth': object => (object.data?.['ssh-privatekey'] ? [] : [required(dataField.key('ssh-privatekey'))]),
  'kubernetes.io/tls': object => validatePresence(object, 'tls.crt', 'tls.key'),
};

const pem = /-----BEGIN ([^-\r\n]+)-----[^-]*-----END \1-----/g;
/** What Go says of one half of a key pair; undefined where it has the block. */
const missingBlock = (input: string, what: 'certificate' | 'key', wanted: (type: string) => boolean, named: string): string | undefined => {
  const types = [...input.matchAll(pem)].map(([, type]) => type ?? '');
  if (types.some(wanted)) return undefined;
  if (types.length === 0) return `tls: failed to find any PEM data in ${what} input`;
  return `tls: failed to find ${named} in ${what} input after skipping PEM blocks of the following types: [${types.join(' ')}]`;
};
/** Certificate and key should belong together. */
const pairWarnings = ({ data }: Secret): string[] => {
  const text = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString();
  const certificate = text('tls.crt');
  const key = text('tls.key');
  const isKey = (type: string): boolean => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY');
  const missing =
    missingBlock(certificate, 'certificate', type => type === 'CERTIFICATE', '"CERTIFICATE" PEM block') ??
    missingBlock(key, 'key', isKey, 'PEM block with type ending in "PRIVATE KEY"');
  if (missing) return [missing];
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)) ? [] : ['tls: private key does not match public key'];
  } catch {
    // Go tells which of the many forms failed how; which of the two halves it is, is what helps.
    return ['tls: failed to parse private key'];
  }
};

export const secret: Strategy<Secret> = {
  metadataChecks: wholeAndChange,
  defaults(object) {
    object.type ||= 'Opaque';
    if (!object.stringData) return;
    const added = Object.entries(object.stringData).map(([key, text]) => [key, Buffer.from(text).toString('base64')] as const);
    if (added.length) object.data = { ...object.data, ...Object.fromEntries(added) };
    delete object.stringData;
  },
  prepareForUpdate(next, previous) {
    if (!next.type && previous.type) next.type = previous.type;
  },
  validate(object) {
    const errors: FieldError[] = [];
    let size = 0;
    for (const key of Object.keys(object.data ?? {})) {
      errors.push(...check(isConfigMapKey, key, dataField.key(key)));
      size += decodedLength(object.data?.[key] ?? '');
    }
    if (size > dataLimit) errors.push(tooLong(dataField, dataLimit));
    const rule = Object.hasOwn(typeRules, object.type ?? '') ? typeRules[object.type ?? ''] : undefined;
    return rule ? [...errors, ...rule(object)] : errors;
  },
  validateUpdate: (next, previous) => [...validateImmutable(next.type, previous.type, 'type'), ...validateFrozen(next, previous, ['data'])],
  warnings: object => (object.type === 'kubernetes.io/tls' ? pairWarnings(object) : []),
  fields: object => ({ type: object.type ?? '' }),
  cells: (object, now) => [
    object.metadata.name,
    object.type ?? '',
    Object.keys(object.data ?? {}).length,
    age(object.metadata.creationTimestamp, now),
  ],
};
