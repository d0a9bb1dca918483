/**
 * Random objects of every kind, from the schemas, are created, replaced, patched and applied. Whatever a client sends, the answer is one of the
 * client's own (no 5xx), what was stored is valid, applying twice changes nothing, and patching leads where applying leads.
 *
 * `FUZZ_RUNS` cases of each property and kind (default 12), from `FUZZ_SEED`; a failure prints both and the smallest case that still fails.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { admissionPlugins } from '../../functions/api/admission/index.ts';
import { serviceAllocator } from '../../functions/api/allocation/service.ts';
import { anApi, type TestAnswer, type TestApi } from '../../functions/api/testing.ts';
import type { Json, JsonObject } from '../../kinds/object.ts';
import { builtInRegistry } from '../../kinds/registry.ts';
import { apiVersionOf, type Resource } from '../../kinds/resource.ts';
import { type Edit, edited, setOwn } from './edits.ts';
import { seeds } from './seeds.ts';

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 12);
const seed = Number(process.env['FUZZ_SEED'] ?? 1);

const anEdit: fc.Arbitrary<Edit> = fc.record({
  walk: fc.array(fc.nat(65535), { minLength: 1, maxLength: 8 }),
  action: fc.nat(15),
  value: fc.nat(1 << 20),
});
const edits = fc.array(anEdit, { minLength: 1, maxLength: 3 });

const registry = builtInRegistry();
const namespaceOf = ({ resource, version }: Resource): string => `${resource}-${version}`;

const kinds = Object.entries(seeds).map(([key, object]) => {
  const [resource = '', version = '', group = ''] = key.split('/').reverse();
  const found = registry.find(group, version, resource);
  if (!found) throw new Error(`no resource ${key}`);
  const inPlace = JSON.stringify(object).replaceAll('NAMESPACE', namespaceOf(found));
  return { key, resource: found, object: JSON.parse(inPlace) as JsonObject };
});

let api: TestApi;
let count = 0;
beforeAll(async () => {
  const allocators: Parameters<typeof anApi>[2] = parts => [serviceAllocator({ ...parts, serviceCidr: '10.96.0.0/16' })];
  api = await anApi(parts => admissionPlugins({ ...parts, registry }), true, allocators);
  // A namespace for each kind, so that the quotas and limits of one do not rule the others.
  for (const { resource } of kinds) {
    if (!resource.namespaced) continue;
    const name = namespaceOf(resource);
    await send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await send('POST', `/api/v1/namespaces/${name}/serviceaccounts`, account);
  }
});
afterAll(() => api.close());

const pathOf = (resource: Resource): string => {
  const { group, version, namespaced } = resource;
  return `/${group ? `apis/${group}` : 'api'}/${version}/${namespaced ? `namespaces/${namespaceOf(resource)}/` : ''}${resource.resource}`;
};

/** Names that say something must be as the kind wants them. */
const freshName = ({ resource }: Resource): string => (resource === 'apiservices' ? `v1.fuzz${++count}.example.com` : `fuzz-${++count}`);

const bodyOf = (resource: Resource, object: JsonObject, name: string): JsonObject => {
  const metadata = object['metadata'];
  const own = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata) ? metadata : {};
  const made: JsonObject = { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { ...own, name } };
  if (resource.resource === 'apiservices') made['spec'] = { ...(object['spec'] as JsonObject), group: name.slice(3) };
  return made;
};

/**
 * What upstream answers with a 500, too: a resourceVersion that is no number or on a new object, an applied object that its schema cannot take,
 * a patch of a list without the key of its elements or of elements of several types.
 */
const upstreamsOwn =
  /^strconv\.ParseUint|^resourceVersion should not be set|^failed to create typed (patch|live) object|does not contain declared merge key|^failed to convert new object|^list element types are not identical/;

const send = async (method: string, path: string, body?: Json, type = 'application/json'): Promise<TestAnswer> => {
  const answer = await api.send(method, path, body, { 'content-type': type });
  if (answer.status >= 500 && !upstreamsOwn.test(answer.body.message))
    throw new Error(`${method} ${path}: ${answer.status} ${answer.body.message}`);
  return answer;
};

const refusal = ({ body }: TestAnswer): string => (body.kind === 'Status' ? body.message : '');

const apply = (path: string, body: JsonObject): Promise<TestAnswer> =>
  send('PATCH', `${path}?fieldManager=fuzz&force=true`, body, 'application/apply-patch+yaml');

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The merge patch that leads from one value to another (RFC 7386). */
const mergePatch = (from: JsonObject, to: JsonObject): JsonObject => {
  const patch: JsonObject = {};
  for (const name of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const before = Object.hasOwn(from, name) ? from[name] : undefined;
    const after = Object.hasOwn(to, name) ? to[name] : undefined;
    if (after === undefined) setOwn(patch, name, null);
    else if (isObject(before) && isObject(after)) setOwn(patch, name, mergePatch(before, after));
    else if (JSON.stringify(before) !== JSON.stringify(after)) setOwn(patch, name, after);
  }
  return patch;
};

