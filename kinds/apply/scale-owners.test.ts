import { expect, test } from '@jest/globals';
import type { ManagedFieldsEntry } from '../object.ts';
import { ownersOfParent, ownersOfScale } from './scale-owners.ts';

const path = ['spec', 'replicas'];
const time = '2020-01-01T00:00:00Z';
const owner = (more: Partial<ManagedFieldsEntry>): ManagedFieldsEntry => ({
  manager: 'm',
  operation: 'Update',
  apiVersion: 'apps/v1',
  time,
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:spec': { 'f:replicas': {} } },
  ...more,
});
const both = { 'f:spec': { 'f:paused': {}, 'f:replicas': {} } };

test('owners of the replicas own those of the scale, in its version; others do not', () => {
  const entries = [owner({ fieldsV1: both }), owner({ manager: 'o', fieldsV1: { 'f:spec': { 'f:paused': {} } } })];
  expect(ownersOfScale(entries, path)).toEqual([owner({ apiVersion: 'autoscaling/v1' })]);
  expect(ownersOfScale(undefined, path)).toEqual([]);
});

test('replicas that another took through the scale are his, in an entry that says when nothing', () => {
  const scaled = [owner({ manager: 's', subresource: 'scale', apiVersion: 'autoscaling/v1' })];
  const { time: _, ...timeless } = owner({ manager: 's', subresource: 'scale' });
  expect(ownersOfParent([owner({ fieldsV1: both })], scaled, path, 'apps/v1')).toEqual([
    timeless,
    owner({ fieldsV1: { 'f:spec': { 'f:paused': {} } } }),
  ]);
});

test('an applier that still owns the replicas keeps its entry as it is', () => {
  const applier = owner({ operation: 'Apply', fieldsV1: both });
  const scaled = ownersOfScale([applier], path);
  expect(ownersOfParent([applier], scaled, path, 'apps/v1')).toEqual([applier]);
});
