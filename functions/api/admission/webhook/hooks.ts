/** Webhooks as they are configured, and one call of one of them (apiserver `pkg/admission/plugin/webhook`). */
import type { Clock, Random } from '../../../../kinds/environment.ts';
import type { JsonObject, KubeObject } from '../../../../kinds/object.ts';
import type { Registry, Resource } from '../../../../kinds/resource.ts';
import { badRequest, internalError, StatusError } from '../../../../kinds/status.ts';
import type { MatchCondition, MatchResources } from '../../../../kinds/strategies/admission-rules.ts';
import type { Replica, Replicas } from '../../../../store/replica.ts';
import type { AdmissionRequest } from '../../admission.ts';
import { toServed, toStored } from '../../context.ts';
import type { Authorizer } from '../../types.ts';
import { copyJson } from '../../wire.ts';
import { compileConditions, Evaluation, type Expression, reviewRequest } from '../policy/expressions.ts';
import { isExempt, matches, meantResource, namespaceOf } from '../policy/matching.ts';
import { addressOf, type ClientConfig, failureOf, textOfReview, type WebhookCaller } from './caller.ts';

export interface WebhookDependencies {
  readonly replicas: Replicas;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly caller: WebhookCaller;
  /** Answers conditions that ask it. */
  readonly authorizer?: Authorizer | undefined;
}

interface Webhook {
  name: string;
  clientConfig: ClientConfig;
  rules?: MatchResources['resourceRules'];
  failurePolicy?: string;
  matchPolicy?: string;
  namespaceSelector?: MatchResources['namespaceSelector'];
  objectSelector?: MatchResources['objectSelector'];
  sideEffects?: string;
  timeoutSeconds?: number;
  admissionReviewVersions?: string[];
  matchConditions?: MatchCondition[];
  reinvocationPolicy?: string;
}
export interface Hook extends Webhook {
  readonly conditions: readonly Expression[];
}

/** A webhook that is concerned, and what it is shown: the request in a version that it knows. */
export interface Concerned {
  readonly hook: Hook;
  readonly seen: AdmissionRequest;
}

const staleness = 1000;

/** In the order of the configurations' names. */
export const webhooksOf = ({ replicas, clock }: WebhookDependencies, resource: string): (() => Promise<readonly Hook[]>) => {
  let hooks: readonly Hook[] | undefined;
  let synced = 0;
  let opening: Promise<Replica> | undefined;
  const open = async (): Promise<Replica> => {
    const replica = await replicas.open(resource);
    replica.subscribe(() => {
      hooks = undefined;
    });
    return replica;
  };
  return async () => {
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    const replica = await opening;
    if (clock.now() - synced >= staleness) {
      synced = clock.now();
      await replica.sync();
    }
    hooks ??= replica.list().flatMap(({ object }) =>
      ((object as KubeObject & { webhooks?: Webhook[] }).webhooks ?? []).map(webhook => ({
        ...webhook,
        conditions: compileConditions(webhook.matchConditions, false),
      })),
    );
    return hooks;
  };
};

const failedCalling = ({ name }: Hook, why: string): string => `failed calling webhook ${JSON.stringify(name)}: ${why}`;

/** Those that are to be called. Throws where a condition that must be known is not. */
export const selectHooks = async (
  { replicas, registry, authorizer }: WebhookDependencies,
  all: readonly Hook[],
  request: AdmissionRequest,
): Promise<readonly Concerned[]> => {
  if (all.length === 0 || isExempt(request)) return [];
  const namespace = await namespaceOf(replicas, request);
  const chosen: Concerned[] = [];
  for (const hook of all) {
    if (!hook.rules?.length) continue;
    const { rules, matchPolicy, namespaceSelector, objectSelector } = hook;
    const match = { resourceRules: rules, matchPolicy, namespaceSelector, objectSelector } as MatchResources;
    if (!matches(match, request, registry, () => namespace?.metadata.labels)) continue;
    const seen = inVersionOf(request, meantResource(rules, request, matchPolicy === 'Exact', registry) ?? request.resource);
    if (hook.conditions.length > 0) {
      const { holds, error } = await new Evaluation({ request: seen, namespace, authorizer }).conditions(hook.conditions);
      if (error !== undefined && hook.failurePolicy !== 'Ignore') throw refusedBy(request, error);
      if (!holds) continue;
    }
    chosen.push({ hook, seen });
  }
  return chosen;
};
/** Objects of subresources have a form of their own, which has no other versions here. */
const inVersionOf = (request: AdmissionRequest, resource: Resource): AdmissionRequest => {
  if (resource === request.resource || request.subresource) return request;
  const { object, previous } = request;
  const convert = (one: KubeObject): KubeObject => copyJson(toServed(resource, toStored(request.resource, one)));
  return { ...request, resource, ...(object ? { object: convert(object) } : {}), ...(previous ? { previous: convert(previous) } : {}) };
};

