/** Secret. `stringData` is only ever written; it becomes part of `data` before anything else looks at the object. */
import { check } from '../checks.ts';
import { invalid, required, root, tooLong } from '../field.ts';
import { validateImmutable } from '../metadata.ts';
import { isConfigMapKey } from '../names.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Secret } from '../types.ts';
import { dataLimit, decodedLength, validateFrozen } from './config-map.ts';
import { goJsonError } from './go-json-error.ts';
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
  fields: object => ({ type: object.type ?? '' }),
  cells: (object, now) => [
    object.metadata.name,
    object.type ?? '',
    Object.keys(object.data ?? {}).length,
    age(object.metadata.creationTimestamp, now),
  ],
};
