/**
 * Replays recorded conversations with a Kubernetes API server over the strategies alone: what is created or replaced, and how
 * it is refused. What admission, allocation and patches do is for the tests of the whole server.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../object.ts';
import type { FieldError } from '../status.ts';
import type { Strategy, StrategyContext } from '../strategy.ts';
import { strategies } from './index.ts';

const folder = new URL('../../../shared/golden/', import.meta.url);
const mine = /^\/(?:api\/v1|apis\/(apps|batch)\/v1)\/namespaces\/[^/]+\/(\w+)(?:\/([\w.-]+))?(?:\/(status))?(?:\?.*)?$/;
const kinds = new Set(
  ['pods', 'podtemplates', 'replicationcontrollers', 'controllerrevisions', 'daemonsets', 'deployments'].concat([
    'replicasets',
    'statefulsets',
    'jobs',
    'cronjobs',
  ]),
);

interface Step {
  method: string;
  path: string;
  body?: unknown;
  response: { status: number; body?: KubeObject & { details?: { causes?: unknown[] }; message?: string } };
}
interface Scenario {
  name: string;
  steps: Step[];
}

const context: StrategyContext = {
  clock: { now: () => 0, after: () => () => undefined },
  random: { next: () => 0, uuid: () => '00000000-0000-4000-8000-000000000000' },
  user: { name: 'admin', groups: [] },
};

const areas = ['validation', 'immutable', 'create', 'update', 'status', 'table', 'pod'];
/** The recordings say `<uid:1>`, which is no label value. */
const uid = 'uid-1';
const scenarios = (): Scenario[] =>
  areas.flatMap(area =>
    readdirSync(new URL(`${area}/`, folder))
      .filter(file => file.endsWith('.json'))
      .map(file => JSON.parse(readFileSync(new URL(`${area}/${file}`, folder), 'utf8').replaceAll('<uid:1>', uid)) as Scenario),
  );

/** Upstream shows a changed template as its internal structs; ours is shown as it is on the wire. */
const internal = /^(spec\.template: Invalid value: )\{.*\}(: field is immutable)$/;
const causes = (errors: readonly FieldError[]): string[] =>
  errors.map(({ field, message }) => `${field}: ${message}`.replace(/\n@@[\s\S]*$/, '\n<diff>').replace(internal, '$1<object>$2')).sort();
const recorded = (step: Step): string[] =>
  ((step.response.body?.details?.causes ?? []) as { field: string; message: string }[])
    .map(({ field, message }) => `${field}: ${message}`.replace(internal, '$1<object>$2'))
    .sort();

const create = (strategy: Strategy, body: KubeObject): { object: KubeObject; errors: FieldError[] } => {
  const object = structuredClone(body);
  object.metadata.uid = uid;
  strategy.defaults?.(object);
  strategy.prepareForCreate?.(object, context);
  return { object, errors: [...(strategy.validate?.(object) ?? []), ...(strategy.validateCreate?.(object) ?? [])] };
};
/** What admission puts back into a replaced pod. */
const restore = (body: KubeObject, previous: KubeObject): void => {
  if (body.kind !== 'Pod') return;
  const spec = body['spec'] as Record<string, unknown>;
  const before = previous['spec'] as Record<string, unknown>;
  for (const field of ['tolerations', 'priority', 'preemptionPolicy']) spec[field] ??= before[field];
};
const replace = (strategy: Strategy, body: KubeObject, previous: KubeObject): { object: KubeObject; errors: FieldError[] } => {
  const object = structuredClone(body);
  object.metadata.uid = previous.metadata.uid ?? '';
  object.metadata.resourceVersion = previous.metadata.resourceVersion ?? '1';
  restore(object, previous);
  strategy.defaults?.(object);
  strategy.prepareForUpdate?.(object, previous, context);
  return { object, errors: [...(strategy.validate?.(object, previous) ?? []), ...(strategy.validateUpdate?.(object, previous) ?? [])] };
};

