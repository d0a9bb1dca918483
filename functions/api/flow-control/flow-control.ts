/**
 * API priority and fairness: whose request is worked on when there are more than the server does at once (KEP-1040; apiserver `flowcontrol`).
 *
 * FlowSchemas say which priority level a request belongs to, levels have shares of the server's seats, and within a level flows wait in fair queues.
 * A request that begins at once, which is nearly every one, costs a look into a map and some counting.
 */
import type { Clock, Logger } from '../../../kinds/environment.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../../../kinds/types.ts';
import type { Replica, Replicas } from '../../../store/replica.ts';
import type { ApiRequest, ApiResponse, RequestInfo, User } from '../types.ts';
import { candidate, classifier } from './classify.ts';
import { type LevelSpec, levelSpec, PriorityLevel } from './priority-level.ts';
import type { Occupant } from './queue-set.ts';
import { type Extent, seatsOf } from './seats.ts';
import { borrow } from './shares.ts';

export interface FlowControlOptions {
  readonly replicas: Replicas;
  /** Requests, or rather seats, that are worked on at once. */
  readonly seats: number;
  /** What a cluster starts with; `exempt` and `catch-all` of it are in force even where somebody removed them. */
  readonly bootstrap: readonly KubeObject[];
  /** Of the resource a request names, without waiting for it. */
  readonly extent: (info: RequestInfo) => Extent | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A request's time of work. */
export interface Turn {
  /** Said in the answer, by uid, so that names stay with administrators. */
  readonly headers: Readonly<Record<string, string>>;
  /** Set: the request is refused with this. */
  readonly refusal: ApiResponse | undefined;
  /** The work is done; does nothing the second time. */
  end(): void;
}

export interface FlowControl {
  /** Undefined for those who hold no seat: exec, attach, port-forward, proxy and logs, which last. */
  enter(request: ApiRequest, info: RequestInfo, user: User): Turn | Promise<Turn> | undefined;
  /** As they are now; for the debugging pages. */
  levels(): readonly PriorityLevel[];
}

/** What the debugging pages tell about a request. */
export interface Asked {
  readonly user: User;
  readonly info: RequestInfo;
}

interface Schema {
  readonly name: string;
  readonly distinguish: 'ByUser' | 'ByNamespace' | '';
  readonly level: PriorityLevel;
  readonly headers: Readonly<Record<string, string>>;
}

const group = 'flowcontrol.apiserver.k8s.io';
export const flowSchemas = `flowschemas.${group}`;
export const priorityLevels = `prioritylevelconfigurations.${group}`;

/** Seats are lent and called back this often. */
const borrowingPeriod = 10_000;
/** In a queue: a quarter of what a request may take in all. */
const longestWait = 15_000;
const lasting = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);

export async function flowControl(options: FlowControlOptions): Promise<FlowControl> {
  const [schemas, levels] = await Promise.all([options.replicas.open(flowSchemas), options.replicas.open(priorityLevels)]);
  return new ConfiguredFlowControl(options, schemas, levels);
}

class ConfiguredFlowControl implements FlowControl {
  private readonly options: FlowControlOptions;
  private readonly clock: Clock;
  private readonly replicas: readonly [schemas: Replica, levels: Replica];
  private byName = new Map<string, PriorityLevel>();
  private classify: (user: User, info: RequestInfo) => Schema;
  private stale = false;
  private adjusted = 0;
  private timer: (() => void) | undefined;
  private waiting = 0;

  constructor(options: FlowControlOptions, schemas: Replica, levels: Replica) {
    this.options = options;
    this.clock = options.clock;
    this.replicas = [schemas, levels];
    this.classify = this.configure();
    for (const replica of this.replicas)
      replica.subscribe(() => {
        this.stale = true;
      });
  }

  levels(): readonly PriorityLevel[] {
    this.refresh();
    return [...this.byName.values()];
  }

  enter(request: ApiRequest, info: RequestInfo, user: User): Turn | Promise<Turn> | undefined {
    const { verb, target } = info;
    if (verb === 'proxy' || (target !== undefined && lasting.has(target.subresource))) return undefined;
    this.refresh();
    const schema = this.classify(user, info);
    const { level } = schema;
    const distinguisher =
      schema.distinguish === 'ByUser' ? user.name : schema.distinguish === 'ByNamespace' ? (target?.namespace ?? '') : '';
    const seats = seatsOf(info, level.widest, () => this.options.extent(info));
    const asked: Asked = { user, info };
    const occupant = level.requests.start({ schema: schema.name, distinguisher }, seats, asked);
    if (occupant === undefined) return this.refuse(schema);
    return occupant.state === 'waiting' ? this.wait(request, schema, occupant) : turn(schema, occupant);
  }

