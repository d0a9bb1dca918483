import { expect, test } from '@jest/globals';
import { ExtendedRegistry } from '../../kinds/custom-resources/registry.ts';
import { builtInRegistry } from '../../kinds/registry.ts';
import { nonResourceHandler } from './non-resource.ts';
import { parseRequest } from './request-info.ts';
import { aRequest } from './testing.ts';

const names = { plural: 'cows', kind: 'Cow', singular: 'cow', listKind: 'CowList' };
const cows = {
  name: 'cows.ranch.test',
  revision: 1,
  object: {
    metadata: { uid: 'u', generation: 1 },
    spec: {
      group: 'ranch.test',
      scope: 'Namespaced',
      names,
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
    status: { acceptedNames: names, conditions: [{ type: 'Established', status: 'True' }] },
  },
};

test.each([
  ['/apis', 'application/json'],
  ['/apis', 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'],
  ['/apis/ranch.test/v1', 'application/json'],
  ['/openapi/v2', 'application/json'],
  ['/openapi/v3', 'application/json'],
])('%s as %s follows what is served', async (path, accept) => {
  let stored: (typeof cows)[] = [];
  const registry = new ExtendedRegistry(builtInRegistry(), () => stored);
  const tokens = { keys: async () => ({}), discovery: () => ({}) };
  const handler = nonResourceHandler({ registry, checks: [], tokens, gitVersion: 'v1.36.3' });
  const ask = async (url: string): Promise<string> => {
    const request = aRequest('GET', url, undefined, { accept });
    try {
      const answer = await handler(request, parseRequest('GET', url), { name: 'u', groups: [] }, {});
      return Buffer.from(answer?.body as Uint8Array).toString();
    } catch (error) {
      return (error as Error).message;
    }
  };
  const builtIn = await ask('/openapi/v3/apis/apps/v1');
  const before = await ask(path);
  // Whole documents in a failure would fill the screen.
  const told = async (): Promise<boolean> => (await ask(path)).includes('ranch.test');
  expect(await told()).toBe(false);
  stored = [cows];
  registry.invalidate();
  expect(await told()).toBe(true);
  expect((await ask('/openapi/v3/apis/apps/v1')) === builtIn).toBe(true);
  stored = [];
  registry.invalidate();
  expect((await ask(path)) === before).toBe(true);
});
