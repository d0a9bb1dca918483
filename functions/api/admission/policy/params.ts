/** The objects that a binding hands to its policy (apiserver `pkg/admission/plugin/policy/generic/policy_dispatcher.go`). */
import type { KubeObject } from '../../../../kinds/object.ts';
import type { Registry } from '../../../../kinds/resource.ts';
import { fromLabelSelector, matchesLabels } from '../../../../kinds/selector/label-selector.ts';
import type { ParamKind, ParamRef } from '../../../../kinds/strategies/admission-rules.ts';
import type { Replicas } from '../../../../store/replica.ts';

/** A policy that cannot be asked, as it is set up. */
export class ConfigurationError extends Error {
  /** Whether the policy is wrong itself, rather than what a binding makes of it. */
  readonly ofPolicy: boolean;
  constructor(message: string, ofPolicy = false) {
    super(message);
    this.ofPolicy = ofPolicy;
  }
}

interface Sources {
  readonly replicas: Replicas;
  readonly registry: Registry;
}

/** Undefined stands for no parameter: the policy is asked once, without. */
export const collectParams = async (
  { replicas, registry }: Sources,
  kind: ParamKind | undefined,
  reference: ParamRef | undefined,
  requestNamespace: string,
): Promise<readonly (KubeObject | undefined)[]> => {
  if (!kind) return [undefined];
  const resource = registry.findKind(kind.apiVersion ?? '', kind.kind ?? '');
  if (!resource)
    throw new ConfigurationError(`failed to find resource referenced by paramKind: '${kind.apiVersion}, Kind=${kind.kind}'`, true);
  if (!reference) return [undefined];
  if (reference.namespace && !resource.namespaced)
    throw new ConfigurationError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  const namespace = resource.namespaced ? reference.namespace || requestNamespace : '';
  if (resource.namespaced && !namespace)
    throw new ConfigurationError('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  const replica = replicas.loaded(resource.storage.name) ?? (await replicas.open(resource.storage.name));
  await replica.sync();
  const served = (object: KubeObject): KubeObject => resource.storage.fromStored?.(object) ?? object;
  const named = reference.name ? replica.get(namespace, reference.name) : undefined;
  const wanted = reference.name ? undefined : fromLabelSelector(reference.selector);
  const entries = wanted
    ? replica.list({ namespace }).filter(({ object }) => matchesLabels(wanted, object.metadata.labels))
    : [named].filter(entry => entry !== undefined);
  if (entries.length === 0 && reference.parameterNotFoundAction === 'Deny')
    throw new ConfigurationError('no params found for policy binding with `Deny` parameterNotFoundAction');
  return entries.map(({ object }) => served(object));
};
