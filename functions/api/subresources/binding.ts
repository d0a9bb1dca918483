/** A pod gets its node (kubernetes `pkg/registry/core/pod/storage/storage.go`, BindingREST). */
import { timestamp } from '../../../kinds/environment.ts';
import { notSupported, required } from '../../../kinds/field.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { badRequest, conflict, type FieldError, pageNotFound, StatusError } from '../../../kinds/status.ts';
import type { Pod } from '../../../kinds/types.ts';
import { decodeObject, targetOf } from '../body.ts';
import { type Answer, type Call, type Exchange, objectAnswer } from '../context.ts';
import { mutate } from '../mutate.ts';
import { writeOptions } from '../options.ts';
import { ensureNamespace } from '../strategy.ts';
import { validate } from '../validate.ts';
import { amend } from './amend.ts';

interface Binding extends KubeObject {
  target?: { kind?: string; name?: string };
}

export const success = (): KubeObject =>
  ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }) as unknown as KubeObject;

const refuse = (errors: FieldError[]): void => {
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  if (texts.length > 0) throw new StatusError(500, '', texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`);
};

const checkTarget = ({ target }: Binding): void => {
  const errors: FieldError[] = [];
  const kind = target?.kind ?? '';
  if (kind !== '' && kind !== 'Node') errors.push(notSupported('target.kind', kind, ['Node', '<empty>']));
  if (!target?.name) errors.push(required('target.name'));
  refuse(errors);
};

const markScheduled = (pod: Pod, now: string): void => {
  pod.status ??= {};
  pod.status.conditions ??= [];
  const { conditions } = pod.status;
  const present = conditions.find(({ type }) => type === 'PodScheduled');
  if (present?.status === 'True') return;
  const condition = { type: 'PodScheduled', status: 'True', lastProbeTime: null as unknown as string, lastTransitionTime: now };
  if (present) conditions[conditions.indexOf(present)] = condition;
  else conditions.push(condition);
};

const assign = (pod: Pod, binding: Binding, now: string): void => {
  const { name } = pod.metadata;
  const refused = (why: string): StatusError => conflict({ group: '', resource: 'pods/binding' }, name, why);
  const { uid, resourceVersion, annotations, labels } = binding.metadata;
  if (uid && uid !== pod.metadata.uid)
    throw conflict(
      { group: '', resource: 'pods' },
      name,
      `StorageError: invalid object, Code: 4, Key: /registry/pods/${pod.metadata.namespace}/${name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`,
    );
  if (resourceVersion && resourceVersion !== pod.metadata.resourceVersion)
    throw conflict(
      { group: '', resource: 'pods' },
      name,
      `StorageError: invalid object, Code: 4, Key: /registry/pods/${pod.metadata.namespace}/${name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${pod.metadata.resourceVersion}`,
    );
  if (pod.metadata.deletionTimestamp) throw refused(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec?.nodeName) throw refused(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  if (pod.spec?.schedulingGates?.length) throw refused(`pod ${name} has non-empty .spec.schedulingGates`);
  if (pod.spec && binding.target?.name) pod.spec.nodeName = binding.target.name;
  if (pod.status) delete pod.status.nominatedNodeName;
  if (labels && Object.keys(labels).length > 0) pod.metadata.labels = { ...pod.metadata.labels, ...labels };
  if (annotations && Object.keys(annotations).length > 0) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
  markScheduled(pod, now);
};

/** `call.name` is the pod's. */
export const bindPod = async (
  call: Call,
  binding: KubeObject,
  dryRun: boolean,
  options: Readonly<Record<string, unknown>>,
): Promise<KubeObject> => {
  const admission = { operation: 'CREATE' as const, object: binding, dryRun, options };
  await mutate(call, admission);
  checkTarget(binding);
  await validate(call, admission);
  const now = timestamp(call.services.clock.now());
  await amend(call, dryRun, pod => assign(pod as unknown as Pod, binding, now));
  return success();
};

export const bind = async (exchange: Exchange): Promise<Answer> => {
  const options = writeOptions('CreateOptions', exchange.info.query, exchange.request.headers.get('user-agent'));
  const binding = await decodeObject(exchange, targetOf('', 'v1', 'Binding'), options.fieldValidation);
  if (binding.metadata.name !== exchange.name) throw badRequest('name in URL does not match name in Binding object');
  return objectAnswer(201, await bindPod(exchange, binding, options.dryRun, options.raw));
};

/** The old door: POST to `bindings`, with the pod's name in the body. */
export const bindByBody = async (exchange: Exchange): Promise<Answer> => {
  const options = writeOptions('CreateOptions', exchange.info.query, exchange.request.headers.get('user-agent'));
  const binding = await decodeObject(exchange, exchange.resource, options.fieldValidation);
  ensureNamespace(exchange, binding);
  const pods = exchange.services.registry.find('', 'v1', 'pods');
  if (!pods) throw pageNotFound();
  const call = { ...exchange, resource: pods, subresource: 'binding', name: binding.metadata.name };
  return objectAnswer(201, await bindPod(call, binding, options.dryRun, options.raw));
};
