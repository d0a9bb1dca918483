/**
 * Conversion between versions by a webhook: what is asked of it, and what of its answer is taken (apiextensions
 * `pkg/apiserver/conversion/webhook_converter.go`). Whoever serves objects asks ahead, for nobody can wait while they are read.
 */
import { copyJson } from '../copy.ts';
import { root } from '../field.ts';
import { validateAnnotations, validateLabels } from '../metadata.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { applySchemaDefaults } from '../schema/defaults.ts';
import { prune } from '../schema/prune.ts';
import type { Schema } from '../schema/schema.ts';
import type { Definition } from './definition.ts';

export type WebhookConfig = NonNullable<NonNullable<Definition['spec']['conversion']>['webhook']>;

export interface ConversionOptions {
  readonly config: WebhookConfig;
  readonly kind: string;
  /** `apiVersion`s. */
  readonly served: string;
  readonly stored: string;
  readonly servedSchema: () => Schema;
  readonly storedSchema: (apiVersion: string) => Schema;
}

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const typeName = (value: unknown): string => {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'map[string]interface {}';
};

/** Metadata is the original's, but for labels and annotations. */
const withMetadataOf = (original: KubeObject, converted: JsonObject): void => {
  const given = converted['metadata'];
  if (given === undefined) throw new Error('missing metadata in converted object');
  if (!isObject(given)) throw new Error(`invalid metadata of type ${typeName(given)} in converted object`);
  const metadata = copyJson(original.metadata) as unknown as JsonObject;
  for (const name of ['labels', 'annotations'] as const) {
    const texts = given[name];
    if (texts === undefined || texts === null) {
      delete metadata[name];
      continue;
    }
    if (!isObject(texts)) throw new Error(`invalid metadata.${name} of type ${typeName(texts)} in converted object`);
    for (const [key, value] of Object.entries(texts))
      if (typeof value !== 'string')
        throw new Error(`metadata.${name}[${key}] must be a string, but is ${typeName(value)} in converted object`);
    const at = root('metadata', name === 'labels' ? 'labels' : 'annotation');
    const problems = (name === 'labels' ? validateLabels : validateAnnotations)(texts as Record<string, string>, at);
    if (problems.length > 0) {
      const shown = problems.map(({ field, message }) => `${field}: ${message}`);
      throw new Error(shown.length === 1 ? (shown[0] ?? '') : `[${shown.join(', ')}]`);
    }
    metadata[name] = texts;
  }
  converted['metadata'] = metadata;
};

const sameIdentity = (original: KubeObject, converted: JsonObject): void => {
  const metadata = isObject(converted['metadata']) ? converted['metadata'] : {};
  for (const [field, shown] of [
    ['name', 'name'],
    ['namespace', 'namespace'],
    ['uid', 'UID'],
  ] as const) {
    const [before, after] = [original.metadata[field] ?? '', metadata[field] ?? ''];
    if (before !== after) throw new Error(`must have the same ${shown}: ${before} != ${String(after)}`);
  }
};

export class WebhookConversion {
  readonly options: ConversionOptions;
  /** As long as somebody holds the stored object. */
  readonly #known = new WeakMap<KubeObject, KubeObject>();

  constructor(options: ConversionOptions) {
    this.options = options;
  }

  /** Of an object as it is stored: whether the webhook must be asked before it can be served. */
  isMissing(object: KubeObject): boolean {
    return object.apiVersion !== this.options.served && !this.#known.has(object);
  }
  served(object: KubeObject): KubeObject {
    const known = this.#known.get(object);
    if (known) return known;
    const { served, servedSchema } = this.options;
    if (object.apiVersion !== served) throw new Error(`an object of ${object.apiVersion} was not converted before it was served`);
    const settled = copyJson(object);
    prune(servedSchema(), settled as unknown as JsonObject);
    applySchemaDefaults(servedSchema(), settled);
    this.#known.set(object, settled);
    return settled;
  }
  /** As it goes to the webhook: complete in its own version. */
  complete(object: KubeObject): KubeObject {
    const made = copyJson(object);
    applySchemaDefaults(this.options.storedSchema(object.apiVersion), made);
    return made;
  }
  remember(object: KubeObject, converted: KubeObject): void {
    this.#known.set(object, converted);
  }

