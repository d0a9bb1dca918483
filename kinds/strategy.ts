/**
 * What no schema can say about a kind: cross-field defaults and rules, immutability, what a writer may not touch, table
 * cells. One file a kind in `strategies/`; the pipeline calls the members in the order they stand here.
 *
 * All functions are pure but for the object they are told to complete (`defaults`, `prepare...` change their first argument
 * in place; it is the pipeline's own copy). `previous` objects are shared: never change them.
 */
import type { Clock, Random } from './environment.ts';
import type { Json, KubeObject } from './object.ts';
import type { FieldError } from './status.ts';

export interface StrategyContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly user: {
    readonly name: string;
    readonly groups: readonly string[];
    readonly uid?: string | undefined;
    readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
  };
  /** For what can no longer be seen when `warnings` is asked. */
  warn?(text: string): void;
}

/**
 * How a kind's own rules look at metadata, beside what the pipeline checks for all. Upstream has several ways, and clients see
 * which: a cause may be told once, twice or three times.
 */
export interface MetadataChecks {
  /** Finalizers may have any qualified name; else one without a domain must be one of the few standard ones. */
  readonly machinery?: boolean;
  /** Whether `generateName` is held to the rule for names (default: true). */
  readonly generateName?: boolean;
  /** Whether a new object's metadata is looked at before what the kind itself demands is met (default: true). */
  readonly create?: boolean;
  /** What is looked at on update: all of it, what changes in it, or both. Default: what changes. */
  readonly update?: readonly ('whole' | 'change')[];
}

/** How a write through one subresource differs from a write of the main object. */
export interface SubresourceStrategy<T extends KubeObject = KubeObject> {
  /** Puts back what this subresource may not change. Default for `status`: all but `status` and managed fields comes from `previous`. */
  prepareForUpdate?(next: T, previous: T, context: StrategyContext): void;
  validateUpdate?(next: T, previous: T): FieldError[];
  /** For `status`, in place of those of the main object. */
  warnings?(next: T, previous: T): string[];
  readonly metadataChecks?: MetadataChecks;
}

export interface Strategy<T extends KubeObject = KubeObject> {
  /** Which names are legal. Default: `dns-subdomain`. */
  readonly nameRule?: 'dns-subdomain' | 'dns-label' | 'dns1035-label' | 'path-segment' | ((name: string) => readonly string[]);
  readonly metadataChecks?: MetadataChecks;
  /** `metadata.generation` starts at 1 and grows when anything but metadata and status changes (default: false). */
  readonly generation?: boolean;
  /** Whoever creates the object may state its status (Node); else it starts blank. */
  readonly statusOnCreation?: boolean;
  /** PUT of a name that does not exist creates it (Lease, Endpoints, Event, Secret: no; see each kind's upstream `AllowCreateOnUpdate`). */
  readonly allowCreateOnUpdate?: boolean;
  /** PUT without a resourceVersion is allowed (default: true). */
  readonly allowUnconditionalUpdate?: boolean;
  /** What a DELETE without propagationPolicy does with dependents (default: `background`). */
  readonly defaultPropagation?: 'background' | 'orphan';

  /** Defaults that the schema tables do not carry; also run on what is read from an older store. Must be idempotent. */
  defaults?(object: T): void;
  /**
   * What readers see although it is not stored; the next write stores it, and is a change by that alone, as upstream. Gives a new
   * object, or the same where nothing is missing.
   */
  completeRead?(object: T): T;
  /** After defaults, before validation. The pipeline itself resets `status` where the kind has that subresource. */
  prepareForCreate?(object: T, context: StrategyContext): void;
  prepareForUpdate?(next: T, previous: T, context: StrategyContext): void;
  /** Rules over a whole object, which may be milder where it was like that before; metadata is checked by the pipeline. */
  validate?(object: T, previous?: T): FieldError[];
  /** Rules that hold for new objects only, because a change is measured otherwise (what was wrong before may stay). */
  validateCreate?(object: T): FieldError[];
  /** Rules over a change (immutability); `validate` of `next` is called as well. */
  validateUpdate?(next: T, previous: T): FieldError[];
  /** Last, once it is valid: takes away what validation had to see but readers shall not. */
  canonicalize?(object: T): void;
  warnings?(next: T, previous: T | undefined): string[];
  readonly subresources?: Readonly<Record<string, SubresourceStrategy<T>>>;

  /**
   * Grace of a DELETE in seconds, for kinds whose end takes time (Pod). Undefined: the object goes at once (finalizers aside).
   * `requested` is `gracePeriodSeconds` of the request.
   */
  gracePeriod?(object: T, requested: number | undefined): number | undefined;

  /** Annotations that stand for fields of the server's internal form: where metadata is shown alone, they are not there. */
  readonly fieldAnnotations?: ReadonlySet<string>;
  /** Selectable fields besides metadata.name and metadata.namespace. */
  fields?(object: T): Record<string, string>;
  /** Cells of one row, in the order of the kind's columns in `facts/columns.json`. `now` in ms. Absent: name and age. */
  cells?(object: T, now: number): Json[];
  /** What is said of a row besides its cells: kubectl hides completed pods when asked to. */
  rowConditions?(object: T): Json[] | undefined;
  /** JSON paths of the scale subresource; `selector` gives the selector in its string form. */
  readonly scale?: {
    readonly specReplicas: readonly string[];
    readonly statusReplicas: readonly string[];
    selector(object: T): string;
    /** Set for custom resources: replicas are the definition's field of this path, which checks them itself and may be missing. */
    readonly ownField?: string;
  };
}
