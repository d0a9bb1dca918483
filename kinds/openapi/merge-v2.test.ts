import { expect, test } from '@jest/globals';
import type { JsonObject } from '../object.ts';
import { mergeV2, pathsBelow, type Swagger } from './merge-v2.ts';

const ref = (name: string) => ({ $ref: `#/definitions/${name}` });
const swagger = (paths: JsonObject, definitions: JsonObject = {}, parameters: JsonObject = {}): Swagger => ({
  paths,
  definitions,
  parameters,
});

test('of a document, what some paths need', () => {
  const document = swagger(
    { '/apis/a/v1/x': { schema: ref('X'), parameters: [{ $ref: '#/parameters/p' }] }, '/apis/b/v1/y': { schema: ref('Y') } },
    { X: { items: ref('Deep') }, Deep: { next: ref('X') }, Y: {} },
    { p: { name: 'p' }, q: { name: 'q' } },
  );
  expect(pathsBelow(document, '/apis/a/v1/')).toEqual({
    paths: { '/apis/a/v1/x': document.paths['/apis/a/v1/x'] },
    definitions: { X: { items: ref('Deep') }, Deep: { next: ref('X') } },
    parameters: { p: { name: 'p' } },
  });
  expect(pathsBelow({}, '/')).toEqual({ paths: {}, definitions: {}, parameters: {} });
});

test('the same definition is one, another of the same name gets the next free name', () => {
  const own = swagger(
    { '/own': { schema: ref('Same') } },
    { Same: { type: 'string' }, Taken: { type: 'string' }, Taken_v2: { type: 'boolean' } },
  );
  const extension = swagger(
    { '/ext': { a: ref('Same'), b: ref('Taken') } },
    { Same: { type: 'string' }, Taken: { type: 'integer', x: ref('Taken') } },
  );
  const merged = mergeV2(own, extension);
  expect(merged.definitions).toEqual({
    Same: { type: 'string' },
    Taken: { type: 'string' },
    Taken_v2: { type: 'boolean' },
    Taken_v3: { type: 'integer', x: ref('Taken_v3') },
  });
  expect(merged.paths).toEqual({ '/own': { schema: ref('Same') }, '/ext': { a: ref('Same'), b: ref('Taken_v3') } });
  expect(own.definitions['Taken_v3']).toBeUndefined();
});

test('a definition that both have is of the kinds of both', () => {
  const kind = (group: string) => ({ 'x-kubernetes-group-version-kind': [{ group, kind: 'DeleteOptions', version: 'v1' }] });
  const merged = mergeV2(swagger({}, { D: kind('a') }), swagger({ '/x': ref('D') }, { D: kind('b') }));
  expect(merged.definitions['D']).toEqual({
    'x-kubernetes-group-version-kind': [
      { group: 'a', kind: 'DeleteOptions', version: 'v1' },
      { group: 'b', kind: 'DeleteOptions', version: 'v1' },
    ],
  });
});

test('a path that is there stays', () => {
  expect(mergeV2(swagger({ '/x': { own: true } }), swagger({ '/x': { own: false } })).paths).toEqual({ '/x': { own: true } });
});
