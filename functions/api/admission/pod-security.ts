/** The Pod Security Standards, as a namespace's labels ask for them (pod-security-admission `admission/admission.go`). */
import type { KubeObject, ObjectMeta } from '../../../kinds/object.ts';
import { type FieldError, forbidden, invalid } from '../../../kinds/status.ts';
import type { Container, Pod, PodSpec } from '../../../kinds/types.ts';
import type { Entry, Replica, Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { sameJson } from '../wire.ts';
import type { Violation } from './pod-security/check.ts';
import {
  candidateOf,
  details,
  type LevelVersion,
  type Policy,
  policyOf,
  same,
  show,
  strictness,
  violations,
} from './pod-security/policy.ts';

interface Template {
  metadata?: Partial<ObjectMeta>;
  spec?: PodSpec;
}
interface Controller extends KubeObject {
  template?: Template;
  spec?: { template?: Template; jobTemplate?: { spec?: { template?: Template } } };
}

/** What makes pods, and where in it they are described. */
const templates: Readonly<Record<string, (controller: Controller) => Template | undefined>> = {
  replicationcontrollers: ({ spec }) => spec?.template,
  podtemplates: ({ template }) => template,
  'replicasets.apps': ({ spec }) => spec?.template,
  'deployments.apps': ({ spec }) => spec?.template,
  'statefulsets.apps': ({ spec }) => spec?.template,
  'daemonsets.apps': ({ spec }) => spec?.template,
  'jobs.batch': ({ spec }) => spec?.template,
  'cronjobs.batch': ({ spec }) => spec?.jobTemplate?.spec?.template,
};
/** Those of pods that leave the pod's containers alone. */
const harmlessSubresources = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);
const mostPods = 3000;

const images = (containers: readonly Pick<Container, 'image'>[] | undefined): unknown => containers?.map(({ image }) => image ?? '') ?? [];
/** Of what can change in a pod only images and ephemeral containers matter. */
const isSignificant = ({ spec: next }: Pod, { spec: previous }: Pod): boolean =>
  !sameJson(images(next?.containers), images(previous?.containers)) ||
  !sameJson(images(next?.initContainers), images(previous?.initContainers)) ||
  (next?.ephemeralContainers ?? []).some(one => {
    const before = previous?.ephemeralContainers?.find(({ name }) => name === one.name);
    return !before || before.image !== one.image;
  });

/** Those of the same controller are alike, so the first of each comes before all its others. */
const inOrder = (pods: readonly Entry[]): Pod[] => {
  const first: Pod[] = [];
  const more: Pod[] = [];
  const seen = new Set<string>();
  for (const { object } of pods) {
    const uid = object.metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
    (uid !== undefined && seen.has(uid) ? more : first).push(object as Pod);
    if (uid !== undefined) seen.add(uid);
  }
  return [...first, ...more];
};

/** What would not be let in any more. */
const existing = (namespace: string, pods: readonly Pod[], enforced: LevelVersion): string[] => {
  const byReason = new Map<string, { first: string; count: number }>();
  for (const { metadata, spec } of pods.slice(0, mostPods)) {
    const found = spec ? violations(candidateOf(metadata, spec), enforced) : [];
    if (found.length === 0) continue;
    const reason = found.map(violation => violation.reason).join(', ');
    const { first, count } = byReason.get(reason) ?? { first: metadata.name, count: 0 };
    byReason.set(reason, { first: [first, metadata.name].sort()[0] ?? first, count: count + 1 });
  }
  const others = (count: number): string => (count === 0 ? '' : ` (and ${count} other ${count === 1 ? 'pod' : 'pods'})`);
  return [
    ...(pods.length > mostPods
      ? [`new PodSecurity enforce level only checked against the first ${mostPods} of ${pods.length} existing pods`]
      : []),
    ...(byReason.size > 0
      ? [
          `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${JSON.stringify(show(enforced))}`,
        ]
      : []),
    ...[...byReason].map(([reason, { first, count }]) => `${first}${others(count - 1)}: ${reason}`).sort(),
  ];
};

