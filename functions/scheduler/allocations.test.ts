import { expect, test } from '@jest/globals';
import { memoryLog } from '../../store/memory.ts';
import { aPod } from '../controller/testing/builders.ts';
import { virtualClock } from '../controller/testing/virtual-time.ts';
import { Allocations, type Claim } from './allocations.ts';

const fixture = () => {
  const log = memoryLog({ clock: virtualClock() });
  let n = 0;
  /** What a binding's commit comes down to: whether its guards hold. */
  const bind = async ({ guards }: Claim): Promise<boolean> => {
    const key = { resource: 'bindings', namespace: '', name: `b${n++}` };
    const result = await log.commit([{ type: 'put', key, expected: 0, value: () => Buffer.from('{}') }], guards);
    return result.committed;
  };
  return { log, bind };
};
const pod = (name: string) => aPod(name).build();

test('claims under way rest on each other and are seen', async () => {
  const { log, bind } = fixture();
  const allocations = new Allocations(log, 'one');
  await allocations.open('n');
  const [a, b] = [allocations.claim('n', pod('a')), allocations.claim('n', pod('b'))];
  expect([...allocations.claimedOn('n')].map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  expect([await bind(a), await bind(b)]).toEqual([true, true]);
  a.done();
  expect(allocations.isOpen('n')).toBe(true);
  b.done();
  expect(allocations.isOpen('n')).toBe(false);
  expect([...allocations.claimedOn('n')]).toEqual([]);
});

test('another copy’s binding cannot stand in for one that failed', async () => {
  const { log, bind } = fixture();
  const [one, other] = [new Allocations(log, 'one'), new Allocations(log, 'other')];
  await one.open('n');
  await other.open('n');
  const [a, b] = [one.claim('n', pod('a')), one.claim('n', pod('b'))];
  const x = other.claim('n', pod('x'));
  expect(await bind(x)).toBe(true);
  expect(await bind(a)).toBe(false);
  // The count of the node is what b expects, but it was not a that was counted.
  expect(await bind(b)).toBe(false);
});

test('after a failure nobody joins, and who opens waits for the last', async () => {
  const { log } = fixture();
  const allocations = new Allocations(log, 'one');
  await allocations.open('n');
  const [a, b] = [allocations.claim('n', pod('a')), allocations.claim('n', pod('b'))];
  a.failed();
  a.done();
  expect(allocations.isOpen('n')).toBe(false);
  let opened = false;
  const opening = allocations.open('n').then(() => {
    opened = true;
  });
  await new Promise(resolve => setImmediate(resolve));
  expect(opened).toBe(false);
  b.failed();
  b.done();
  await opening;
  expect(allocations.isOpen('n')).toBe(true);
});

test('what was opened for nothing is forgotten', async () => {
  const { log } = fixture();
  const allocations = new Allocations(log, 'one');
  await allocations.open('n');
  allocations.release('n');
  expect(allocations.isOpen('n')).toBe(false);
});
