import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Container, Secret } from '../../kinds/types.ts';
import { Aborted, orAbort } from '../abortable.ts';
import { EngineError, type EngineImage } from '../docker/engine.ts';
import { volumeMounts } from '../volumes/mounts.ts';
import { containerOptions, type Mount, rootRefusal } from './container-options.ts';
import { environment, expandAll } from './environment.ts';
import { containerName } from './labels.ts';
import { type NodeContext, tell, textOf } from './node-context.ts';
import { terminationFile } from './observe.ts';
import { type BoundPod, namespaceOf, uidOf } from './pod.ts';
import { serviceEnvironment } from './service-env.ts';
import type { ContainerView } from './view.ts';

/** Why a container did not start, as its status says it. */
export class StartFailure extends Error {
  readonly reason: string;
  /** Milliseconds after which to try again. */
  readonly retryAfter: number;
  constructor(reason: string, message: string, retryAfter: number) {
    super(message);
    this.name = 'StartFailure';
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

const retry = 3000;

export interface StartRequest {
  pod: BoundPod;
  container: Container;
  attempt: number;
  podIp: string;
  sandboxId: Promise<string>;
  sandboxReady: Promise<void>;
  volumes: Promise<ReadonlyMap<string, string>>;
  target: string | undefined;
  signal: AbortSignal;
  observe(id: string): Promise<ContainerView | undefined>;
}

const pullSecrets = async ({ references }: NodeContext, pod: BoundPod): Promise<Secret[]> => {
  const found = await Promise.allSettled(
    (pod.spec.imagePullSecrets ?? []).map(({ name = '' }) => references.fresh.secret(namespaceOf(pod), name)),
  );
  // A Secret that is missing is no error: the image may need none (kubelet `getPullSecretsForPod`).
  return found.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []));
};

const seccompProfile = async ({ node }: NodeContext, pod: BoundPod, container: Container): Promise<string | undefined> => {
  const profile = container.securityContext?.seccompProfile ?? pod.spec.securityContext?.seccompProfile;
  if (profile?.type !== 'Localhost') return undefined;
  const path = join(node.seccompDir, join('/', profile.localhostProfile ?? ''));
  return await readFile(path, 'utf8');
};

/** Files of the node that every container sees, unless it mounts something there itself. */
const ownMounts = async (context: NodeContext, { pod, container, attempt }: StartRequest, mounts: Mount[]): Promise<Mount[]> => {
  const podDir = join(context.node.podsDir, uidOf(pod));
  const taken = new Set(mounts.map(({ target }) => target));
  const message = terminationFile(podDir, container.name, attempt);
  await mkdir(dirname(message), { recursive: true });
  await writeFile(message, '');
  await chmod(message, 0o666);
  return [
    { source: join(podDir, 'etc-hosts'), target: '/etc/hosts', readOnly: false },
    { source: join(podDir, 'resolv.conf'), target: '/etc/resolv.conf', readOnly: false },
    { source: message, target: container.terminationMessagePath || '/dev/termination-log', readOnly: false },
  ].filter(({ target }) => !taken.has(target));
};

const create = async (context: NodeContext, request: StartRequest, image: EngineImage): Promise<string> => {
  const { pod, container, attempt, podIp } = request;
  const fail = (reason: string, error: unknown) => {
    const message = textOf(error);
    tell(context, pod, container, 'Warning', 'Failed', `Error: ${message}`);
    return new StartFailure(reason, message, retry);
  };
  const volumes = await orAbort(request.volumes, request.signal);
  const sandboxId = await orAbort(request.sandboxId, request.signal);
  let options: ReturnType<typeof containerOptions>;
  try {
    const refusal = rootRefusal(pod, container, image.user);
    if (refusal) throw new Error(refusal);
    const services = serviceEnvironment(context.services(), namespaceOf(pod), pod.spec.enableServiceLinks !== false);
    const variables = await environment({
      pod,
      container,
      addresses: { hostIp: context.node.hostIp, podIp },
      node: context.node.resources,
      services,
      sources: context.references.fresh,
    });
    const mounts = await volumeMounts(container, volumes, variables, pod.spec.volumes ?? []);
    options = containerOptions({
      pod,
      container,
      attempt,
      sandboxId,
      node: context.node.label,
      image: image.id,
      imageUser: image.user,
      command: expandAll(container.command, variables),
      args: expandAll(container.args, variables),
      variables,
      mounts: [...mounts, ...(await ownMounts(context, request, mounts))],
      limits: context.node.limits,
      seccompProfile: await seccompProfile(context, pod, container),
      target: request.target,
    });
  } catch (error) {
    throw fail('CreateContainerConfigError', error);
  }
  const name = containerName(pod, container.name, attempt);
  try {
    return await context.engine.create(name, options);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.code !== 409) throw fail('CreateContainerError', error);
    // An earlier agent was ended between creation and start.
    await context.engine.remove(name);
    return await context.engine.create(name, options);
  }
};

/** Brings one container to run: image, creation, start, postStart hook. Fails with a `StartFailure` for what people are to see. */
export const startContainer = async (context: NodeContext, request: StartRequest): Promise<void> => {
  const { pod, container, signal } = request;
  const stopIfAborted = () => {
    if (signal.aborted) throw new Aborted();
  };
  const { image, trouble } = await orAbort(
    context.images.ensure({
      uid: uidOf(pod),
      name: container.image ?? '',
      policy: container.imagePullPolicy ?? 'IfNotPresent',
      secrets: () => pullSecrets(context, pod),
      event: (type, reason, message) => tell(context, pod, container, type, reason, message),
    }),
    signal,
  );
  if (trouble) {
    tell(context, pod, container, 'Warning', 'Failed', `Error: ${trouble.reason}`);
    throw new StartFailure(trouble.reason, trouble.message, trouble.retryAfter);
  }
  context.imageRefs.set(image.id, image.digests[0] ? `docker-pullable://${image.digests[0]}` : `docker://${image.id}`);

  const id = await create(context, request, image);
  tell(context, pod, container, 'Normal', 'Created', 'Container created');
  await request.sandboxReady;
  if (signal.aborted) {
    await context.engine.remove(id);
    throw new Aborted();
  }
  try {
    await context.engine.start(id);
  } catch (error) {
    await request.observe(id);
    if (!(error instanceof EngineError)) throw error;
    tell(context, pod, container, 'Warning', 'Failed', `Error: ${error.message}`);
    throw new StartFailure('RunContainerError', error.message, 0);
  }
  tell(context, pod, container, 'Normal', 'Started', 'Container started');
  await request.observe(id);

  const hook = container.lifecycle?.postStart;
  if (!hook) return;
  try {
    await context.runHook(hook, container, id, request.podIp, signal);
  } catch (error) {
    stopIfAborted();
    // Its text may hold secrets: it goes to the status of the pod, not to an event.
    tell(context, pod, container, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    tell(context, pod, container, 'Normal', 'Killing', 'FailedPostStartHook');
    await context.engine.stop(id, pod.spec.terminationGracePeriodSeconds ?? 30);
    await request.observe(id);
    throw new StartFailure('PostStartHookError', textOf(error), 0);
  }
};
