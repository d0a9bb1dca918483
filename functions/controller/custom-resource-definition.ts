/**
 * The life of a CustomResourceDefinition: its names are accepted unless another of the group has them, then it is established; when it is
 * deleted, its objects go first (apiextensions `pkg/controller/{status,establish,apiapproval,finalizer}`).
 *
 * Runs beside every API, with or without the other controllers: an API without it would never serve a custom resource.
 */
import type { Condition, Definition, Names } from '../../kinds/custom-resources/definition.ts';
import { conditionHolds } from '../../kinds/custom-resources/definition.ts';
import { timestamp } from '../../kinds/environment.ts';
import { semanticEqual } from '../../kinds/equality.ts';
import type { Registry } from '../../kinds/resource.ts';
import { isConflict, isNotFound } from '../../kinds/status.ts';
import type { Key, ReconcileContext, Reconciler, Result } from './reconciler.ts';
import { splitKey } from './reconciler.ts';
import { inParallel } from './resources.ts';

const resource = 'customresourcedefinitions.apiextensions.k8s.io';
const finalizer = 'customresourcecleanup.apiextensions.k8s.io';
/** Writes as the API server itself does upstream. */
const options = { fieldManager: 'kube-apiserver' };
const atOnce = 32;
/** Objects that wait for their own finalizers are looked at again. */
const lookAgain = 1000;

export const customResourceDefinitionReconciler = (registry: Registry): Reconciler => ({
  name: 'custom-resource-definitions',
  user: 'system:apiserver',
  // Two at a time could accept the same name twice.
  concurrency: 1,
  watches: [
    {
      resource,
      *keys({ type, entry, previous }, replica) {
        yield `/${entry.name}`;
        const { spec, status } = entry.object as Definition;
        const before = (previous?.object as Definition | undefined)?.status?.acceptedNames;
        // Names that were let go may be what another waits for.
        if (type === 'ADDED' || (type === 'MODIFIED' && semanticEqual(before, status?.acceptedNames))) return;
        for (const other of replica(resource).list())
          if (other.name !== entry.name && other.name.endsWith(`.${spec.group}`)) yield `/${other.name}`;
      },
    },
  ],
  async reconcile(key, context) {
    const definition = await current(key, context);
    if (!definition) return undefined;
    try {
      if (definition.metadata.deletionTimestamp && definition.metadata.finalizers?.includes(finalizer))
        return await finish(definition, registry, context);
      await accept(definition, context);
      return undefined;
    } catch (error) {
      // Changed or gone meanwhile: its event brings it here again.
      if (isConflict(error) || isNotFound(error)) return undefined;
      throw error;
    }
  },
});

const current = async (key: Key, context: ReconcileContext): Promise<Definition | undefined> => {
  const replica = context.replica(resource);
  await replica.sync();
  return replica.get('', splitKey(key).name)?.object as Definition | undefined;
};

type Judgement = Omit<Condition, 'lastTransitionTime'>;

/** In its place, or behind the others; the time stays where the status does. */
const withCondition = (conditions: readonly Condition[], next: Judgement, now: string): Condition[] => {
  const at = conditions.findIndex(({ type }) => type === next.type);
  const before = conditions[at];
  const lastTransitionTime = before?.status === next.status ? (before.lastTransitionTime ?? now) : now;
  const condition = { ...next, lastTransitionTime };
  return at < 0 ? [...conditions, condition] : conditions.map((one, i) => (i === at ? condition : one));
};

const writeStatus = async (
  definition: Definition,
  judgements: readonly Judgement[],
  context: ReconcileContext,
  acceptedNames = definition.status?.acceptedNames,
): Promise<Definition> => {
  const now = timestamp(context.clock.now());
  const before = definition.status?.conditions ?? [];
  const conditions = judgements.reduce((all, one) => withCondition(all, one, now), before);
  if (semanticEqual(conditions, before) && semanticEqual(acceptedNames, definition.status?.acceptedNames)) return definition;
  const status = { ...definition.status, conditions, ...(acceptedNames ? { acceptedNames } : {}) };
  return context.client.update(resource, { ...definition, status }, { ...options, subresource: 'status' });
};

interface Claimed {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

/** What the definitions of a group have been given. */
const claimed = (group: string, context: ReconcileContext): Claimed => {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { name, object } of context.replica(resource).list()) {
    if (!name.endsWith(`.${group}`)) continue;
    const { spec, status } = object as Definition;
    const names = status?.acceptedNames;
    if (spec.group !== group || !names) continue;
    for (const one of [names.plural, names.singular, ...(names.shortNames ?? [])]) if (one) resources.add(one);
    for (const one of [names.kind, names.listKind]) if (one) kinds.add(one);
  }
  return { resources, kinds };
};