const wouldViolate = (wanted: LevelVersion, found: readonly Violation[]): string =>
  `would violate PodSecurity ${JSON.stringify(show(wanted))}: ${details(found)}`;

const aggregate = (errors: readonly FieldError[]): string => {
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  return texts.length === 1 ? texts.join() : `[${texts.join(', ')}]`;
};

export const podSecurity = (replicas: Replicas): AdmissionPlugin => {
  const open = async (resource: string): Promise<Replica> => replicas.loaded(resource) ?? (await replicas.open(resource));

  const policyFor = async ({ namespace, operation }: AdmissionRequest): Promise<Policy> => {
    const replica = await open('namespaces');
    // Creations have been seen by NamespaceLifecycle, which brought this replica up to date.
    if (operation !== 'CREATE' || !replica.get('', namespace)) await replica.sync();
    return policyOf(replica.get('', namespace)?.object.metadata.labels);
  };

  const checkNamespace = async (request: AdmissionRequest, namespace: KubeObject): Promise<void> => {
    const next = policyOf(namespace.metadata.labels);
    const { previous } = request;
    const before = previous && policyOf(previous.metadata.labels);
    if (next.errors.length > 0 && !(before && sameJson(next.errors, before.errors)))
      throw invalid({ group: '', kind: 'Namespace' }, request.name, [...next.errors]);
    if (!before || same(next.enforce, before.enforce) || next.enforce.level === 'privileged') return;
    const { enforce } = next;
    if (enforce.version === before.enforce.version && strictness(enforce.level) <= strictness(before.enforce.level)) return;
    const pods = await open('pods');
    await pods.sync();
    for (const warning of existing(namespace.metadata.name, inOrder(pods.list({ namespace: namespace.metadata.name })), enforce))
      request.warn(warning);
  };

  /** `enforced`: what breaks the policy is refused; of controllers their users are only told. */
  const checkPod = async (
    request: AdmissionRequest,
    metadata: Partial<ObjectMeta> | undefined,
    spec: PodSpec,
    enforced: boolean,
  ): Promise<void> => {
    const policy = await policyFor(request);
    const annotate = (key: string, value: string): void => request.annotate?.(`pod-security.kubernetes.io/${key}`, value);
    if (policy.errors.length > 0) annotate('error', `Failed to parse policy: ${aggregate(policy.errors)}`);
    if (enforced) annotate('enforce-policy', show(policy.enforce));
    const audits = request.annotate !== undefined && policy.audit.level !== 'privileged';
    if (!audits && policy.warn.level === 'privileged' && (!enforced || policy.enforce.level === 'privileged')) return;
    const candidate = candidateOf(metadata, spec);
    const found = enforced ? violations(candidate, policy.enforce) : undefined;
    const under = (wanted: LevelVersion): Violation[] => (found && same(wanted, policy.enforce) ? found : violations(candidate, wanted));
    if (audits) {
      const audited = under(policy.audit);
      if (audited.length > 0) annotate('audit-violations', wouldViolate(policy.audit, audited));
    }
    if (found && found.length > 0) {
      const { group, resource } = request.resource;
      throw forbidden({ group, resource }, request.name, `violates PodSecurity ${JSON.stringify(show(policy.enforce))}: ${details(found)}`);
    }
    const warned = under(policy.warn);
    if (warned.length > 0) request.warn(wouldViolate(policy.warn, warned));
  };

  return {
    name: 'PodSecurity',
    async validate(request) {
      const { operation, resource, subresource, object, previous } = request;
      if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
      const { name } = resource.storage;
      if (name === 'pods') {
        if (harmlessSubresources.has(subresource)) return;
        const pod = object as Pod;
        if (!pod.spec || (previous && !isSignificant(pod, previous as Pod))) return;
        await checkPod(request, pod.metadata, pod.spec, true);
      } else if (subresource !== '') return;
      else if (name === 'namespaces') await checkNamespace(request, object);
      else if (Object.hasOwn(templates, name)) {
        const template = templates[name]?.(object as Controller);
        if (template?.spec) await checkPod(request, template.metadata, template.spec, false);
      }
    },
  };
};