const replaceStatus = (strategy: Strategy, body: KubeObject, previous: KubeObject): { object: KubeObject; errors: FieldError[] } => {
  const object = structuredClone(body);
  strategy.defaults?.(object);
  const own = strategy.subresources?.['status'];
  own?.prepareForUpdate?.(object, previous, context);
  return { object, errors: own?.validateUpdate?.(object, previous) ?? [] };
};
const kindsOf = new Set(
  ['Pod', 'PodTemplate', 'ReplicationController', 'ControllerRevision', 'DaemonSet', 'Deployment'].concat([
    'ReplicaSet',
    'StatefulSet',
    'Job',
    'CronJob',
  ]),
);
const withoutAge = (cell: unknown) => (typeof cell === 'string' && /^([0-9]+[smhdy])+$|^<age>$|^<unknown>$/.test(cell) ? '<age>' : cell);
/** Recorded times are placeholders. */
const dated = (object: KubeObject): KubeObject =>
  JSON.parse(JSON.stringify(object).replaceAll('<time>', '2026-01-01T00:00:00Z')) as KubeObject;

/** What admission adds to pods, and what the decoder refuses before any strategy sees it. */
const byAdmission = new Set(['volumes', 'tolerations', 'serviceAccount', 'serviceAccountName', 'preemptionPolicy', 'priority']);
const comparable = (object: KubeObject): unknown => {
  const { spec, status, template, data, revision } = JSON.parse(
    JSON.stringify(object).replaceAll('1970-01-01T00:00:00Z', '<time>'),
  ) as Record<string, unknown>;
  if (object.kind === 'Pod') {
    const pod = spec as Record<string, unknown> & {
      containers: { volumeMounts?: unknown }[];
      initContainers?: { volumeMounts?: unknown }[];
    };
    for (const field of byAdmission) delete pod[field];
    for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) delete container.volumeMounts;
  }
  return { spec, status, template, data, revision };
};

const run = existsSync(folder) ? describe : describe.skip;
run('recorded conversations', () => {
  for (const { name, steps } of scenarios()) {
    const relevant = steps.filter(step => kinds.has(mine.exec(step.path)?.[2] ?? ''));
    if (relevant.length === 0) continue;
    test(name, () => {
      const stored = new Map<string, KubeObject>();
      for (const step of relevant) {
        const [, group, plural, object, subresource] = mine.exec(step.path) ?? [];
        const strategy = strategies[group ? `${plural}.${group}` : `${plural}`];
        if (!strategy) throw new Error(`no strategy for ${plural}`);
        const body = step.body as KubeObject;
        const { status } = step.response;
        const refusedElsewhere = recorded(step).some(text => text.startsWith('metadata.'));
        const answer = step.response.body;
        const previous = stored.get(object ?? '');
        if (answer?.kind === 'Table' && previous) {
          const [row] = answer['rows'] as { cells: unknown[] }[];
          expect(strategy.cells?.(previous, Date.parse('2030-01-01T00:00:00Z')).map(withoutAge)).toEqual(row?.cells.map(withoutAge));
        }
        if (refusedElsewhere || (status !== 422 && status !== 201 && status !== 200)) continue;
        if (step.method === 'POST' && !object) {
          const result = create(strategy, body);
          expect(causes(result.errors)).toEqual(recorded(step));
          if (status === 201 && answer) expect(comparable(result.object)).toEqual(comparable(answer));
        } else if (step.method === 'PUT' && previous && subresource === 'status') {
          const result = replaceStatus(strategy, body, previous);
          expect(causes(result.errors)).toEqual(recorded(step));
          if (status === 200 && answer) expect(comparable(result.object)).toEqual(comparable(answer));
        } else if (step.method === 'PUT' && previous) {
          expect(causes(replace(strategy, body, previous).errors)).toEqual(recorded(step));
        }
        if (status < 300 && answer && kindsOf.has(answer.kind) && answer.metadata.name) stored.set(answer.metadata.name, dated(answer));
      }
    });
  }
});
