/** Controller references: who manages an object, adoption of orphans, release of what no longer matches (upstream: `controller_ref_manager.go`). */
import type { JsonObject, KubeObject, OwnerReference } from '../../kinds/object.ts';
import { equalities, type LabelRequirements, matchesLabels } from '../../kinds/selector/label-selector.ts';
import { conflict, isInvalid, isNotFound } from '../../kinds/status.ts';
import type { Replica, ReplicaEvent } from '../../store/replica.ts';
import type { Client } from '../client.ts';
import type { Key } from './reconciler.ts';

export interface OwnerKind {
  /** The store's name: `replicasets.apps`. */
  readonly resource: string;
  readonly apiVersion: string;
  readonly kind: string;
}

export const controllerOf = (object: KubeObject): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find(reference => reference.controller === true);

export const controllerReference = (owner: KubeObject, kind: OwnerKind): OwnerReference => ({
  apiVersion: kind.apiVersion,
  kind: kind.kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid ?? '',
  controller: true,
  blockOwnerDeletion: true,
});

const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '');

/** Keys of the owners of a kind that a change of a dependent concerns: who controls it now, and who did before. */
export const ownerKeys = (event: ReplicaEvent, kind: OwnerKind): Set<Key> => {
  const keys = new Set<Key>();
  for (const entry of [event.entry, event.previous]) {
    const reference = entry && controllerOf(entry.object);
    if (reference?.kind === kind.kind && groupOf(reference.apiVersion) === groupOf(kind.apiVersion)) {
      keys.add(`${entry?.namespace ?? ''}/${reference.name}`);
    }
  }
  return keys;
};

/** An object without controller has appeared, or its labels or owners changed: whoever selects it may want it. */
export const orphanChanged = (event: ReplicaEvent): boolean =>
  event.type !== 'DELETED' &&
  !controllerOf(event.entry.object) &&
  (!event.previous ||
    JSON.stringify(event.previous.object.metadata.labels) !== JSON.stringify(event.entry.object.metadata.labels) ||
    controllerOf(event.previous.object) !== undefined);

export interface Claim {
  readonly owner: KubeObject;
  readonly kind: OwnerKind;
  readonly selector: LabelRequirements;
  /** Of the dependents. */
  readonly replica: Replica;
  readonly client: Client;
  /** Which orphans may be adopted; default all. */
  readonly adoptable?: (object: KubeObject) => boolean;
}

/** The dependents that the owner controls after adopting matching orphans and releasing its own that match no more. */
export const claim = async ({ owner, kind, selector, replica, client, adoptable }: Claim): Promise<KubeObject[]> => {
  const namespace = owner.metadata.namespace ?? '';
  const uid = owner.metadata.uid ?? '';
  const claimed: KubeObject[] = [];
  for (const { object } of replica.list({ namespace, ownerUid: uid })) {
    if (controllerOf(object)?.uid !== uid) continue;
    if (matchesLabels(selector, object.metadata.labels)) claimed.push(object);
    else if (!owner.metadata.deletionTimestamp) await release(client, replica.resource, object, uid);
  }
  if (owner.metadata.deletionTimestamp) return claimed;
  let checked = false;
  for (const { object } of replica.list({ namespace, labels: equalities(selector) })) {
    if (controllerOf(object) || object.metadata.deletionTimestamp || !matchesLabels(selector, object.metadata.labels)) continue;
    if (adoptable && !adoptable(object)) continue;
    // The owner may have been deleted since it was read; an orphan must not be given to a dying owner.
    if (!checked) {
      const fresh = await client.get(kind.resource, namespace, owner.metadata.name);
      if (fresh.metadata.uid !== uid || fresh.metadata.deletionTimestamp) {
        throw conflict({ group: groupOf(kind.apiVersion), resource: kind.resource }, owner.metadata.name, 'the owner is being deleted');
      }
      checked = true;
    }
    const adopted = await adopt(client, replica.resource, object, controllerReference(owner, kind));
    if (adopted) claimed.push(adopted);
  }
  return claimed;
};

const adopt = async (client: Client, resource: string, object: KubeObject, reference: OwnerReference): Promise<KubeObject | undefined> => {
  const patch = { metadata: { uid: object.metadata.uid ?? '', ownerReferences: [{ ...reference }] } };
  try {
    return await client.patch(resource, object.metadata.namespace ?? '', object.metadata.name, 'strategic', patch as JsonObject);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
};

const release = async (client: Client, resource: string, object: KubeObject, ownerUid: string): Promise<void> => {
  const patch = { metadata: { uid: object.metadata.uid ?? '', ownerReferences: [{ $patch: 'delete', uid: ownerUid }] } };
  try {
    await client.patch(resource, object.metadata.namespace ?? '', object.metadata.name, 'strategic', patch);
  } catch (error) {
    // Gone, or replaced by another of the same name: nothing is left to release.
    if (!isNotFound(error) && !isInvalid(error)) throw error;
  }
};
