/** A pod is deleted unless a disruption budget forbids it (kubernetes `pkg/registry/core/pod/storage/eviction.go`). */
import { timestamp } from '../../../kinds/environment.ts';
import type { JsonObject, KubeObject } from '../../../kinds/object.ts';
import { fromLabelSelector, matchesLabels } from '../../../kinds/selector/label-selector.ts';
import { badRequest, forbidden, notFound, StatusError } from '../../../kinds/status.ts';
import type { Pod } from '../../../kinds/types.ts';
import { decodeSent, readBody, recordSent, report, statedVersion, targetOf } from '../body.ts';
import { type Answer, type Call, type Exchange, groupResource, objectAnswer, syncedReplica, type WriteOptions } from '../context.ts';
import { deleteObject } from '../deletion.ts';
import { mutate } from '../mutate.ts';
import { bodyType } from '../negotiate.ts';
import { checkDeleteOptions, type DeleteOptions, writeOptions } from '../options.ts';
import { validate } from '../validate.ts';
import { amend } from './amend.ts';
import { success } from './binding.ts';

interface Budget extends KubeObject {
  spec?: { selector?: Parameters<typeof fromLabelSelector>[0]; unhealthyPodEvictionPolicy?: string };
  status?: {
    observedGeneration?: number;
    disruptionsAllowed?: number;
    currentHealthy?: number;
    desiredHealthy?: number;
    disruptedPods?: Record<string, string>;
    conditions?: { type: string; status: string; reason?: string; message?: string; lastTransitionTime?: string }[];
  };
}

const budgets = 'poddisruptionbudgets.policy';

export const evict = async (exchange: Exchange): Promise<Answer> => {
  const options = writeOptions('CreateOptions', exchange.info.query, exchange.request.headers.get('user-agent'));
  const eviction = await decodeEviction(exchange, options);
  if (eviction.metadata.name !== exchange.name) throw badRequest('name in URL does not match name in Eviction object');
  return objectAnswer(201, await evictPod(exchange, eviction, options.dryRun, options.raw));
};

/** Clients of old send `policy/v1beta1`, which has the same form. */
const decodeEviction = async (exchange: Exchange, { fieldValidation }: WriteOptions): Promise<KubeObject> => {
  const type = bodyType(exchange.request.headers.get('content-type'));
  const body = await readBody(exchange);
  const target = targetOf('policy', 'v1', 'Eviction');
  const strict = fieldValidation !== 'Ignore';
  const stated = await statedVersion(body, type);
  const { object, problems } = await decodeSent(stated === 'policy/v1beta1' ? { ...target, version: 'v1beta1' } : target, body, type, {
    strict,
  });
  report(exchange, fieldValidation, problems, why => badRequest(`Eviction in version "v1" cannot be handled as a Eviction: ${why}`));
  recordSent(exchange, target, object);
  return object;
};

/** `call.name` is the pod's. */
export const evictPod = async (
  call: Call,
  eviction: KubeObject,
  dryRun: boolean,
  raw: Readonly<Record<string, unknown>>,
): Promise<KubeObject> => {
  const sent = (eviction['deleteOptions'] ?? {}) as { dryRun?: string[] };
  const trial = dryRun || (sent.dryRun?.length ?? 0) > 0;
  const admission = { operation: 'CREATE' as const, object: eviction, dryRun: trial, options: raw };
  await mutate(call, admission);
  await validate(call, admission);
  const pods = await syncedReplica(call.services, call.resource.storage.name);
  const pod = pods.get(call.namespace, call.name)?.object as Pod | undefined;
  if (!pod) throw notFound(groupResource(call.resource), call.name);
  const options: DeleteOptions = { ...checkDeleteOptions(sent as JsonObject), dryRun: trial };
  const wanted = options.preconditions?.uid;
  if (wanted !== undefined && wanted !== pod.metadata.uid) throw notFound(groupResource(call.resource), call.name);
  const now = timestamp(call.services.clock.now());
  if (!goesAnyway(pod)) await spendBudget(call, pod, options.dryRun);
  // Whoever watches the pod learns why it goes.
  await amend({ ...call, guards: [] }, options.dryRun, object => markEvicted(object as Pod, now));
  await deleteObject({ ...call, subresource: '' }, options);
  return success();
};

