import type { EngineContainer } from '../docker/engine.ts';
import { labels } from './labels.ts';

/** What the node knows of one container of a pod, from Docker alone: nothing is kept elsewhere, so an agent can start at any moment. */
export interface ContainerView {
  id: string;
  /** Name in the pod's spec; empty for the sandbox. */
  container: string;
  sandboxId: string;
  /** How often the container had been started before. */
  attempt: number;
  hash: string;
  state: 'created' | 'running' | 'exited';
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  reason: string;
  message: string;
  imageId: string;
  pid: number;
  ip: string;
  tty: boolean;
  openStdin: boolean;
}

export interface PodView {
  /** The newest sandbox, dead or alive. */
  sandbox: ContainerView | undefined;
  /** Every container, newest attempt first. */
  containers: ContainerView[];
}

/** Kubelet's words for how a container ended. A container that never began is a `StartError`, as containerd reports it. */
const ending = (info: EngineContainer): { state: ContainerView['state']; exitCode: number; reason: string; message: string } => {
  if (info.state === 'created' && info.exitCode !== 0) {
    return { state: 'exited', exitCode: 128, reason: 'StartError', message: info.error };
  }
  if (info.state !== 'exited') return { state: info.state, exitCode: 0, reason: '', message: '' };
  const reason = info.oomKilled ? 'OOMKilled' : info.exitCode === 0 ? 'Completed' : 'Error';
  return { state: 'exited', exitCode: info.exitCode, reason, message: info.error };
};

export const viewOf = (info: EngineContainer, terminationMessage = ''): ContainerView => {
  const { state, exitCode, reason, message } = ending(info);
  return {
    id: info.id,
    container: info.labels[labels.container] ?? '',
    sandboxId: info.labels[labels.sandbox] ?? '',
    attempt: Number(info.labels[labels.attempt] ?? 0),
    hash: info.labels[labels.hash] ?? '',
    state,
    createdAt: info.createdAt,
    startedAt: info.startedAt || info.createdAt,
    finishedAt: info.finishedAt || info.createdAt,
    exitCode,
    reason,
    message: [message, terminationMessage].filter(text => text !== '').join(': '),
    imageId: info.imageId,
    pid: info.pid,
    ip: info.labels[labels.ip] ?? '',
    tty: info.tty,
    openStdin: info.openStdin,
  };
};

const newestFirst = (a: ContainerView, b: ContainerView): number => b.attempt - a.attempt || b.createdAt - a.createdAt;

export const podView = (views: Iterable<ContainerView>): PodView => {
  const all = [...views].sort(newestFirst);
  return { sandbox: all.find(view => view.container === ''), containers: all.filter(view => view.container !== '') };
};

export const latest = ({ containers }: PodView, name: string): ContainerView | undefined =>
  containers.find(view => view.container === name);
