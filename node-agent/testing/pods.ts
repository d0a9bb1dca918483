import type { Container } from '../../kinds/types.ts';
import type { BoundPod } from '../pods/pod.ts';
import type { ContainerView, PodView } from '../pods/view.ts';

/** Builders for what tests look at: `aPod({ containers: [aContainer('web')] })`. */
export const aContainer = (name: string, more: Partial<Container> = {}): Container => ({
  name,
  image: 'busybox:test',
  imagePullPolicy: 'IfNotPresent',
  ...more,
});

export const aPod = (spec: Partial<BoundPod['spec']> = {}, metadata: Partial<BoundPod['metadata']> = {}): BoundPod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid: 'u1', generation: 1, ...metadata },
  spec: { nodeName: 'n1', restartPolicy: 'Always', containers: [aContainer('main')], ...spec },
});

export const aView = (container: string, more: Partial<ContainerView> = {}): ContainerView => ({
  id: `${container || 'sandbox'}-${more.attempt ?? 0}`,
  container,
  sandboxId: container === '' ? '' : 'sandbox-0',
  attempt: 0,
  hash: '',
  state: 'running',
  createdAt: 1000,
  startedAt: 2000,
  finishedAt: 0,
  exitCode: 0,
  reason: '',
  message: '',
  imageId: 'sha256:1',
  pid: 1,
  ip: container === '' ? '10.0.0.2' : '',
  tty: false,
  openStdin: false,
  ...more,
});

export const exited = (container: string, exitCode: number, more: Partial<ContainerView> = {}): ContainerView =>
  aView(container, { state: 'exited', exitCode, finishedAt: 3000, reason: exitCode === 0 ? 'Completed' : 'Error', ...more });

export const aPodView = (containers: ContainerView[], sandbox: ContainerView | undefined = aView('')): PodView => ({ sandbox, containers });
