/** The debugging pages of flow control, as upstream prints them (apiserver `flowcontrol/apf_controller_debug.go`). */
import type { Asked, FlowControl } from './flow-control.ts';
import type { PriorityLevel } from './priority-level.ts';
import { type Occupant, serviceTime } from './queue-set.ts';

type Page = (levels: readonly PriorityLevel[], details: boolean) => readonly (readonly string[])[];

/** Undefined: there is no such page. */
export const dumpFlowControl = (flowControl: FlowControl, page: string, details: boolean): string | undefined => {
  if (!Object.hasOwn(pages, page)) return undefined;
  const levels = [...flowControl.levels()].sort((one, other) => (one.spec.name < other.spec.name ? -1 : 1));
  const make = pages[page as keyof typeof pages];
  return aligned(make(levels, details));
};

/** Cells end in a comma, and all of a column begin at the same place (Go's `tabwriter`, cells of at least eight, a space between). */
const aligned = (rows: readonly (readonly string[])[]): string => {
  const widths: number[] = [];
  for (const row of rows) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 8, cell.length + 2);
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === row.length - 1 ? cell : `${cell},`.padEnd(widths[column] ?? 0))).join('');
  return rows.map(row => `${line(row)}\n`).join('');
};

/** A level may have millions. */
const mostQueues = 10_000;

const seatSeconds = (seatMilliseconds: number): string => `${(seatMilliseconds / 1000).toFixed(8)}ss`;
const time = (ms: number): string => new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z');

const dumpLevels: Page = levels => [
  [
    ...['PriorityLevelName', 'ActiveQueues', 'IsIdle', 'IsQuiescing', 'WaitingRequests', 'ExecutingRequests'],
    ...['DispatchedRequests', 'RejectedRequests', 'TimedoutRequests', 'CancelledRequests'],
  ],
  ...levels.map(({ spec, requests }) => {
    const { dispatched, rejected, timedOut, cancelled } = requests.counts;
    const active = [...requests.state.queues.values()].filter(({ waiting }) => waiting.length > 0).length;
    const numbers = [requests.waiting, requests.working, dispatched, rejected, timedOut, cancelled];
    return [spec.name, String(active), String(requests.idle), 'false', ...numbers.map(String)];
  }),
];

const dumpQueues: Page = levels => [
  [
    ...['PriorityLevelName', 'Index', 'PendingRequests', 'ExecutingRequests', 'SeatsInUse', 'NextDispatchR'],
    ...['InitialSeatsSum', 'MaxSeatsSum', 'TotalWorkSum'],
  ],
  ...levels.flatMap(({ spec, requests: { state } }) =>
    Array.from({ length: Math.min(state.count, mostQueues) }, (_, index) => {
      const queue = state.queues.get(index);
      const numbers = [index, queue?.waiting.length ?? 0, queue?.working.size ?? 0, queue?.seatsInUse ?? 0];
      const waiting = queue?.seatsWaiting ?? 0;
      const sums = [String(waiting), String(waiting), seatSeconds(waiting * serviceTime)];
      return [spec.name, ...numbers.map(String), seatSeconds(queue?.next ?? 0), ...sums];
    }),
  ),
];

const dumpRequests: Page = (levels, details) => [
  [
    ...['PriorityLevelName', 'FlowSchemaName', 'QueueIndex', 'RequestIndexInQueue', 'FlowDistingsher', 'ArriveTime'],
    ...['InitialSeats', 'FinalSeats', 'AdditionalLatency', 'StartTime'],
    ...(details ? ['UserName', 'Verb', 'APIPath', 'Namespace', 'Name', 'APIVersion', 'Resource', 'SubResource'] : []),
  ],
  ...levels.flatMap(({ spec, requests }) => {
    const { queues, queueless } = requests.state;
    const row = (one: Occupant, queue: number, index: number): readonly string[] => [
      ...[spec.name, one.flow.schema, String(queue), String(index), one.flow.distinguisher, time(one.arrived)],
      ...[String(one.seats), '0', '0s', one.state === 'waiting' ? '0001-01-01T00:00:00Z' : time(one.begun)],
      ...(details ? detailsOf(one.about as Asked) : []),
    ];
    return [
      ...[...queues.values()].flatMap(({ index: queue, waiting, working }) => [
        ...waiting.map((one, index) => row(one, queue, index)),
        ...[...working].map(one => row(one, queue, -1)),
      ]),
      ...[...queueless].map(one => row(one, -1, -1)),
    ];
  }),
];

const detailsOf = ({ user, info: { verb, path, target } }: Asked): readonly string[] => [
  ...[user.name, verb, path, target?.namespace ?? '', target?.name ?? ''],
  target?.group ? `${target.group}/${target.version}` : (target?.version ?? ''),
  ...[target?.resource ?? '', target?.subresource ?? ''],
];

const pages = { dump_priority_levels: dumpLevels, dump_queues: dumpQueues, dump_requests: dumpRequests };
