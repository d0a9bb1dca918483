/**
 * Replays recorded conversations with a Kubernetes API server over managed fields and server-side apply: each step starts from
 * the object as the server had it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../object.ts';
import { definitionOf } from '../schema/data.ts';
import { StatusError } from '../status.ts';
import { serverSideApply } from './apply.ts';
import { trackUpdate } from './managed-fields.ts';

const folder = new URL('../../../shared/golden/', import.meta.url);
const compiled = new URL('../../dist/kinds.json', import.meta.url);
const areas = ['managed-fields', 'apply', 'apply-merge', 'apply-conflict'];
/** Their creation is changed by admission after ownership is settled, so the answer does not show what was owned. */
const admitted = new Set(['pod-managers.json', 'persistent-volume-managers.json']);

interface Step {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: KubeObject;
  readonly response: { readonly status: number; readonly body?: KubeObject & { message?: string; details?: unknown } };
}

const time = '<time>';
const schemaOf = ({ apiVersion, kind }: KubeObject) => {
  const schema = definitionOf(apiVersion, kind);
  if (!schema) throw new Error(`no schema of ${apiVersion} ${kind}`);
  return schema;
};

const create = (answer: KubeObject): void => {
  const { managedFields, ...metadata } = answer.metadata;
  const manager = managedFields?.[0]?.manager ?? '';
  const next = { ...answer, metadata };
  expect(trackUpdate({ schema: schemaOf(answer), apiVersion: answer.apiVersion, manager, time, previous: undefined, next })).toEqual(
    managedFields,
  );
};

const apply = ({ path, body: applied, response }: Step, live: KubeObject | undefined): void => {
  if (!applied) throw new Error(`${path} applies nothing`);
  const [resource = '', query] = path.split('?');
  const options = new URLSearchParams(query);
  const run = (): KubeObject =>
    serverSideApply({
      schema: schemaOf(applied),
      live,
      applied: { ...applied },
      manager: options.get('fieldManager') ?? '',
      force: options.get('force') === 'true',
      apiVersion: applied.apiVersion,
      subresource: resource.endsWith('/status') ? 'status' : '',
      time,
      kind: applied.kind,
    });
  if (response.status < 400) {
    expect(run().metadata.managedFields).toEqual(response.body?.metadata.managedFields);
    return;
  }
  let refused: unknown;
  try {
    run();
  } catch (error) {
    refused = error;
  }
  expect(refused).toBeInstanceOf(StatusError);
  const { status } = refused as StatusError;
  expect([status.message, status.details]).toEqual([response.body?.message, response.body?.details]);
};

const present = existsSync(folder) && existsSync(compiled);
(present ? describe : describe.skip)('recorded applies', () => {
  for (const area of present ? areas : []) {
    for (const file of readdirSync(new URL(`${area}/`, folder))) {
      test(`${area}/${file}`, () => {
        const { steps } = JSON.parse(readFileSync(new URL(`${area}/${file}`, folder), 'utf8')) as { steps: Step[] };
        let live: KubeObject | undefined;
        for (const step of steps) {
          const answer = step.response.body;
          const sameKind = live && live.kind === step.body?.kind ? live : undefined;
          if (step.headers?.['Content-Type'] === 'application/apply-patch+yaml') apply(step, sameKind);
          else if (step.method === 'POST' && answer?.metadata?.managedFields && !admitted.has(file)) create(answer);
          if (answer?.metadata?.name) live = answer;
        }
      });
    }
  }
});