  private async wait(request: ApiRequest, schema: Schema, occupant: Occupant): Promise<Turn> {
    const { requests } = schema.level;
    const { signal } = request;
    const gone = (): void => requests.giveUp(occupant, 'cancelled');
    signal.addEventListener('abort', gone);
    const cancel = this.clock.after(longestWait, () => requests.giveUp(occupant, 'timedOut'));
    // Who waits may be waiting for seats to be lent.
    this.waiting += 1;
    this.planAdjustment();
    const decided = requests.wait(occupant);
    if (signal.aborted) gone();
    const granted = await decided;
    this.waiting -= 1;
    cancel();
    signal.removeEventListener('abort', gone);
    return granted ? turn(schema, occupant) : this.refuse(schema);
  }

  /** Not a Status: upstream answers with these bytes. */
  private refuse({ level, headers }: Schema): Turn {
    const retryAfter = level.retryAfter.refuse(this.clock.now());
    const refusal: ApiResponse = {
      status: 429,
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'retry-after': String(retryAfter),
        'x-content-type-options': 'nosniff',
      },
      body: 'Too many requests, please try again later.\n',
    };
    return { headers, refusal, end: () => undefined };
  }

  private refresh(): void {
    if (this.stale) this.classify = this.configure();
    else if (this.clock.now() - this.adjusted >= borrowingPeriod) this.adjust();
  }

  private planAdjustment(): void {
    this.timer ??= this.clock.after(borrowingPeriod, () => {
      this.timer = undefined;
      if (this.stale) this.classify = this.configure();
      else this.adjust();
      if (this.waiting > 0) this.planAdjustment();
    });
  }

  /** Also the time to ask for changes where no one brings them. */
  private adjust(): void {
    this.adjusted = this.clock.now();
    for (const replica of this.replicas)
      replica.sync().catch((error: unknown) => this.options.logger.warn('flow control keeps its configuration', { error: String(error) }));
    const all = [...this.byName.values()];
    for (const level of all) level.demand.turn();
    const limits = borrow(all);
    for (const [index, level] of all.entries()) level.limit(limits[index] ?? level.current);
  }

  /** Everything is read anew: changes are rare. Requests in a level that is gone end in it. */
  private configure(): (user: User, info: RequestInfo) => Schema {
    this.stale = false;
    const [schemaObjects, levelObjects] = this.replicas;
    const specs = this.withMandatory('PriorityLevelConfiguration', levelObjects)
      .map(object => levelSpec(object as PriorityLevelConfiguration))
      .filter((spec): spec is LevelSpec => spec !== undefined);
    const allShares = specs.reduce((sum, { shares }) => sum + shares, 0);
    const before = this.byName;
    this.byName = new Map(
      specs.map(spec => {
        const level = before.get(spec.name) ?? new PriorityLevel(spec, this.clock, borrowingPeriod);
        level.configure(spec, this.options.seats, allShares);
        return [spec.name, level];
      }),
    );
    this.adjust();
    const schemas = this.withMandatory('FlowSchema', schemaObjects)
      .map(object => object as FlowSchema)
      .sort(inOrder)
      .flatMap(object => {
        const schema = this.schema(object);
        return schema ? [candidate(schema, object.spec)] : [];
      });
    const last = schemas.find(({ schema }) => schema.name === 'catch-all') ?? schemas.at(-1);
    if (last === undefined) throw new Error('no FlowSchema is left to fall under');
    return classifier(schemas, last.schema);
  }

  /** Objects as stored, and of the two that must be there those that are not. */
  private withMandatory(kind: string, replica: Replica): readonly KubeObject[] {
    const stored = replica.list().map(({ object }) => object);
    const missing = this.options.bootstrap.filter(
      object => object.kind === kind && isMandatory(object) && !stored.some(({ metadata }) => metadata.name === object.metadata.name),
    );
    return [...stored, ...missing];
  }

  /** Undefined where it refers to a level that is not there. */
  private schema({ metadata, spec }: FlowSchema): Schema | undefined {
    const level = this.byName.get(spec?.priorityLevelConfiguration?.name ?? '');
    if (!level) return undefined;
    const type = spec?.distinguisherMethod?.type;
    return {
      name: metadata.name,
      distinguish: type === 'ByUser' || type === 'ByNamespace' ? type : '',
      level,
      headers: { 'x-kubernetes-pf-flowschema-uid': metadata.uid ?? '', 'x-kubernetes-pf-prioritylevel-uid': level.spec.uid },
    };
  }
}

export const isMandatory = ({ metadata }: KubeObject): boolean => metadata.name === 'exempt' || metadata.name === 'catch-all';

/** Of equal precedence, the lexicographically smaller name (as upstream's documentation has it). */
const inOrder = (one: FlowSchema, other: FlowSchema): number =>
  (one.spec?.matchingPrecedence ?? 1000) - (other.spec?.matchingPrecedence ?? 1000) || (one.metadata.name < other.metadata.name ? -1 : 1);

const turn = ({ headers, level }: Schema, occupant: Occupant): Turn => ({
  headers,
  refusal: undefined,
  end: () => level.requests.finish(occupant),
});
