/**
 * Garbage among what extension API servers hold: no replica tells of their objects, so they are looked through every so often for as long as a
 * server is registered. Deletes what no owner holds any more, and ends deletions that ask for something about their dependents.
 */
import type { ObjectMeta, OwnerReference } from '../../kinds/object.ts';
import type { Registry } from '../../kinds/resource.ts';
import type { ApiService } from '../../kinds/types.ts';
import type { Entry } from '../../store/replica.ts';
import { type ExtensionContent, type ExtensionContents, type ExtensionResource, noExtensionContents } from '../extension-content.ts';
import { apiServices } from '../extensions.ts';
import type { ReconcileContext, Reconciler, Result } from './reconciler.ts';
import { splitKey } from './reconciler.ts';
import { deletableResources, inParallel } from './resources.ts';

const lookAgain = 15_000;
const atOnce = 8;
const foreground = 'foregroundDeletion';
const orphan = 'orphan';

export const extensionGarbageCollector = (registry: Registry, contents: ExtensionContents = noExtensionContents): Reconciler => {
  const extensions = contents.as('generic-garbage-collector');
  return {
    name: 'extension-garbage-collector',
    account: 'generic-garbage-collector',
    watches: [{ resource: apiServices }],
    async reconcile(key, context): Promise<Result> {
      const { spec } = (context.replica(apiServices).get('', splitKey(key).name)?.object as ApiService | undefined) ?? {};
      if (!spec?.service) return undefined;
      const { resources } = await extensions.discover();
      const own = resources.filter(({ group, version }) => group === spec.group && version === spec.version);
      const sweep = new Sweep(registry, extensions, resources, context);
      const errors = await inParallel(own, atOnce, resource => sweep.over(resource));
      // A server that does not answer says so in its availability.
      for (const error of errors) context.logger.debug('garbage of an extension was not looked at', { key, error: error.message });
      return { after: lookAgain };
    },
  };
};

class Sweep {
  private readonly registry: Registry;
  private readonly extensions: ExtensionContent;
  private readonly elsewhere: readonly ExtensionResource[];
  private readonly context: ReconcileContext;
  constructor(registry: Registry, extensions: ExtensionContent, elsewhere: readonly ExtensionResource[], context: ReconcileContext) {
    this.registry = registry;
    this.extensions = extensions;
    this.elsewhere = elsewhere;
    this.context = context;
  }

  async over(resource: ExtensionResource): Promise<void> {
    for (const metadata of await this.extensions.list(resource, '')) {
      const { deletionTimestamp, finalizers = [], ownerReferences = [] } = metadata;
      if (deletionTimestamp) {
        if (finalizers.includes(orphan)) await this.setFree(resource, metadata);
        else if (finalizers.includes(foreground)) await this.takeDependents(resource, metadata);
      } else if (ownerReferences.length > 0) {
        const held = await Promise.all(ownerReferences.map(reference => this.isHeld(reference, metadata)));
        if (!held.includes(true)) await this.extensions.delete(resource, metadata, 'Background');
      }
    }
  }

  /** An owner of a kind that nobody knows holds: it may be known later. */
  private async isHeld({ apiVersion, kind, name, uid }: OwnerReference, { namespace = '' }: ObjectMeta): Promise<boolean> {
    const local = this.registry.findKind(apiVersion, kind);
    if (local) {
      const replica = await this.context.replicas.open(local.storage.name);
      await replica.sync();
      return replica.get(local.namespaced ? namespace : '', name)?.object.metadata.uid === uid;
    }
    const [group = ''] = apiVersion.split('/');
    const resource = this.elsewhere.find(one => one.group === group && one.kind === kind);
    return !resource || (await this.extensions.get(resource, namespace, name))?.uid === uid;
  }

  private async dependents(ownerUid: string): Promise<{ resource: string; entry: Entry }[]> {
    const found = deletableResources(this.registry).map(async ({ storage: { name } }) => {
      const replica = await this.context.replicas.open(name);
      await replica.sync();
      return replica.list({ ownerUid }).map(entry => ({ resource: name, entry }));
    });
    return (await Promise.all(found)).flat();
  }

  private async takeDependents(resource: ExtensionResource, metadata: ObjectMeta): Promise<void> {
    const { client } = this.context;
    const dependents = await this.dependents(metadata.uid ?? '');
    const doomed = dependents.filter(({ entry }) => !entry.object.metadata.deletionTimestamp);
    const [failure] = await inParallel(doomed, atOnce, ({ resource: stored, entry: { namespace, name } }) =>
      client.delete(stored, namespace, name, { propagationPolicy: 'Background' }),
    );
    if (failure) throw failure;
    const blocks = ({ entry: { object } }: { entry: Entry }): boolean =>
      object.metadata.ownerReferences?.some(({ uid, blockOwnerDeletion }) => uid === metadata.uid && blockOwnerDeletion) ?? false;
    if (!dependents.some(blocks)) await this.release(resource, metadata, foreground);
  }

  private async setFree(resource: ExtensionResource, metadata: ObjectMeta): Promise<void> {
    const { client } = this.context;
    const [failure] = await inParallel(await this.dependents(metadata.uid ?? ''), atOnce, async ({ resource: stored, entry }) => {
      const { uid = '', resourceVersion = '', ownerReferences = [] } = entry.object.metadata;
      const others = ownerReferences.filter(reference => reference.uid !== metadata.uid).map(reference => ({ ...reference }));
      const change = { metadata: { uid, resourceVersion, ownerReferences: others.length > 0 ? others : null } };
      await client.patch(stored, entry.namespace, entry.name, 'merge', change);
    });
    if (failure) throw failure;
    await this.release(resource, metadata, orphan);
  }

  private async release(resource: ExtensionResource, metadata: ObjectMeta, finalizer: string): Promise<void> {
    const left = metadata.finalizers?.filter(one => one !== finalizer) ?? [];
    await this.extensions.setFinalizers(resource, metadata, left);
  }
}
