/** The pipeline for those who live in the same process: no HTTP, no bytes to read, each as an identity of its own. */
import type { JsonObject, KubeObject } from '../../kinds/object.ts';
import { apiVersionOf, type Resource } from '../../kinds/resource.ts';
import { conform } from '../../kinds/schema/decode.ts';
import { notFound } from '../../kinds/status.ts';
import type { Client, WriteOptions as ClientOptions, Clients } from '../client.ts';
import { type Call, type Services, toServed, type WriteOptions } from './context.ts';
import { deleteObject } from './deletion.ts';
import type { PatchType } from './negotiate.ts';
import { checkDeleteOptions, plainOptions } from './options.ts';
import { applyDefaults } from './strategy.ts';
import { bindPod } from './subresources/binding.ts';
import { evictPod } from './subresources/eviction.ts';
import { replaceScale } from './subresources/scale.ts';
import type { User } from './types.ts';
import { readEntry } from './verbs/get.ts';
import { patchObject } from './verbs/patch.ts';
import { replaceObject } from './verbs/update.ts';
import { copyJson } from './wire.ts';
import { createObject } from './write.ts';

/** A copy of the caller's object in the form in which it would have arrived by HTTP. */
const ownForm = (resource: Resource, object: KubeObject): KubeObject => {
  const own = conform(resource.schema, object, { strict: false }).object;
  own.apiVersion = apiVersionOf(resource);
  own.kind = resource.kind;
  return own;
};

export const createClients = (services: Services): Clients => ({
  as: serviceAccount =>
    clientOf(
      services,
      {
        name: `system:serviceaccount:kube-system:${serviceAccount}`,
        groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
      },
      serviceAccount,
    ),
  asUser: (name, groups = []) => clientOf(services, { name, groups: [...groups, 'system:authenticated'] }, name.split(':').at(-1) ?? name),
});

const clientOf = (services: Services, user: User, manager: string): Client => {
  const callFor = (stored: string, namespace: string, name: string, options: ClientOptions | undefined): Call => {
    const resource = services.registry.findStored(stored);
    if (!resource) throw new Error(`no resource is stored as ${stored}`);
    const { subresource = '', guards = [] } = options ?? {};
    return { services, user, resource, subresource, namespace, name, warnings: [], guards };
  };
  const optionsFor = (kind: string, options: ClientOptions | undefined): WriteOptions => ({
    ...plainOptions(kind, options?.fieldManager ?? manager),
    fieldValidation: 'Ignore',
  });

  return {
    async get<T extends KubeObject>(stored: string, namespace: string, name: string): Promise<T> {
      const call = callFor(stored, namespace, name, undefined);
      return copyJson(toServed(call.resource, (await readEntry(call)).object)) as T;
    },

    async create<T extends KubeObject>(stored: string, object: T, options?: ClientOptions): Promise<T> {
      const call = callFor(stored, object.metadata.namespace ?? '', object.metadata.name ?? '', options);
      const own = ownForm(call.resource, object);
      applyDefaults(call.resource, own);
      return (await createObject(call, own, optionsFor('CreateOptions', options))).object as T;
    },

    async createSubresource(stored, namespace, name, subresource, body, options) {
      const call = callFor(stored, namespace, name, { ...options, subresource });
      const { dryRun, raw } = optionsFor('CreateOptions', options);
      if (subresource === 'binding') return bindPod(call, copyJson(body), dryRun, raw);
      if (subresource === 'eviction') return evictPod(call, copyJson(body), dryRun, raw);
      if (subresource === 'token' && services.tokens) return services.tokens.issue((await readEntry(call)).object, copyJson(body));
      throw notFound({ group: call.resource.group, resource: `${call.resource.resource}/${subresource}` }, name);
    },

    async update<T extends KubeObject>(stored: string, object: T, options?: ClientOptions): Promise<T> {
      const call = callFor(stored, object.metadata.namespace ?? '', object.metadata.name, options);
      const write = optionsFor('UpdateOptions', options);
      if (call.subresource === 'scale') return (await replaceScale(call, copyJson<KubeObject>(object), write)) as T;
      const own = ownForm(call.resource, object);
      applyDefaults(call.resource, own);
      return (await replaceObject(call, own, write)).object as T;
    },

    async patch<T extends KubeObject>(
      stored: string,
      namespace: string,
      name: string,
      type: PatchType,
      value: JsonObject | JsonObject[],
      options?: ClientOptions & { readonly force?: boolean },
    ): Promise<T> {
      const call = callFor(stored, namespace, name, options);
      const write = { ...optionsFor('PatchOptions', options), force: options?.force ?? false };
      const written = await patchObject(call, { type, value: copyJson<unknown>(value), problems: [] }, write);
      return written.object as T;
    },

    async delete(stored, namespace, name, options = {}) {
      const call = callFor(stored, namespace, name, undefined);
      await deleteObject(call, checkDeleteOptions(copyJson(options) as unknown as JsonObject));
    },
  };
};
