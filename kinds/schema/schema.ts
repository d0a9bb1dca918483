/**
 * The one form of structural schema, for built-in kinds and CustomResourceDefinitions alike. Each definition is one shared
 * object and references point straight at it, so a schema graph may be cyclic (JSONSchemaProps). Treat it as immutable.
 */
import type { Json } from '../object.ts';

/** A rule in CEL, as `x-kubernetes-validations` states it. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

export interface Schema {
  /** Definition name (`io.k8s.api.apps.v1.DeploymentSpec`) where the schema is one; used by OpenAPI and error texts. */
  readonly definition?: string;
  /** Absent: any JSON value. */
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly format?: string;
  readonly properties?: ReadonlyMap<string, Schema>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  /** Values of a map. */
  readonly additionalProperties?: Schema;
  readonly enum?: readonly Json[];
  readonly default?: Json;
  readonly nullable?: boolean;
  readonly intOrString?: boolean;
  readonly preserveUnknownFields?: boolean;
  readonly embeddedResource?: boolean;
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  readonly mapType?: 'granular' | 'atomic';
  readonly patchStrategy?: readonly ('merge' | 'replace' | 'retainKeys')[];
  readonly patchMergeKey?: string;
  /** Only CustomResourceDefinitions carry what follows; the texts of built-in definitions are read when they are asked for. */
  readonly description?: string;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly rules?: readonly ValidationRule[];
  readonly bounds?: {
    readonly minimum?: number;
    readonly maximum?: number;
    readonly exclusiveMinimum?: boolean;
    readonly exclusiveMaximum?: boolean;
    readonly multipleOf?: number;
    readonly minLength?: number;
    readonly maxLength?: number;
    readonly pattern?: string;
    readonly minItems?: number;
    readonly maxItems?: number;
    readonly uniqueItems?: boolean;
    readonly minProperties?: number;
    readonly maxProperties?: number;
  };
}
