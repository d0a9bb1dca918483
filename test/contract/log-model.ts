/** A small pure model of the log, and random histories to hold any adapter against it. */
import { expect } from '@jest/globals';
import * as fc from 'fast-check';
import type { CommitResult, Log, Mutation } from '../../store/log.ts';
import { keyOf, loaded, put, remove, text, wholeTail } from './log-contract.ts';

/** `current`: the revision that is there; `stale`: one that is not; `absent`: 0. */
type Expectation = 'current' | 'stale' | 'absent';
interface Step {
  readonly mutations: readonly {
    readonly resource: 0 | 1;
    readonly name: string;
    readonly type: 'put' | 'delete';
    readonly expect: Expectation;
  }[];
  readonly guards: readonly { readonly row: string; readonly expect: 'current' | 'stale' }[];
}

const mutation = fc.record({
  resource: fc.constantFrom(0 as const, 1 as const),
  name: fc.constantFrom('a', 'b', 'c'),
  type: fc.constantFrom('put' as const, 'put' as const, 'delete' as const),
  expect: fc.constantFrom<Expectation>('current', 'current', 'current', 'stale', 'absent'),
});
const guard = fc.record({
  row: fc.constantFrom('x', 'y'),
  expect: fc.constantFrom('current' as const, 'current' as const, 'stale' as const),
});
export const anyHistory: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    mutations: fc.uniqueArray(mutation, { minLength: 0, maxLength: 4, selector: ({ resource, name }) => `${resource}/${name}` }),
    guards: fc.uniqueArray(guard, { maxLength: 2, selector: ({ row }) => row }),
  }),
  { minLength: 1, maxLength: 25 },
);

interface ModelChange {
  readonly type: 'created' | 'updated' | 'deleted';
  readonly name: string;
  readonly revision: number;
  readonly value: string;
  readonly previous: string | undefined;
}

class Model {
  readonly objects = new Map<string, { revision: number; value: string }>();
  readonly guards = new Map<string, number>();
  readonly changes = new Map<string, ModelChange[]>();

  /** What the log must answer; the revisions are the log's own choice. */
  expected(mutations: readonly Mutation[], guards: readonly { row: string; seen: number }[]): CommitResult | undefined {
    const conflicts = mutations.flatMap(({ key, expected }, index) => {
      const found = this.objects.get(`${key.resource}/${key.name}`)?.revision ?? 0;
      return found === expected ? [] : [{ index, found }];
    });
    const moved = guards.flatMap(({ row, seen }, index) => {
      const found = this.guards.get(row) ?? 0;
      return found === seen ? [] : [{ index, found }];
    });
    return conflicts.length + moved.length > 0 ? { committed: false, conflicts, guards: moved } : undefined;
  }

  apply(mutations: readonly Mutation[], guards: readonly { row: string; seen: number }[], revisions: readonly number[]): void {
    for (const { row, seen } of guards) this.guards.set(row, seen + 1);
    for (const [index, { type, key, value }] of mutations.entries()) {
      const id = `${key.resource}/${key.name}`;
      const revision = revisions[index] ?? 0;
      const state = text(value(revision)) ?? '';
      const previous = this.objects.get(id)?.value;
      const changes = this.changes.get(key.resource) ?? [];
      this.changes.set(key.resource, changes);
      changes.push({
        type: type === 'delete' ? 'deleted' : previous === undefined ? 'created' : 'updated',
        name: key.name,
        revision,
        value: state,
        previous,
      });
      if (type === 'delete') this.objects.delete(id);
      else this.objects.set(id, { revision, value: state });
    }
  }
}

export async function checkHistory(log: Log, aResource: () => string, histories: fc.Arbitrary<readonly Step[]>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(histories, async steps => {
      const resources = [aResource(), aResource()] as const;
      const starts = [await log.head(resources[0]), await log.head(resources[1])] as const;
      const model = new Model();
      for (const [number, step] of steps.entries()) {
        const mutations = step.mutations.map(({ resource, name, type, expect: kind }): Mutation => {
          const key = keyOf(resources[resource], name);
          const current = model.objects.get(`${key.resource}/${name}`)?.revision ?? 0;
          const expected = kind === 'current' ? current : kind === 'stale' ? current + 1000 : 0;
          // A deletion always names a revision.
          return type === 'delete' ? remove(key, expected || 1, String(number)) : put(key, expected, String(number));
        });
        const guards = step.guards.map(({ row, expect: kind }) => {
          const name = `${resources[0]}/${row}`;
          return { row: name, seen: (model.guards.get(name) ?? 0) + (kind === 'stale' ? 1 : 0) };
        });
        const result = await log.commit(mutations, guards);
        const refused = model.expected(mutations, guards);
        if (refused !== undefined) expect(result).toEqual(refused);
        else {
          if (!result.committed) throw new Error(`refused: ${JSON.stringify(result)}`);
          expect(result.revisions).toHaveLength(mutations.length);
          model.apply(mutations, guards, result.revisions);
        }
      }
      for (const [row, count] of model.guards) expect(await log.guard(row)).toBe(count);
      for (const [index, resource] of resources.entries()) {
        const changes = [...(model.changes.get(resource) ?? [])].sort((a, b) => a.revision - b.revision);
        const tail = await wholeTail(log, resource, starts[index] ?? 0, 3);
        expect(
          tail.map(change => ({
            type: change.type,
            name: change.key.name,
            revision: change.revision,
            value: text(change.value),
            previous: text(change.previous),
          })),
        ).toEqual(changes);
        const head = await log.head(resource);
        expect(head).toBeGreaterThanOrEqual(changes.at(-1)?.revision ?? starts[index] ?? 0);
        expect(await log.tail(resource, head)).toEqual([]);
        const state = [...(await loaded(log, resource)).values()].map(({ key, revision, value }) => [
          `${key.resource}/${key.name}`,
          { revision, value: text(value) },
        ]);
        const mine = [...model.objects].filter(([id]) => id.startsWith(`${resource}/`));
        expect(Object.fromEntries(state)).toEqual(Object.fromEntries(mine));
        for (const [id, object] of mine) {
          expect(text((await log.get(keyOf(resource, id.slice(resource.length + 1))))?.value)).toBe(object.value);
        }
      }
    }),
    { numRuns: 60 },
  );
}