const refusedBy = ({ resource, name }: AdmissionRequest, why: string): StatusError =>
  new StatusError(
    403,
    'Forbidden',
    `${resource.resource}${resource.group ? `.${resource.group}` : ''} ${JSON.stringify(name)} is forbidden: ${why}`,
    {
      name,
      ...(resource.group ? { group: resource.group } : {}),
      kind: resource.resource,
    },
  );

interface Answer {
  uid?: string;
  allowed?: boolean;
  status?: { code?: number; reason?: string; message?: string; details?: JsonObject };
  patch?: string;
  patchType?: string;
  warnings?: string[];
  auditAnnotations?: Record<string, string>;
}

const denial = ({ name }: Hook, { code = 0, reason = '', message = '', details }: NonNullable<Answer['status']>): StatusError => {
  const by = `admission webhook ${JSON.stringify(name)} denied the request`;
  const text = message || reason ? `${by}: ${message || reason}` : `${by} without explanation`;
  return new StatusError(Math.max(400, code), reason, text, (details ?? undefined) as never);
};

/** Undefined: it could not be called, and does not mind. */
export const callHook = async (
  { replicas, caller, random }: WebhookDependencies,
  { hook, seen }: Concerned,
  request: AdmissionRequest,
  mutating: boolean,
): Promise<Answer | undefined> => {
  if (request.dryRun && hook.sideEffects !== 'None' && hook.sideEffects !== 'NoneOnDryRun')
    throw badRequest(`admission webhook ${JSON.stringify(hook.name)} does not support dry run`);
  const version = hook.admissionReviewVersions?.find(one => one === 'v1' || one === 'v1beta1') ?? 'v1';
  const apiVersion = `admission.k8s.io/${version}`;
  const uid = random.uuid();
  const seconds = hook.timeoutSeconds ?? 10;
  let review: Review;
  try {
    const { object = null, previous = null } = seen;
    const about = { uid, ...reviewRequest(seen, request), object, oldObject: previous };
    const body = JSON.stringify({ kind: 'AdmissionReview', apiVersion, request: about });
    const address = await addressOf(replicas, random, hook.clientConfig, seconds);
    const { caBundle } = hook.clientConfig;
    const ca = caBundle ? Buffer.from(caBundle, 'base64').toString('utf8') : undefined;
    const { status, body: text } = await caller.post({ ...address, ca, timeoutMs: seconds * 1000, body }).catch((error: unknown) => {
      throw new Error(failureOf(error, address));
    });
    review = readReview(status, text);
  } catch (error) {
    if (hook.failurePolicy === 'Ignore') return undefined;
    throw internalError(failedCalling(hook, `failed to call webhook: ${(error as Error).message}`));
  }
  let answer: Answer;
  try {
    answer = verified(review, uid, apiVersion, mutating);
  } catch (error) {
    if (hook.failurePolicy === 'Ignore') return undefined;
    throw internalError(failedCalling(hook, `received invalid webhook response: ${(error as Error).message}`));
  }
  for (const [key, value] of Object.entries(answer.auditAnnotations ?? {})) request.annotate?.(`${hook.name}/${key}`, String(value));
  for (const warning of answer.warnings ?? []) request.warn(warning);
  if (!answer.allowed) throw denial(hook, answer.status ?? {});
  return answer;
};

interface Review {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly response?: Answer;
}

/** What client-go makes of an answer. */
const readReview = (status: number, text: string): Review => {
  const value: Review = textOfReview(status, text);
  const { apiVersion = '', kind = '' } = value;
  if (kind && (kind !== 'AdmissionReview' || !/^admission\.k8s\.io\/v1(?:beta1)?$/.test(apiVersion)))
    throw new Error(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  return value;
};

const verified = ({ apiVersion: given, kind, response }: Review, uid: string, apiVersion: string, mutating: boolean): Answer => {
  if (!response) throw new Error('webhook response was absent');
  if (apiVersion !== 'admission.k8s.io/v1') return response;
  const { patch, patchType } = response;
  if (response.uid !== uid) throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  if (given !== apiVersion || kind !== 'AdmissionReview')
    throw new Error(`expected webhook response of ${apiVersion}, Kind=AdmissionReview, got ${given ?? '/'}, Kind=${kind ?? ''}`);
  if (!mutating && patch) throw new Error('validating webhook may not return response.patch');
  if (!mutating && patchType !== undefined) throw new Error('validating webhook may not return response.patchType');
  if (patch && patchType === undefined) throw new Error('webhook returned response.patch but not response.patchType');
  if (!patch && patchType !== undefined) throw new Error('webhook returned response.patchType but not response.patch');
  if (patchType === '') throw new Error('webhook returned invalid response.patchType of ""');
  return response;
};
