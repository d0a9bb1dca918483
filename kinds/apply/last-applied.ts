/**
 * The way from client-side to server-side apply: `kubectl apply --server-side` takes over without conflict what the annotation
 * of `kubectl apply` shows to be its own, and keeps the annotation true. Source: apimachinery
 * `pkg/util/managedfields/internal/lastappliedmanager.go`, `lastappliedupdater.go`.
 */
import type { KubeObject } from '../object.ts';
import { compareObjects } from './compare.ts';
import { difference, type FieldSet } from './field-set.ts';
import { misfits } from './fit.ts';
import { fieldSetOf } from './own.ts';
import type { Fields } from './ownership.ts';
import { asObject, type Type } from './type.ts';

/** The field manager of `kubectl apply --server-side`, and the only one this is done for. */
export const kubectl = 'kubectl';
const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
/** All annotations of an object together (apimachinery `validation.TotalAnnotationSizeLimitB`). */
const mostAnnotations = 256 * 1024;

const lastApplied = (object: Fields): string | undefined => {
  const text = asObject(asObject(object['metadata'])?.['annotations'])?.[annotation];
  return typeof text === 'string' && text !== '' ? text : undefined;
};

const parse = (text: string): Fields | undefined => {
  try {
    return asObject(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

/** Fields that the annotation names with the value that they still have. */
export const fieldsOfLastApplied = (type: Type, live: KubeObject): FieldSet | undefined => {
  const text = lastApplied(live);
  const applied = text === undefined ? undefined : parse(text);
  if (!applied || applied['apiVersion'] !== live.apiVersion || misfits(type, applied) !== undefined) return undefined;
  const { added, modified, removed } = compareObjects(type, applied, live);
  return [modified, added, removed].reduce((fields, changed) => difference(fields, changed), fieldSetOf(type, applied));
};

const escapes: Record<string, string> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026', '\u2028': '\\u2028', '\u2029': '\\u2029' };
const sortedJson = (value: unknown): string => {
  const sorted = (_: string, field: unknown): unknown => {
    const fields = asObject(field);
    return fields ? Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))) : field;
  };
  return JSON.stringify(value, sorted).replace(/[<>&\u2028\u2029]/g, character => escapes[character] ?? character);
};

/** The object with the annotation set to what was applied, where it has one. */
export const withLastApplied = (object: KubeObject, applied: Fields): KubeObject => {
  if (lastApplied(object) === undefined) return object;
  const { annotations, ...metadata } = asObject(applied['metadata']) ?? {};
  const { [annotation]: _, ...others } = asObject(annotations) ?? {};
  const kept = { ...applied, metadata: { ...metadata, ...(Object.keys(others).length ? { annotations: others } : {}) } };
  const changed: Record<string, string> = { ...object.metadata.annotations, [annotation]: `${sortedJson(kept)}\n` };
  const size = Object.entries(changed).reduce((sum, [name, text]) => sum + name.length + text.length, 0);
  if (size > mostAnnotations) delete changed[annotation];
  return { ...object, metadata: { ...object.metadata, annotations: changed } };
};
