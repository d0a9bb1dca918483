/** ConfigMap. */
import { check } from '../checks.ts';
import { semanticEqual } from '../equality.ts';
import { forbidden, invalid, root, tooLong } from '../field.ts';
import { isConfigMapKey } from '../names.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { ConfigMap } from '../types.ts';
import { wholeAndChange } from './metadata-checks.ts';

/** Of all values together, in bytes. Secrets share it. */
export const dataLimit = 1024 * 1024;
/** The bytes that a base64 text stands for. */
export const decodedLength = (base64: string): number =>
  Math.floor((base64.length * 3) / 4) - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);

const dataField = root('data');
const binaryField = root('binaryData');
const immutableText = 'field is immutable when `immutable` is set';

/** What an object marked immutable may not change, for ConfigMap and Secret alike. */
export const validateFrozen = <T extends { immutable?: boolean }>(
  next: T,
  previous: T,
  fields: readonly (keyof T & string)[],
): FieldError[] => {
  if (!previous.immutable) return [];
  const errors: FieldError[] = [];
  if (!next.immutable) errors.push(forbidden('immutable', immutableText));
  for (const name of fields) if (!semanticEqual(next[name], previous[name])) errors.push(forbidden(name, immutableText));
  return errors;
};

const count = (map: object | undefined): number => (map ? Object.keys(map).length : 0);

export const configMap: Strategy<ConfigMap> = {
  metadataChecks: wholeAndChange,
  validate(object) {
    const errors: FieldError[] = [];
    const { data = {}, binaryData = {} } = object;
    let size = 0;
    for (const key of Object.keys(data)) {
      errors.push(...check(isConfigMapKey, key, dataField.key(key)));
      if (Object.hasOwn(binaryData, key)) errors.push(invalid(dataField.key(key), key, 'duplicate of key present in binaryData'));
      size += Buffer.byteLength(data[key] ?? '');
    }
    for (const key of Object.keys(binaryData)) {
      errors.push(...check(isConfigMapKey, key, binaryField.key(key)));
      size += decodedLength(binaryData[key] ?? '');
    }
    if (size > dataLimit) errors.push(tooLong('[]', dataLimit));
    return errors;
  },
  validateUpdate: (next, previous) => validateFrozen(next, previous, ['data', 'binaryData']),
  cells: (object, now) => [
    object.metadata.name,
    count(object.data) + count(object.binaryData),
    age(object.metadata.creationTimestamp, now),
  ],
};
