/**
 * The objects of flow control: whether what a FlowSchema refers to is there (`Dangling`), and that those a cluster starts with stay (apiserver
 * `flowcontrol/apf_controller.go`; kubernetes `pkg/registry/flowcontrol/ensurer`). Both run beside every API, as upstream's servers do it themselves.
 */
import { timestamp } from '../../kinds/environment.ts';
import { semanticEqual } from '../../kinds/equality.ts';
import type { KubeObject } from '../../kinds/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../kinds/status.ts';
import type { FlowSchema } from '../../kinds/types.ts';
import { type Key, type ReconcileContext, type Reconciler, type Result, splitKey } from './reconciler.ts';

const group = 'flowcontrol.apiserver.k8s.io';
const schemas = `flowschemas.${group}`;
const levels = `prioritylevelconfigurations.${group}`;
const resources: Readonly<Record<string, string>> = { FlowSchema: schemas, PriorityLevelConfiguration: levels };
const user = 'system:apiserver';

export const flowSchemaReconciler: Reconciler = {
  name: 'flow-schemas',
  user,
  watches: [
    { resource: schemas },
    {
      resource: levels,
      *keys({ type, entry }, replica) {
        if (type === 'MODIFIED') return;
        for (const { name, object } of replica(schemas).list())
          if ((object as FlowSchema).spec?.priorityLevelConfiguration.name === entry.name) yield `/${name}`;
      },
    },
  ],
  async reconcile(key, context) {
    const { name } = splitKey(key);
    const schema = context.replica(schemas).get('', name)?.object as FlowSchema | undefined;
    if (!schema) return undefined;
    const level = schema.spec?.priorityLevelConfiguration.name ?? '';
    const found = context.replica(levels).get('', level) !== undefined;
    const about = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
    const wanted = found
      ? { status: 'False', reason: 'Found', message: `${about} and it exists` }
      : { status: 'True', reason: 'NotFound', message: `${about} but there is no such object` };
    const now = schema.status?.conditions?.find(({ type }) => type === 'Dangling');
    const { status, reason, message } = now ?? {};
    if (status === wanted.status && reason === wanted.reason && message === wanted.message) return undefined;
    const condition = { type: 'Dangling', lastTransitionTime: timestamp(context.clock.now()), ...wanted };
    const patch = { apiVersion: `${group}/v1`, kind: 'FlowSchema', metadata: { name }, status: { conditions: [condition] } };
    const options = { subresource: 'status', fieldManager: 'api-priority-and-fairness-config-consumer-v1', force: true };
    // A schema that is gone needs no condition, and applying to it would try to make it.
    await context.client.patch(schemas, '', name, 'apply', patch, options).catch(unless(isNotFound));
    return undefined;
  },
};

/** The objects' annotation: `true` keeps the spec as delivered, `false` lets administrators change it. */
const autoUpdate = 'apf.kubernetes.io/autoupdate-spec';
const mandatory = new Set(['exempt', 'catch-all']);
const options = { fieldManager: 'api-priority-and-fairness-config-producer-v1' };

/** `bootstrap`: all objects a cluster starts with; those of flow control are kept. */
export const flowControlBootstrapReconcilers = (bootstrap: readonly KubeObject[]): Reconciler[] =>
  Object.entries(resources).map(([kind, resource]) => {
    const delivered = new Map(bootstrap.filter(object => object.kind === kind).map(object => [object.metadata.name, object]));
    return {
      name: `flow-control-bootstrap-${kind.toLowerCase()}`,
      user,
      watches: [{ resource }],
      reconcile: (key, context) => keep(resource, key, delivered, context),
    };
  });

const keep = async (resource: string, key: Key, delivered: ReadonlyMap<string, KubeObject>, context: ReconcileContext): Promise<Result> => {
  const { name } = splitKey(key);
  const wanted = delivered.get(name);
  const current = context.replica(resource).get('', name)?.object;
  if (!wanted) {
    // Delivered by an earlier release.
    if (current?.metadata.annotations?.[autoUpdate] === 'true')
      await context.client
        .delete(resource, '', name, { preconditions: { uid: current.metadata.uid ?? '' } })
        .catch(unless(isNotFound, isConflict));
    return undefined;
  }
  const { spec } = wanted;
  if (!current) {
    const { apiVersion, kind } = wanted;
    const annotations = { [autoUpdate]: 'true' };
    await context.client
      .create(resource, { apiVersion, kind, metadata: { name, annotations }, spec }, options)
      .catch(unless(isAlreadyExists));
    return undefined;
  }
  const said = current.metadata.annotations?.[autoUpdate];
  const keepSpec = mandatory.has(name) || said === 'true' || (said !== 'false' && current.metadata.generation === 1);
  const isAsDelivered = semanticEqual(current['spec'], spec);
  if (said === String(keepSpec) && (!keepSpec || isAsDelivered)) return undefined;
  const annotations = { ...current.metadata.annotations, [autoUpdate]: String(keepSpec) };
  const next = { ...current, metadata: { ...current.metadata, annotations }, ...(keepSpec ? { spec } : {}) };
  // Changed or gone meanwhile: its event brings it here again.
  await context.client.update(resource, next, options).catch(unless(isConflict, isNotFound));
  return undefined;
};

const unless =
  (...expected: readonly ((error: unknown) => boolean)[]) =>
  (error: unknown): void => {
    if (!expected.some(test => test(error))) throw error;
  };