/** Pods that do not run, or are on their way out, cost no budget. */
const goesAnyway = ({ metadata, status }: Pod): boolean =>
  Boolean(metadata.deletionTimestamp) || ['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? 'Pending');

const markEvicted = (pod: Pod, now: string): void => {
  pod.status ??= {};
  const before = pod.status.conditions?.find(({ type }) => type === 'DisruptionTarget');
  const others = (pod.status.conditions ?? []).filter(({ type }) => type !== 'DisruptionTarget');
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastProbeTime: null as unknown as string,
    lastTransitionTime: before?.status === 'True' ? (before.lastTransitionTime ?? now) : now,
  };
  pod.status.conditions = [...others, condition];
};

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;

const spendBudget = async (call: Call, pod: Pod, dryRun: boolean): Promise<void> => {
  const resource = call.services.registry.findStored(budgets);
  if (!resource) return;
  const replica = await syncedReplica(call.services, budgets);
  const matching = replica
    .list({ namespace: call.namespace })
    .filter(({ object }) => matchesLabels(fromLabelSelector((object as Budget).spec?.selector), pod.metadata.labels));
  if (matching.length > 1)
    throw new StatusError(500, '', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  const [entry] = matching;
  if (!entry) return;
  if (!isReady(pod) && unhealthyMayGo(entry.object as Budget)) return;
  const own = { ...call, resource, subresource: 'status', name: entry.name, guards: [] };
  await amend(own, dryRun, object => spend(object as Budget, pod.metadata.name, timestamp(call.services.clock.now())));
};

const unhealthyMayGo = ({ spec, status = {} }: Budget): boolean =>
  spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow' ||
  ((status.currentHealthy ?? 0) >= (status.desiredHealthy ?? 0) && (status.desiredHealthy ?? 0) > 0);

const mostDisrupted = 2000;

const refused = (cause: string): StatusError =>
  new StatusError(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message: cause }],
  });

/** A budget whose count could not be made says so; else there are too few pods, or the controller has another reason. */
const whyNone = ({ currentHealthy = 0, desiredHealthy = 0, conditions }: NonNullable<Budget['status']>): string => {
  const told = conditions?.find(({ type, status, message }) => type === 'DisruptionAllowed' && status === 'False' && message);
  const not = 'does not allow evicting pods currently';
  if (told?.reason === 'SyncFailed') return `${not} because it failed sync: ${told.message}`;
  if (currentHealthy <= desiredHealthy) return `needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  return told ? `${not} (${told.reason}): ${told.message}` : not;
};

const spend = (budget: Budget, pod: string, now: string): void => {
  const { metadata } = budget;
  budget.status ??= {};
  const { status } = budget;
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    const error = refused(`The disruption budget ${metadata.name} is still being processed by the server.`);
    error.status.details = { ...error.status.details, retryAfterSeconds: 10 };
    throw error;
  }
  const allowed = status.disruptionsAllowed ?? 0;
  const confused = (why: string) => forbidden({ group: 'policy', resource: 'poddisruptionbudget' }, metadata.name, why);
  if (allowed < 0) throw confused('pdb disruptions allowed is negative');
  if (Object.keys(status.disruptedPods ?? {}).length > mostDisrupted)
    throw confused('DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (allowed === 0) throw refused(`The disruption budget ${metadata.name} ${whyNone(status)}`);
  status.disruptionsAllowed = allowed - 1;
  status.disruptedPods = { ...status.disruptedPods, [pod]: now };
  if (status.disruptionsAllowed > 0) return;
  const before = status.conditions?.find(({ type }) => type === 'DisruptionAllowed');
  const condition = {
    type: 'DisruptionAllowed',
    status: 'False',
    reason: 'InsufficientPods',
    message: '',
    observedGeneration: status.observedGeneration ?? 0,
  };
  const lastTransitionTime = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
  status.conditions = [...(status.conditions ?? []).filter(({ type }) => type !== condition.type), { ...condition, lastTransitionTime }];
};
