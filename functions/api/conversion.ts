/** Asks the webhooks that convert custom resources between their versions, before the objects are read or written. */
import type { ToVersion } from '../../kinds/apply/ownership.ts';
import type { WebhookConversion } from '../../kinds/custom-resources/conversion.ts';
import type { Random } from '../../kinds/environment.ts';
import type { KubeObject } from '../../kinds/object.ts';
import { apiVersionOf } from '../../kinds/resource.ts';
import { StatusError } from '../../kinds/status.ts';
import type { Entry, Replicas } from '../../store/replica.ts';
import { addressOf, failureOf, textOfReview, type WebhookCaller } from './admission/webhook/caller.ts';
import { type Call, toServed, toStored } from './context.ts';

/** Objects in one question; upstream asks about each by itself. */
const most = 100;
const seconds = 30;

export interface Converter {
  /** Throws what clients are told. */
  convert(conversion: WebhookConversion, objects: readonly KubeObject[], desired: string): Promise<KubeObject[]>;
}

export const webhookConverter = (replicas: Replicas, caller: WebhookCaller, random: Random): Converter => ({
  async convert(conversion, objects, desired) {
    const made: KubeObject[] = [];
    for (let i = 0; i < objects.length; i += most) {
      const part = objects.slice(i, i + most);
      const uid = random.uuid();
      const { apiVersion, body } = conversion.request(part, desired, uid);
      const [first] = part;
      const failed = (why: string): Error => (first ? conversion.failure(first, why) : new Error(why));
      const text = await ask({ replicas, caller, random }, conversion, body).catch((error: unknown) => {
        throw failed((error as Error).message);
      });
      made.push(...conversion.read(text, apiVersion, uid, part, desired));
    }
    return made;
  },
});

interface Asking {
  readonly replicas: Replicas;
  readonly caller: WebhookCaller;
  readonly random: Random;
}

const ask = async ({ replicas, caller, random }: Asking, conversion: WebhookConversion, body: string): Promise<string> => {
  const { clientConfig = {} } = conversion.options.config;
  const address = await addressOf(replicas, random, clientConfig, seconds);
  const { caBundle } = clientConfig;
  const ca = caBundle ? Buffer.from(caBundle, 'base64').toString('utf8') : undefined;
  const { status, body: text } = await caller.post({ ...address, ca, timeoutMs: seconds * 1000, body }).catch((error: unknown) => {
    throw new Error(failureOf(error, address));
  });
  textOfReview(status, text);
  return text;
};

const ofCall = async (call: Call, objects: readonly KubeObject[], desired: string): Promise<KubeObject[]> => {
  const { conversion } = call.resource.storage;
  const { converter } = call.services;
  if (!conversion || !converter) throw new StatusError(500, '', 'conversion webhooks cannot be called here');
  try {
    return await converter.convert(conversion, objects, desired);
  } catch (error) {
    throw new StatusError(500, '', (error as Error).message);
  }
};

/** Objects as they are stored: from now on, as long as they are held, `toServed` knows them. */
export const prepare = async (call: Call, objects: Iterable<KubeObject>): Promise<void> => {
  const { conversion } = call.resource.storage;
  if (!conversion) return;
  const missing = [...new Set(objects)].filter(object => conversion.isMissing(object));
  if (missing.length === 0) return;
  const converted = await ofCall(
    call,
    missing.map(object => conversion.complete(object)),
    conversion.options.served,
  );
  for (const [i, object] of missing.entries()) {
    const made = converted[i];
    if (made) conversion.remember(object, made);
  }
};
export const prepareEntries = (call: Call, entries: Iterable<Entry>): Promise<void> | undefined =>
  call.resource.storage.conversion
    ? prepare(
        call,
        [...entries].map(({ object }) => object),
      )
    : undefined;

/** Instead of `toStored`, where a webhook converts. */
export const convertToStored = async (call: Call, conversion: WebhookConversion, object: KubeObject): Promise<KubeObject> => {
  const { stored } = conversion.options;
  if (object.apiVersion === stored) return object;
  const [converted] = await ofCall(call, [object], stored);
  // What the webhook left out is there from the start, so that no reader need complete it.
  return converted ? conversion.complete(converted) : object;
};

/** Conversions that one comparison of managed fields may need, one after the other. */
const mostRounds = 10;

const inVersion = ({ resource, services }: Call, object: KubeObject, apiVersion: string): ReturnType<ToVersion> => {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  const other = services.registry.find(group, version, resource.resource);
  if (!other || other.storage.name !== resource.storage.name) return undefined;
  return { schema: other.schema, object: toServed(other, toStored(resource, object)) };
};

/**
 * Runs what compares objects as they are in other versions of their kind, where some manager wrote in another one; again, whenever a
 * webhook had to be asked meanwhile what they are there.
 */
export const inVersions = <T>(call: Call, live: KubeObject | undefined, run: (toVersion: ToVersion | undefined) => T): T | Promise<T> => {
  const own = apiVersionOf(call.resource);
  const foreign = live?.metadata.managedFields?.some(({ apiVersion }) => apiVersion !== own);
  if (!foreign) return run(undefined);
  const { conversion } = call.resource.storage;
  if (!conversion) return run((object, apiVersion) => inVersion(call, object as KubeObject, apiVersion));
  return askedInVersions(call, conversion, run);
};

const settled = <T>(run: () => T): { readonly value: T } | { readonly error: unknown } => {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
};

const askedInVersions = async <T>(call: Call, conversion: WebhookConversion, run: (toVersion: ToVersion) => T): Promise<T> => {
  const { resource, services } = call;
  const known = new Map<string, KubeObject>();
  for (let round = 0; ; round++) {
    const missing = new Map<string, { readonly object: KubeObject; readonly apiVersion: string }>();
    const attempt = settled(() =>
      run((fields, apiVersion) => {
        const [version = '', group = ''] = apiVersion.split('/').reverse();
        const other = services.registry.find(group, version, resource.resource);
        if (!other || other.storage.name !== resource.storage.name) return undefined;
        const object = fields as KubeObject;
        if (object.apiVersion === apiVersion) return { schema: other.schema, object: fields };
        const key = `${apiVersion} ${JSON.stringify(fields)}`;
        const converted = known.get(key);
        if (!converted) missing.set(key, { object, apiVersion });
        return { schema: other.schema, object: converted ?? fields };
      }),
    );
    // What was found without knowing all counts for nothing, a refusal too.
    if (missing.size === 0 || round === mostRounds) {
      if ('error' in attempt) throw attempt.error;
      return attempt.value;
    }
    for (const [key, { object, apiVersion }] of missing) {
      const [converted] = await ofCall(call, [object], apiVersion);
      if (converted) known.set(key, conversion.complete(converted));
    }
  }
};
