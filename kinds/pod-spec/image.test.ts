import { expect, test } from '@jest/globals';
import { defaultPullPolicy, imageTag } from './image.ts';

const digest = `sha256:${'a'.repeat(64)}`;
test.each([
  ['nginx', 'latest'],
  ['nginx:1.27', '1.27'],
  ['registry.example:5000/team/app', 'latest'],
  ['registry.example:5000/team/app:v1', 'v1'],
  [`nginx@${digest}`, ''],
  [`nginx:1@${digest}`, '1'],
  ['Not/An Image', ''],
  ['UPPER', ''],
  ['', ''],
  ['a'.repeat(64), ''],
  [`${'a'.repeat(255)}:1`, '1'],
  ['a'.repeat(256), ''],
])('the tag of %s', (image, tag) => {
  expect(imageTag(image)).toBe(tag);
});

test('only what may move is pulled always', () => {
  expect(defaultPullPolicy('nginx')).toBe('Always');
  expect(defaultPullPolicy('nginx:latest')).toBe('Always');
  expect(defaultPullPolicy('nginx:1')).toBe('IfNotPresent');
  expect(defaultPullPolicy(undefined)).toBe('IfNotPresent');
});
