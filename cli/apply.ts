/** `up FILE...`: applies manifests (server-side, as field manager `windvane`) and waits until what they describe is available. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { loadAll } from 'js-yaml';
import type { KubeObject } from '../kinds/object.ts';
import { isNotFound, StatusError } from '../kinds/status.ts';
import type { AdminClient } from './api-client.ts';
import { Refusal } from './refusal.ts';

interface ApiResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export interface Applied {
  readonly label: string;
  readonly path: string;
  readonly object: KubeObject;
}

/** The objects of all files, in order; refuses what is no manifest before anything is applied. */
export function readManifests(paths: readonly string[]): KubeObject[] {
  return paths.flatMap(path => {
    let documents: unknown[];
    try {
      documents = loadAll(readFileSync(path === '-' ? 0 : path, 'utf8'));
    } catch (cause) {
      throw new Refusal(
        `Cannot read ${path}: ${(cause as Error).message.split('\n')[0]}.`,
        'Name files with Kubernetes objects in YAML or JSON.',
        { cause },
      );
    }
    return documents.filter(document => document !== null && document !== undefined).flatMap(document => unfold(document, path));
  });
}

function unfold(document: unknown, path: string): KubeObject[] {
  const object = document as Partial<KubeObject> & { items?: unknown[] };
  if (typeof object !== 'object' || typeof object.apiVersion !== 'string' || typeof object.kind !== 'string') {
    throw new Refusal(`${path} holds something that is no Kubernetes object (apiVersion and kind are needed).`, 'Mend the file.');
  }
  if (object.kind.endsWith('List') && Array.isArray(object.items)) return object.items.flatMap(item => unfold(item, path));
  if (typeof object.metadata?.name !== 'string')
    throw new Refusal(`${path} holds a ${object.kind} without metadata.name.`, 'Mend the file.');
  return [object as KubeObject];
}

export async function apply(client: AdminClient, objects: readonly KubeObject[]): Promise<Applied[]> {
  const applied: Applied[] = [];
  for (const object of objects) {
    const resource = await findResource(client, object);
    const root = object.apiVersion.includes('/') ? `/apis/${object.apiVersion}` : `/api/${object.apiVersion}`;
    const scope = resource.namespaced ? `/namespaces/${object.metadata.namespace ?? 'default'}` : '';
    const path = `${root}${scope}/${resource.name}/${encodeURIComponent(object.metadata.name)}`;
    const label = `${object.kind.toLowerCase()}/${object.metadata.name}`;
    try {
      const body = { type: 'application/apply-patch+yaml', text: JSON.stringify(object) };
      applied.push({ label, path, object: await client.call('PATCH', `${path}?fieldManager=windvane&force=true`, body) });
    } catch (error) {
      if (error instanceof StatusError)
        throw new Refusal(`${label} was refused: ${error.message}`, 'Mend the manifest and apply it again.', { cause: error });
      throw error;
    }
  }
  return applied;
}

/** Until every workload among them is available; says what it waits for. */
export async function waitAvailable(
  client: AdminClient,
  applied: readonly Applied[],
  deadline: number,
  detail: (text: string) => void,
): Promise<void> {
  for (const one of applied) {
    for (;;) {
      const missing = unavailable(await client.call('GET', one.path));
      if (missing === undefined) break;
      detail(`${one.label} ${missing}`);
      if (Date.now() > deadline) {
        throw new Refusal(`${one.label} is not available: ${missing}.`, `See "kubectl describe ${one.label}" and "kubectl get events".`);
      }
      await pause(50);
    }
  }
}

interface WorkloadView {
  kind: string;
  metadata: { generation?: number };
  spec?: { replicas?: number };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    availableReplicas?: number;
    readyReplicas?: number;
    phase?: string;
    conditions?: { type: string; status: string; message?: string }[];
  };
}

/** What is still to come, in words; undefined when nothing is. */
export function unavailable(object: KubeObject): string | undefined {
  const { kind, metadata, spec, status } = object as unknown as WorkloadView;
  const condition = (type: string) => status?.conditions?.find(one => one.type === type);
  if (kind === 'Deployment' || kind === 'ReplicaSet' || kind === 'StatefulSet') {
    const wanted = spec?.replicas ?? 1;
    const there = Math.min(status?.availableReplicas ?? 0, kind === 'ReplicaSet' ? wanted : (status?.updatedReplicas ?? 0));
    const seen = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
    return seen && there >= wanted && (status?.replicas ?? 0) <= wanted ? undefined : `has ${there} of ${wanted} replicas available`;
  }
  if (kind === 'Pod')
    return condition('Ready')?.status === 'True' || status?.phase === 'Succeeded' ? undefined : `is ${status?.phase ?? 'Pending'}`;
  if (kind === 'CustomResourceDefinition') return condition('Established')?.status === 'True' ? undefined : 'is not established';
  if (kind === 'Namespace') return status?.phase === 'Active' ? undefined : `is ${status?.phase ?? 'new'}`;
  return undefined;
}

async function findResource(client: AdminClient, object: KubeObject): Promise<ApiResource> {
  const root = object.apiVersion.includes('/') ? `/apis/${object.apiVersion}` : `/api/${object.apiVersion}`;
  let resources: ApiResource[] = [];
  try {
    resources = (await client.call<{ resources: ApiResource[] }>('GET', root)).resources;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  const found = resources.find(resource => resource.kind === object.kind && !resource.name.includes('/'));
  if (!found)
    throw new Refusal(`The cluster serves no ${object.kind} in ${object.apiVersion}.`, '"kubectl api-resources" lists what it serves.');
  return found;
}
