import { isNotFound } from '../../kinds/status.ts';
import type { ConfigMap, Container, Secret } from '../../kinds/types.ts';
import { fieldValue, type NodeResources, type PodAddresses, resourceValue } from './downward.ts';
import { expand } from './expansion.ts';
import { type BoundPod, namespaceOf, rolesOf } from './pod.ts';

/** Where a container's variables come from. Both throw a 404 `StatusError` for an object that is not there. */
export interface Sources {
  configMap(namespace: string, name: string): Promise<ConfigMap>;
  secret(namespace: string, name: string): Promise<Secret>;
}

export interface EnvironmentInput {
  pod: BoundPod;
  container: Container;
  addresses: PodAddresses;
  node: NodeResources;
  services: ReadonlyMap<string, string>;
  sources: Sources;
}

const decode = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

const unlessOptional = async <T>(object: Promise<T>, optional: boolean | undefined): Promise<T | undefined> => {
  try {
    return await object;
  } catch (error) {
    if (optional && isNotFound(error)) return undefined;
    throw error;
  }
};

/**
 * A container's variables in the order of their declaration; later ones see earlier ones in `$(NAME)`. Service variables come last and
 * never replace a declared one (kubelet `makeEnvironmentVariables`).
 */
export const environment = async ({
  pod,
  container,
  addresses,
  node,
  services,
  sources,
}: EnvironmentInput): Promise<Map<string, string>> => {
  const namespace = namespaceOf(pod);
  const result = new Map<string, string>();

  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef) {
      const map = await unlessOptional(sources.configMap(namespace, configMapRef.name ?? ''), configMapRef.optional);
      for (const [key, value] of Object.entries(map?.data ?? {})) result.set(prefix + key, value);
    } else if (secretRef) {
      const secret = await unlessOptional(sources.secret(namespace, secretRef.name ?? ''), secretRef.optional);
      for (const [key, value] of Object.entries(secret?.data ?? {})) result.set(prefix + key, decode(value));
    }
  }

  const lookup = (name: string) => result.get(name) ?? services.get(name);
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (value || !valueFrom) {
      result.set(name, expand(value ?? '', lookup));
      continue;
    }
    const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
    if (fieldRef) result.set(name, fieldValue(fieldRef.fieldPath, pod, addresses));
    else if (resourceFieldRef) {
      const owner = resourceFieldRef.containerName
        ? rolesOf(pod).find(role => role.container.name === resourceFieldRef.containerName)?.container
        : container;
      if (!owner) throw new Error(`container ${resourceFieldRef.containerName} not found`);
      result.set(name, resourceValue(resourceFieldRef, owner, node));
    } else if (configMapKeyRef) {
      const map = await unlessOptional(sources.configMap(namespace, configMapKeyRef.name ?? ''), configMapKeyRef.optional);
      const found = map?.data && Object.hasOwn(map.data, configMapKeyRef.key) ? map.data[configMapKeyRef.key] : undefined;
      if (found !== undefined) result.set(name, found);
      else if (!configMapKeyRef.optional) {
        throw new Error(`couldn't find key ${configMapKeyRef.key} in ConfigMap ${namespace}/${configMapKeyRef.name}`);
      }
    } else if (secretKeyRef) {
      const secret = await unlessOptional(sources.secret(namespace, secretKeyRef.name ?? ''), secretKeyRef.optional);
      const found = secret?.data && Object.hasOwn(secret.data, secretKeyRef.key) ? secret.data[secretKeyRef.key] : undefined;
      if (found !== undefined) result.set(name, decode(found));
      else if (!secretKeyRef.optional) {
        throw new Error(`couldn't find key ${secretKeyRef.key} in Secret ${namespace}/${secretKeyRef.name}`);
      }
    }
  }
  for (const [name, value] of services) if (!result.has(name)) result.set(name, value);
  return result;
};

/** Command and arguments with `$(NAME)` of the final variables replaced. */
export const expandAll = (words: string[] | undefined, variables: ReadonlyMap<string, string>): string[] | undefined =>
  words?.map(word => expand(word, name => variables.get(name)));
