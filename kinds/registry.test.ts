import { describe, expect, test } from '@jest/globals';
import { builtInRegistry } from './registry.ts';
import { definitionOf } from './schema/data.ts';

describe('the built-in registry', () => {
  const registry = builtInRegistry();

  test('serves the resources of every group, core first', () => {
    expect(registry.all().length).toBe(68);
    expect(registry.all()[0]?.group).toBe('');
    const pods = registry.find('', 'v1', 'pods');
    expect(pods?.kind).toBe('Pod');
    expect(pods?.schema.definition).toBe('io.k8s.api.core.v1.Pod');
    expect(pods?.columns[0]?.name).toBe('Name');
    expect(pods?.subresources.map(({ name }) => name)).toContain('eviction');
    expect(registry.findKind('apps/v1', 'Deployment')?.resource).toBe('deployments');
    expect(registry.find('apps', 'v2', 'deployments')).toBeUndefined();
  });

  test('shares one stored form between served versions', () => {
    expect(registry.find('events.k8s.io', 'v1', 'events')?.storage).toMatchObject({ name: 'events', group: '', version: 'v1' });
    expect(registry.findStored('events')?.group).toBe('');
    expect(registry.find('autoscaling', 'v1', 'horizontalpodautoscalers')?.storage.version).toBe('v2');
    expect(registry.findStored('horizontalpodautoscalers.autoscaling')?.version).toBe('v2');
  });

  test('finds the schemas of kinds that are no resources', () => {
    for (const [apiVersion, kind] of [
      ['autoscaling/v1', 'Scale'],
      ['policy/v1', 'Eviction'],
      ['v1', 'Binding'],
      ['v1', 'Status'],
      ['v1', 'PodExecOptions'],
      ['apps/v1', 'DeploymentList'],
      ['apps/v1', 'DeleteOptions'],
      ['authentication.k8s.io/v1', 'TokenRequest'],
    ] as const)
      expect([kind, definitionOf(apiVersion, kind)?.type]).toEqual([kind, 'object']);
    expect(definitionOf('v1', 'Nothing')).toBeUndefined();
    expect(definitionOf('v1', '__proto__')).toBeUndefined();
  });

  test('schemas form one graph with merge keys and required fields', () => {
    const spec = registry.find('', 'v1', 'pods')?.schema.properties?.get('spec');
    expect(spec?.required).toEqual(['containers']);
    const containers = spec?.properties?.get('containers');
    expect(containers).toMatchObject({ type: 'array', patchMergeKey: 'name', listType: 'map', listMapKeys: ['name'] });
    expect(containers?.items).toBe(definitionOf('v1', 'Pod')?.properties?.get('spec')?.properties?.get('initContainers')?.items);
    expect(containers?.items?.properties?.get('resources')?.properties?.get('limits')?.additionalProperties?.format).toBe('quantity');
    const props = definitionOf('apiextensions.k8s.io/v1', 'CustomResourceDefinition')
      ?.properties?.get('spec')
      ?.properties?.get('versions')
      ?.items?.properties?.get('schema')
      ?.properties?.get('openAPIV3Schema');
    expect(props?.properties?.get('not')).toBe(props);
    expect(registry.find('', 'v1', 'secrets')?.schema.properties?.get('data')?.additionalProperties?.format).toBe('byte');
  });
});