  #who(object: KubeObject): string {
    return `conversion webhook for ${object.apiVersion}, Kind=${object.kind}`;
  }
  failure(object: KubeObject, why: string): Error {
    return new Error(`${this.#who(object)} failed: ${why}`);
  }

  request(objects: readonly KubeObject[], desiredAPIVersion: string, uid: string): { readonly apiVersion: string; readonly body: string } {
    const version = (this.options.config.conversionReviewVersions ?? []).find(one => one === 'v1' || one === 'v1beta1');
    if (!version) throw new Error('no supported conversion review versions');
    const apiVersion = `apiextensions.k8s.io/${version}`;
    const review = { kind: 'ConversionReview', apiVersion, request: { uid, desiredAPIVersion, objects } };
    return { apiVersion, body: JSON.stringify(review) };
  }

  /** The objects of an answer, fit to be used. Throws in upstream's words. */
  read(text: string, apiVersion: string, uid: string, originals: readonly KubeObject[], desired: string): KubeObject[] {
    const [first] = originals;
    if (!first) return [];
    const review = parse(text, why => this.failure(first, why));
    const response = isObject(review['response']) ? review['response'] : undefined;
    if (apiVersion.endsWith('/v1') && (review['apiVersion'] !== apiVersion || review['kind'] !== 'ConversionReview'))
      throw this.failure(
        first,
        `expected webhook response of ${apiVersion}, Kind=ConversionReview, got ${review['apiVersion'] ?? ''}, Kind=${review['kind'] ?? ''}`,
      );
    if (!response) throw this.failure(first, 'no response provided');
    if (apiVersion.endsWith('/v1') && response['uid'] !== uid)
      throw this.failure(first, `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response['uid'] ?? '')}`);
    const result = isObject(response['result']) ? response['result'] : {};
    if (result['status'] !== 'Success')
      throw this.failure(first, String(result['message'] || `response.result.status was '${result['status'] ?? ''}', not 'Success'`));
    const converted = Array.isArray(response['convertedObjects']) ? response['convertedObjects'] : [];
    if (converted.length !== originals.length)
      throw new Error(`${this.#who(first)} returned ${converted.length} objects, expected ${originals.length}`);
    return originals.map((original, i) => this.#taken(original, converted[i], desired));
  }

  #taken(original: KubeObject, given: unknown, desired: string): KubeObject {
    const refuse = (why: string): Error => new Error(`${this.#who(original)} returned ${why}`);
    const made = isObject(given) ? given : {};
    if (made['apiVersion'] !== desired)
      throw refuse(`invalid object at index 0: invalid groupVersion (expected ${desired}, received ${made['apiVersion'] ?? ''})`);
    if (made['kind'] !== original.kind)
      throw refuse(`invalid object at index 0: invalid kind (expected ${original.kind}, received ${made['kind'] ?? ''})`);
    try {
      sameIdentity(original, made);
    } catch (error) {
      throw refuse(`invalid object: ${(error as Error).message}`);
    }
    try {
      withMetadataOf(original, made);
    } catch (error) {
      throw refuse(`invalid metadata: ${(error as Error).message}`);
    }
    prune(desired === this.options.served ? this.options.servedSchema() : this.options.storedSchema(desired), made);
    return made as unknown as KubeObject;
  }
}

const parse = (text: string, refuse: (why: string) => Error): JsonObject => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    // The parser's own words are none that upstream has.
    throw refuse(`couldn't get version/kind; json parse error: ${text.slice(0, 100)}`);
  }
};
