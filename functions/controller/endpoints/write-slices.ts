/** Makes the EndpointSlices of one Service what they should be. */
import { semanticEqual } from '../../../kinds/equality.ts';
import { isNotFound } from '../../../kinds/status.ts';
import type { EndpointSlice } from '../../../kinds/types.ts';
import { nthSuffix } from '../names.ts';
import type { OwnerKind } from '../owners.ts';
import { controllerOf, controllerReference } from '../owners.ts';
import type { ReconcileContext } from '../reconciler.ts';
import type { AddressType } from './selection.ts';
import { type Group, planSlices } from './slices.ts';

export const slicesResource = 'endpointslices.discovery.k8s.io';
export const serviceLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';

export interface SlicesOf {
  /** Service or Endpoints. */
  readonly owner: { metadata: { name: string; namespace?: string; uid?: string } };
  readonly kind: OwnerKind;
  readonly service: string;
  readonly manager: string;
  readonly labels: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly types: readonly AddressType[];
  groups(): readonly Group[];
}

/** The guard of the owner is read before all that is decided on, so that two copies do not both make the slice that is missing. */
export const writeSlices = async (of: SlicesOf, context: ReconcileContext): Promise<void> => {
  const { owner, manager } = of;
  const namespace = owner.metadata.namespace ?? '';
  const row = `made/${owner.metadata.uid}`;
  let seen = await context.log.guard(row);
  await Promise.all([context.replica(slicesResource).sync(), context.replica('pods').sync()]);
  const own = context
    .replica(slicesResource)
    .list({ namespace, labels: { [serviceLabel]: of.service, [managedByLabel]: manager } })
    .map(entry => entry.object as unknown as EndpointSlice)
    .filter(slice => !slice.metadata.deletionTimestamp);
  const [current, foreign] = [own.filter(slice => isOwned(slice, of)), own.filter(slice => !isOwned(slice, of))];
  const plan = planSlices(current, of.groups(), of.types);
  const labels = { ...of.labels, [serviceLabel]: of.service, [managedByLabel]: manager };

  for (const { addressType, ports, endpoints } of plan.create) {
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${of.service.slice(0, 247)}-${nthSuffix(owner.metadata.uid ?? '', seen)}`,
        generateName: `${of.service}-`,
        namespace,
        labels,
        ...(of.annotations ? { annotations: of.annotations } : {}),
        ownerReferences: [controllerReference(owner as never, of.kind)],
      },
      addressType,
      ports,
      endpoints,
    } as unknown as EndpointSlice;
    await context.client.create(slicesResource, slice, { guards: [{ row, seen }] });
    seen++;
  }
  const updated = new Map(plan.update.map(({ slice, content }) => [slice, content]));
  const removed = new Set(plan.remove);
  for (const slice of current) {
    if (removed.has(slice)) continue;
    const content = updated.get(slice);
    if (!content && semanticEqual(slice.metadata.labels, labels)) continue;
    const next = { ...slice, ...content, metadata: { ...slice.metadata, labels } } as unknown as EndpointSlice;
    await context.client.update(slicesResource, next);
  }
  for (const slice of [...plan.remove, ...foreign]) {
    try {
      await context.client.delete(slicesResource, namespace, slice.metadata.name, { preconditions: { uid: slice.metadata.uid ?? '' } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
};

const isOwned = (slice: EndpointSlice, { owner }: SlicesOf): boolean => {
  const reference = controllerOf(slice) ?? slice.metadata.ownerReferences?.[0];
  return reference === undefined || reference.uid === owner.metadata.uid;
};