/** What the writer of an object decides: without what the system notes, names, ids and addresses of its own, and lists that others write to. */
const decided = (answer: TestAnswer, name: string): unknown => {
  const { metadata, status: _, ...rest } = answer.body as unknown as { metadata: JsonObject; status?: Json };
  const { labels, annotations } = metadata;
  const text = JSON.stringify({ ...rest, metadata: { labels, annotations } });
  const neutral = text
    .replaceAll(name, 'NAME')
    .replaceAll(name.slice(3), 'GROUP')
    .replaceAll(String(metadata['uid']), 'UID')
    .replaceAll(/kube-api-access-\w{5}/g, 'kube-api-access')
    .replaceAll(/10\.96\.\d+\.\d+/g, 'ADDRESS')
    // An applied empty object is as good as none.
    .replaceAll(/"\w+":\{\},?/g, '')
    .replaceAll(/,\}/g, '}')
    .replaceAll(/"(nodePort|healthCheckNodePort)":3\d{4}/g, '"$1":"PORT"');
  return JSON.parse(neutral);
};

/** A merge patch says with null that a member goes, so it cannot say null. */
const hasNull = (value: Json): boolean => value === null || (typeof value === 'object' && Object.values(value).some(hasNull));

/** An applied object that names a revision, an uid or its end means one object only, and the second time it is another. */
const isPinned = ({ metadata }: JsonObject): boolean =>
  isObject(metadata) && ['resourceVersion', 'uid', 'deletionTimestamp', 'deletionGracePeriodSeconds'].some(name => name in metadata);

/**
 * Where upstream itself stores another object the second time: a taint that every new node gets belongs to nobody, and an applier of taints takes
 * it away; an applied selector of a job competes with the one that the job is given; a slice counts as changed when its defaults come back;
 * a claim's phase is stored by the first write that follows its creation.
 */
const settlesLater = ({ resource }: Resource): boolean => ['nodes', 'jobs', 'endpointslices', 'persistentvolumeclaims'].includes(resource);

const property = (resource: Resource, object: JsonObject, holds: (changed: JsonObject) => Promise<void>) =>
  fc.assert(
    fc.asyncProperty(edits, async list => holds(edited(resource.schema, object, list))),
    { numRuns, seed },
  );

describe.each(kinds)('$key', ({ resource, object }) => {
  const path = pathOf(resource);
  const writable = resource.verbs.includes('patch');

  test('the seed is a legal object', async () => {
    const answer = await send('POST', path, bodyOf(resource, object, writable ? freshName(resource) : ''));
    expect([answer.status, refusal(answer)]).toEqual([201, '']);
  });

  test('what was created can be put back as it is', async () => {
    await property(resource, object, async changed => {
      const name = freshName(resource);
      const created = await send('POST', path, bodyOf(resource, changed, name));
      if (created.status !== 201 || !writable) return;
      const at = `${path}/${created.body.metadata.name}`;
      const read = await send('GET', at);
      expect(read.body).toEqual(created.body);
      const put = await send('PUT', at, read.body as unknown as JsonObject);
      expect([put.status, refusal(put)]).toEqual([200, '']);
      if (!settlesLater(resource)) expect(put.body).toEqual(read.body);
    });
  });

  if (!writable) return;

  test('applying twice changes nothing', async () => {
    await property(resource, object, async changed => {
      if (isPinned(changed) || settlesLater(resource)) return;
      const name = freshName(resource);
      const body = bodyOf(resource, changed, name);
      const first = await apply(`${path}/${name}`, body);
      // Who applies nothing owns nothing, and what others set is taken for older than any applier.
      if (first.status >= 300 || !first.body.metadata.managedFields) return;
      const second = await apply(`${path}/${name}`, body);
      // What is not taken off again by defaults or admission may be refused the second time, as upstream does; but it changes nothing.
      const after = second.status < 300 ? second : await send('GET', `${path}/${name}`);
      expect(after.body).toEqual(first.body);
    });
  });

  test('a merge patch leads where applying leads', async () => {
    await property(resource, object, async changed => {
      if (isPinned(changed) || settlesLater(resource) || hasNull(changed) || 'stringData' in object) return;
      const one = freshName(resource);
      const other = freshName(resource);
      const before = bodyOf(resource, object, '');
      const [applied, patched] = await Promise.all([one, other].map(name => apply(`${path}/${name}`, bodyOf(resource, object, name))));
      expect([applied?.status, patched?.status]).toEqual([201, 201]);
      const patch = mergePatch(before, bodyOf(resource, changed, ''));
      const byPatch = await send('PATCH', `${path}/${other}?fieldManager=fuzz`, patch, 'application/merge-patch+json');
      const byApply = await apply(`${path}/${one}`, bodyOf(resource, changed, one));
      if (byPatch.status === 200 && byApply.status === 200) expect(decided(byApply, one)).toEqual(decided(byPatch, other));
    });
  });

  test('patches of all sorts are answered', async () => {
    await property(resource, object, async changed => {
      const name = freshName(resource);
      await send('POST', path, bodyOf(resource, object, name));
      const at = `${path}/${name}`;
      await send('PATCH', at, changed, 'application/strategic-merge-patch+json');
      await send('PATCH', at, changed, 'application/merge-patch+json');
      const operations = Object.entries(changed).map(([member, value]) => ({ op: 'replace', path: `/${member}`, value }));
      await send('PATCH', at, operations, 'application/json-patch+json');
      const read = await send('GET', at);
      if (read.status !== 200) return;
      const put = await send('PUT', at, read.body as unknown as JsonObject);
      expect([put.status, refusal(put)]).toEqual([200, '']);
    });
  });
});

test('nothing unexpected was logged', () => {
  expect(api.logged).toEqual([]);
});
