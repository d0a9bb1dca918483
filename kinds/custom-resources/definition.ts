/** The parts of a stored CustomResourceDefinition that serving needs. */
import type { KubeObject } from '../object.ts';

export interface Names {
  readonly plural: string;
  readonly singular?: string;
  readonly kind: string;
  readonly listKind?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
}

export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

export interface DefinedVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly deprecationWarning?: string;
  readonly schema?: { readonly openAPIV3Schema?: Readonly<Record<string, unknown>> };
  readonly subresources?: { readonly status?: object; readonly scale?: ScalePaths };
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface Definition extends KubeObject {
  spec: {
    group: string;
    scope: string;
    names: Names;
    versions: readonly DefinedVersion[];
    preserveUnknownFields?: boolean;
    conversion?: {
      strategy?: string;
      webhook?: {
        clientConfig?: {
          url?: string;
          service?: { namespace: string; name: string; path?: string; port?: number };
          caBundle?: string;
        };
        conversionReviewVersions?: readonly string[];
      };
    };
  };
  status?: {
    acceptedNames?: Names;
    conditions?: Condition[];
    storedVersions?: string[];
  };
}

export const conditionHolds = (definition: Definition, type: string): boolean =>
  definition.status?.conditions?.some(condition => condition.type === type && condition.status === 'True') ?? false;
