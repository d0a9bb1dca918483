import { expect, test } from '@jest/globals';
import type { PodTemplateSpec } from '../../kinds/types.ts';
import { sameTemplate, templateHash, templateHashLabel } from './template.ts';

const template = (change: object = {}, labels: Record<string, string> = { app: 'web' }): PodTemplateSpec =>
  ({ metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i:1' }], ...change } }) as PodTemplateSpec;

test('the order of fields, nulls, empty lists and the hash label do not count', () => {
  const other = {
    spec: { tolerations: [], containers: [{ image: 'i:1', name: 'c' }] },
    metadata: { creationTimestamp: null, labels: { app: 'web' } },
  };
  expect(sameTemplate(template(), other as unknown as PodTemplateSpec)).toBe(true);
  expect(sameTemplate(template(), template({}, { app: 'web', [templateHashLabel]: 'x' }))).toBe(true);
});

test('a field that is false or zero is not the same as an absent one', () => {
  expect(sameTemplate(template(), template({ automountServiceAccountToken: false }))).toBe(false);
  expect(sameTemplate(template(), template({ terminationGracePeriodSeconds: 0 }))).toBe(false);
});

test('the hash is stable, differs by template and by collisions', () => {
  const hash = templateHash(template(), 0);
  expect(hash).toMatch(/^[456789bcdf]{1,10}$/);
  expect(templateHash(template(), 0)).toBe(hash);
  expect(templateHash(template({ hostNetwork: true }), 0)).not.toBe(hash);
  expect(templateHash(template(), 1)).not.toBe(hash);
});
