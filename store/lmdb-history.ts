/** Which rows of history may go next. Steps are small, because each is part of a transaction that commits wait for. */
import type { Database } from 'lmdb';
import type { ResourceState } from './lmdb.ts';
import { decodeRow, resourceRange, revisionOfRowKey, rowKey } from './lmdb-rows.ts';

export interface Trim {
  readonly resource: string;
  readonly rows: readonly Buffer[];
  /** What the resource's floor becomes, and its history bytes up to there. */
  readonly floor: number;
  readonly history: number;
}

const stepRows = 256;
const stepBytes = 4 * 1024 * 1024;

/**
 * A step for the first resource that has changes from before `until`; else, when all history together is over its limit, for the one that
 * has most of it. A change is forgotten by removing the row it replaced, or its own too if it was a deletion.
 */
export function planTrim(log: Database<Buffer, Buffer>, states: Iterable<ResourceState>, until: number, limit: number): Trim | undefined {
  let total = 0;
  let most: ResourceState | undefined;
  for (const state of states) {
    const trim = step(log, state, until);
    if (trim !== undefined) return trim;
    total += size(state);
    if (most === undefined || size(state) > size(most)) most = state;
  }
  return most !== undefined && total > limit ? step(log, most, Number.POSITIVE_INFINITY, total - limit) : undefined;
}

const size = (state: ResourceState): number => state.history - state.historyAtFloor;

function step(log: Database<Buffer, Buffer>, state: ResourceState, until: number, atMost = stepBytes): Trim | undefined {
  if (state.floor >= state.head) return undefined;
  const rows: Buffer[] = [];
  let floor = state.floor;
  let history = state.historyAtFloor;
  const range = { start: rowKey(state.resource, state.floor + 1), end: resourceRange(state.resource).end, limit: stepRows };
  for (const { key, value } of log.getRange(range)) {
    const row = decodeRow(value);
    if (row.time >= until || history - state.historyAtFloor >= Math.min(atMost, stepBytes)) break;
    floor = revisionOfRowKey(key);
    history = row.history;
    if (row.previous > 0) rows.push(rowKey(state.resource, row.previous));
    if (row.type === 'deleted') rows.push(Buffer.from(key));
  }
  return floor === state.floor ? undefined : { resource: state.resource, rows, floor, history };
}
