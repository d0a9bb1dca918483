import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { compile } from './compile.ts';
import type { CompiledDescriptions, CompiledKinds, CompiledNode } from './compiled.ts';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
mkdirSync(dist, { recursive: true });
const folder = mkdtempSync(join(dist, 'compile-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the compiled tables', () => {
  compile(folder);
  const read = <T>(name: string): T => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const kinds = read<CompiledKinds>('kinds.json');
  const descriptions = read<CompiledDescriptions>('descriptions.json');

  test('merge declarations with facts', () => {
    expect(kinds.definitions['io.k8s.api.apps.v1.DeploymentSpec']?.p?.['strategy']).toEqual({
      r: 'io.k8s.api.apps.v1.DeploymentStrategy',
      g: 'v1.DeploymentStrategy,omitempty',
      ps: ['retainKeys'],
    });
    expect(kinds.definitions['io.k8s.api.core.v1.ContainerPort']).toMatchObject({
      q: ['containerPort'],
      p: { protocol: { t: 'string', d: 'TCP', e: ['SCTP', 'TCP', 'UDP'] } },
    });
    // Quantities are strings to the declarations; only their Go type tells.
    expect(kinds.definitions['io.k8s.api.core.v1.ResourceRequirements']?.p?.['limits']).toMatchObject({
      t: 'object',
      v: { r: 'io.k8s.apimachinery.pkg.api.resource.Quantity' },
    });
    expect(kinds.kinds['autoscaling/v1/Scale']).toBe('io.k8s.api.autoscaling.v1.Scale');
  });

  test('refer to nothing that is not there, and leave no type out', () => {
    const wrong: string[] = [];
    const walk = (node: CompiledNode, where: string): void => {
      if (node.r && !kinds.definitions[node.r]) wrong.push(`${where} -> ${node.r}`);
      if (node.t === 'array' && !node.i) wrong.push(`${where}: list of nothing`);
      if (node.i) walk(node.i, `${where}[]`);
      if (node.v) walk(node.v, `${where}{}`);
    };
    for (const [name, definition] of Object.entries(kinds.definitions))
      for (const [field, node] of Object.entries(definition.p ?? {})) walk(node, `${name}.${field}`);
    expect(wrong).toEqual([]);
    const { definitions } = kinds;
    const undescribed = Object.entries(descriptions).flatMap(([name, texts]) =>
      Object.keys(texts).filter(field => field !== '' && !definitions[name]?.p?.[field]),
    );
    expect(undescribed).toEqual([]);
  });

  test('describe fields that refer to other definitions', () => {
    expect(descriptions['io.k8s.api.apps.v1.DeploymentSpec']?.['template']).toContain('Template describes the pods');
    expect(descriptions['io.k8s.api.core.v1.Pod']?.['']).toContain('collection of containers');
  });
});