/** Names that are free or already its own; the last conflict met is told. */
const judgeNames = (wanted: Names, own: Names | undefined, { resources, kinds }: Claimed): { names: Names; conflict?: Judgement } => {
  const names: { -readonly [K in keyof Names]: Names[K] } = { plural: '', kind: '', ...own };
  let conflict: Judgement | undefined;
  const refuse = (reason: string, ...taken: string[]): void => {
    const texts = taken.map(name => `${JSON.stringify(name)} is already in use`);
    const message = texts.length > 1 ? `[${texts.join(', ')}]` : (texts[0] ?? '');
    conflict = { type: 'NamesAccepted', status: 'False', reason, message };
  };
  const settle = (field: 'plural' | 'singular' | 'kind' | 'listKind', used: ReadonlySet<string>): void => {
    const name = wanted[field] ?? '';
    if (name !== (own?.[field] ?? '') && used.has(name)) refuse(`${field.charAt(0).toUpperCase()}${field.slice(1)}Conflict`, name);
    else names[field] = name;
  };
  settle('plural', resources);
  settle('singular', resources);
  const taken = (wanted.shortNames ?? []).filter(name => !own?.shortNames?.includes(name) && resources.has(name));
  if (taken.length > 0) refuse('ShortNamesConflict', ...new Set(taken));
  else if (wanted.shortNames) names.shortNames = wanted.shortNames;
  else delete names.shortNames;
  settle('kind', kinds);
  settle('listKind', kinds);
  if (wanted.categories) names.categories = wanted.categories;
  else delete names.categories;
  return conflict ? { names, conflict } : { names };
};

const accept = async (definition: Definition, context: ReconcileContext): Promise<void> => {
  const { names, conflict } = judgeNames(definition.spec.names, definition.status?.acceptedNames, claimed(definition.spec.group, context));
  const judgements: Judgement[] = [
    conflict ?? { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
  ];
  // Once established it stays so: its objects are there.
  if (!conditionHolds(definition, 'Established'))
    judgements.push(
      conflict
        ? { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }
        : { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' },
    );
  const approval = judgeApproval(definition);
  if (approval) judgements.push(approval);
  await writeStatus(definition, judgements, context, names);
};

const annotation = 'api-approved.kubernetes.io';
const see = 'see https://github.com/kubernetes/enhancements/pull/1111';
/** Groups of the Kubernetes community are told whether their API was approved. */
const judgeApproval = ({ metadata, spec }: Definition): Judgement | undefined => {
  if (!/(^|\.)(k8s\.io|kubernetes\.io)$/.test(spec.group)) return undefined;
  const judge = (status: string, reason: string, message: string): Judgement => ({
    type: 'KubernetesAPIApprovalPolicyConformant',
    status,
    reason,
    message,
  });
  const text = metadata.annotations?.[annotation] ?? '';
  const must = `protected groups must have approval annotation "${annotation}"`;
  if (!text) return judge('False', 'MissingAnnotation', `${must}, ${see}`);
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(text)) return judge('True', 'ApprovedAnnotation', `approved in ${text}`);
  if (text.startsWith('unapproved')) return judge('False', 'UnapprovedAnnotation', `not approved: ${JSON.stringify(text)}`);
  return judge('False', 'InvalidAnnotation', `${must} with either a URL or a reason starting with "unapproved", ${see}`);
};

const terminating = (status: string, reason: string, message: string): Judgement => ({ type: 'Terminating', status, reason, message });

const finish = async (definition: Definition, registry: Registry, context: ReconcileContext): Promise<Result> => {
  const { name } = definition.metadata;
  let now = definition;
  const served = registry.findStored(name);
  if (!conditionHolds(definition, 'Established') || !served) {
    now = await writeStatus(now, [terminating('False', 'NeverEstablished', 'resource was never established')], context);
    return release(now, context);
  }
  now = await writeStatus(now, [terminating('True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress')], context);
  const replica = await context.replicas.open(name);
  await replica.sync();
  const doomed = replica.list().filter(({ object }) => !object.metadata.deletionTimestamp);
  const errors = await inParallel(doomed, atOnce, async entry => {
    try {
      await context.client.delete(name, entry.namespace, entry.name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  });
  if (errors.length > 0) {
    const message = `could not issue all deletes: ${errors.map(error => error.message).join(', ')}`;
    await writeStatus(now, [terminating('True', 'InstanceDeletionFailed', message)], context);
    throw errors[0];
  }
  await replica.sync();
  if (replica.list().length > 0) return { after: lookAgain };
  now = await writeStatus(now, [terminating('False', 'InstanceDeletionCompleted', 'removed all instances')], context);
  return release(now, context);
};

const release = async ({ metadata }: Definition, context: ReconcileContext): Promise<Result> => {
  const { uid = '', resourceVersion = '', name } = metadata;
  const finalizers = (metadata.finalizers ?? []).filter(each => each !== finalizer);
  const change = { metadata: { uid, resourceVersion, finalizers: finalizers.length > 0 ? finalizers : null } };
  await context.client.patch(resource, '', name, 'merge', change, options);
  return undefined;
};
