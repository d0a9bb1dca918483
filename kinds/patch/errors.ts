/** The errors of all patches, as the API server answers them. */
import { StatusError } from '../status.ts';

/** An error upstream passes on bare: a 500 that carries its text and no reason (`patch.go`, `interpretStrategicMergePatchError`). */
export const bareError = (message: string): StatusError => {
  const error = new StatusError(500, '', message);
  delete error.status.reason;
  return error;
};

/** A patch that does not fit the object; upstream keeps the cause to itself. */
export const unprocessable = (): StatusError =>
  new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

/** What Go's JSON decoder calls a value of the wrong kind. */
export const jsonKind = (value: unknown): string => {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
};

const plainFloat = (n: number): string => {
  const size = Math.abs(n);
  const scientific = size !== 0 && (size < 1e-4 || size >= 1e21);
  return scientific ? n.toExponential().replace(/e([+-])([0-9])$/, 'e$10$2') : String(n);
};

/** A decoded value as Go's `%v` prints it: `map[a:1 b:[x y]]`. */
export const printed = (value: unknown): string => {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'number') return plainFloat(value);
  if (Array.isArray(value)) return `[${value.map(printed).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${fields.map(([key, field]) => `${key}:${printed(field)}`).join(' ')}]`;
};

/** The dynamic type of a decoded value, as upstream's texts name it. */
export const goType = (value: unknown): string => {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'string' ? 'string' : 'map[string]interface {}';
};

/** A decoded value where Go's `%s` expects a text. */
export const printedAsText = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'boolean' ? `%!s(${goType(value)}=${printed(value)})` : printed(value);
