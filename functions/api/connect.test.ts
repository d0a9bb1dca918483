import { expect, test } from '@jest/globals';
import { builtInRegistry } from '../../kinds/registry.ts';
import type { AdmissionPlugin } from './admission.ts';
import { admitConnection } from './connect.ts';
import type { Call } from './context.ts';

const callOf = (subresource: string, plugin: AdmissionPlugin): Call => {
  const resource = builtInRegistry().find('', 'v1', 'pods');
  if (!resource) throw new Error('no pods');
  const user = { name: 'jane', groups: [] };
  const services = { admission: [plugin] } as unknown as Call['services'];
  return { services, user, resource, subresource, namespace: 'default', name: 'p', warnings: [], guards: [] };
};
const opened = async (subresource: string, query: string, path?: string): Promise<unknown> => {
  let seen: unknown;
  const plugin: AdmissionPlugin = {
    name: 'Seer',
    validate: async request => {
      seen = { operation: request.operation, ...request.object };
    },
  };
  await admitConnection(callOf(subresource, plugin), new URLSearchParams(query), path);
  return seen;
};

test.each([
  [
    'exec',
    'command=ls&command=-l&stdin=true&stdout=1&tty=false&stderr=0&container=c',
    { kind: 'PodExecOptions', stdin: true, stdout: true, container: 'c', command: ['ls', '-l'] },
  ],
  ['attach', 'stdin', { kind: 'PodAttachOptions', stdin: true }],
  ['portforward', 'ports=80&ports=81', { kind: 'PodPortForwardOptions', ports: [80, 81] }],
])('admission sees what %s is opened with', async (subresource, query, options) => {
  expect(await opened(subresource, query)).toEqual({ operation: 'CONNECT', apiVersion: 'v1', ...options });
});

test('the path behind a proxy counts, whatever the query says', async () => {
  expect(await opened('proxy', 'path=/other', '/a b')).toMatchObject({ kind: 'PodProxyOptions', path: '/a b' });
});

test('what admission changes is what it is opened with', async () => {
  const plugin: AdmissionPlugin = {
    name: 'Changer',
    admit: async ({ object }) => void Object.assign(object ?? {}, { container: 'other' }),
  };
  expect(await admitConnection(callOf('attach', plugin), new URLSearchParams('container=c'))).toMatchObject({ container: 'other' });
});

test.each([
  ['ports=x', 'cannot convert to []int32: strconv.ParseUint: parsing "x": invalid syntax'],
  ['ports=4294967296', 'cannot convert to []int32: strconv.ParseUint: parsing "4294967296": value out of range'],
  ['dryRun=All', 'dryRun is not supported'],
])('%s is refused', async (query, message) => {
  await expect(opened('portforward', query)).rejects.toThrow(message);
});
