import { expect, test } from '@jest/globals';
import { byDeletionOrder } from './deletion-order.ts';
import { aPod } from './testing/builders.ts';

const now = Date.parse('2030-01-02T00:00:00Z');
const order = (pods: ReturnType<typeof aPod>[], ready = new Map<string, number>()): string[] =>
  byDeletionOrder(
    pods.map(pod => pod.build()),
    ready,
    now,
  ).map(pod => pod.metadata.name);

test('unassigned, then pending, then not ready, then ready', () => {
  expect(
    order([aPod('ready').on('n').ready(), aPod('running').on('n').phase('Running'), aPod('pending').on('n'), aPod('unassigned')]),
  ).toEqual(['unassigned', 'pending', 'running', 'ready']);
});

test('a lower deletion cost goes first', () => {
  const costly = aPod('a').on('n').ready().build();
  costly.metadata.annotations = { 'controller.kubernetes.io/pod-deletion-cost': '10' };
  const cheap = aPod('b').on('n').ready().build();
  expect(byDeletionOrder([costly, cheap], new Map(), now)[0]?.metadata.name).toBe('b');
});

test('the more crowded node loses a pod first', () => {
  const pods = [aPod('alone').on('n1').ready(), aPod('crowded').on('n2').ready()];
  expect(
    order(
      pods,
      new Map([
        ['n1', 1],
        ['n2', 3],
      ]),
    ),
  ).toEqual(['crowded', 'alone']);
});

test('of ready pods the one that became ready last goes first', () => {
  expect(order([aPod('old').on('n').ready('2030-01-01T00:00:00Z'), aPod('new').on('n').ready('2030-01-01T23:59:00Z')])).toEqual([
    'new',
    'old',
  ]);
});

test('of pods not yet running the youngest goes first', () => {
  expect(order([aPod('old').created('2030-01-01T00:00:00Z'), aPod('new').created('2030-01-01T23:59:59Z')])).toEqual(['new', 'old']);
});
