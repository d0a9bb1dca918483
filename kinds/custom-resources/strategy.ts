/** The strategy of custom resources (apiextensions `pkg/registry/customresource/{strategy,status_strategy,validator}.go`). */
import { copyJson } from '../copy.ts';
import { invalid, quote } from '../field.ts';
import { isQualifiedName } from '../metadata.ts';
import type { KubeObject } from '../object.ts';
import type { Schema } from '../schema/schema.ts';
import { validateSchema } from '../schema/validate.ts';
import { type FieldError, forbidden } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { conditionHolds, type DefinedVersion, type Definition, type ScalePaths } from './definition.ts';
import { validateEmbedded } from './embedded.ts';
import { jsonPath } from './json-path.ts';
import { hasRules, validateRules } from './rules.ts';
import { cellsOf } from './table.ts';

const largest = 2 ** 31 - 1;

const stepsOf = (path: string): string[] => path.replace(/^\./, '').split('.');
const dig = (object: unknown, path: string): unknown => {
  let at = object;
  for (const name of stepsOf(path)) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
};

const goType = (value: unknown): string => {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'string' ? 'string' : 'map[string]interface {}';
};

/** A value as Go prints it. */
const goText = (value: unknown): string => {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const names = Object.keys(value as object).sort();
  return `map[${names.map(name => `${name}:${goText((value as Record<string, unknown>)[name])}`).join(' ')}]`;
};

const validateReplicas = (object: KubeObject, path: string): FieldError[] => {
  const value = dig(object, path);
  if (value === undefined) return [];
  if (typeof value !== 'number' || !Number.isInteger(value))
    return [invalid(path, 0, `${path} accessor error: ${goText(value)} is of the type ${goType(value)}, expected int64`)];
  if (value < 0) return [invalid(path, value, 'should be a non-negative integer')];
  return value > largest ? [invalid(path, value, `should be less than or equal to ${largest}`)] : [];
};

const validateScaleStatus = (object: KubeObject, { statusReplicasPath, labelSelectorPath }: ScalePaths): FieldError[] => {
  const errors = validateReplicas(object, statusReplicasPath);
  const selector = labelSelectorPath ? dig(object, labelSelectorPath) : undefined;
  if (labelSelectorPath && selector !== undefined && typeof selector !== 'string')
    errors.push(
      invalid(
        labelSelectorPath,
        '',
        `${labelSelectorPath} accessor error: ${goText(selector)} is of the type ${goType(selector)}, expected string`,
      ),
    );
  return errors;
};

const unchecked =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
const blocking: ReadonlySet<FieldError['type']> = new Set(['NotSupported', 'Required', 'TooLong', 'TooMany', 'TypeInvalid']);

/** Rules see only objects that have the form the schema asks for. */
const withRules = (errors: FieldError[], schema: Schema, next: KubeObject, previous: KubeObject | undefined): FieldError[] => {
  if (!hasRules(schema)) return errors;
  if (!errors.some(({ type }) => blocking.has(type))) errors.push(...validateRules(schema, next, previous));
  else errors.push(invalid('<nil>', null, unchecked));
  return errors;
};

const standardFinalizers = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);
const finalizerWarnings = (next: KubeObject, previous: KubeObject | undefined): string[] => {
  const added = (next.metadata.finalizers ?? []).filter(name => !previous?.metadata.finalizers?.includes(name));
  const shown = 'metadata.finalizers';
  return [...new Set(added)].sort().flatMap(name => {
    const texts = isQualifiedName(name).map(problem => `${shown}: ${quote(name)}: ${problem}`);
    if (!name.includes('/') && !standardFinalizers.has(name))
      texts.push(
        `${shown}: ${quote(name)}: prefer a domain-qualified finalizer name ${name.includes('.') ? 'including a path (/) ' : ''}to avoid accidental conflicts with other finalizer writers`,
      );
    return texts;
  });
};

const shownField = (value: unknown): string => {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
};

export interface StrategyOptions {
  readonly definition: Definition;
  readonly version: DefinedVersion;
  /** Converted when it is first needed. */
  readonly schema: () => Schema;
}

export const strategyOf = ({ definition, version, schema }: StrategyOptions): Strategy => {
  const { status, scale } = version.subresources ?? {};
  const { group } = definition.spec;
  const terminating = conditionHolds(definition, 'Terminating');
  const plural = definition.spec.names.plural;
  const selectable = (version.selectableFields ?? []).map(({ jsonPath: path }) => ({
    name: path.replace(/^\./, ''),
    find: jsonPath(path),
  }));
  const { labelSelectorPath } = scale ?? {};
  const scaleErrors = (object: KubeObject): FieldError[] =>
    scale ? [...validateReplicas(object, scale.specReplicasPath), ...validateScaleStatus(object, scale)] : [];
  const apiVersion = `${group}/${version.name}`;
  const { kind } = { ...definition.spec.names, ...definition.status?.acceptedNames };
  const typeErrors = (object: KubeObject): FieldError[] => [
    ...(object.kind === kind ? [] : [invalid('kind', object.kind, `must be ${kind}`)]),
    ...(object.apiVersion === apiVersion ? [] : [invalid('apiVersion', object.apiVersion, `must be ${apiVersion}`)]),
  ];
  const validate = (next: KubeObject, previous: KubeObject | undefined): FieldError[] => {
    const errors = [...typeErrors(next), ...validateSchema(schema(), next, '', previous)];
    errors.push(...scaleErrors(next), ...validateEmbedded(schema(), next));
    return withRules(errors, schema(), next, previous);
  };
  const validateStatus = (next: KubeObject, previous: KubeObject): FieldError[] => {
    const own = schema().properties?.get('status');
    const errors =
      own && next['status'] !== undefined
        ? validateSchema(own, next['status'], '', previous['status'] as typeof next | undefined).map(error => ({
            ...error,
            field: error.field && error.field !== '<nil>' ? `status.${error.field}` : 'status',
          }))
        : [];
    if (scale) errors.push(...validateScaleStatus(next, scale));
    return withRules(errors, schema(), next, previous);
  };

  return {
    metadataChecks: { machinery: true },
    generation: true,
    allowUnconditionalUpdate: false,
    allowCreateOnUpdate: false,
    prepareForCreate(object) {
      if (terminating)
        throw forbidden(
          { group, resource: plural },
          object.metadata.name,
          'create not allowed while custom resource definition is terminating',
        );
    },
    validateCreate: object => validate(object, undefined),
    validateUpdate: (next, previous) => validate(next, previous),
    warnings: finalizerWarnings,
    ...(status
      ? {
          subresources: {
            status: {
              prepareForUpdate(next, previous) {
                const { managedFields, resourceVersion } = next.metadata;
                const own = next['status'];
                for (const key of Object.keys(next)) delete next[key];
                Object.assign(next, copyJson(previous));
                if (own === undefined) delete next['status'];
                else next['status'] = own;
                if (managedFields) next.metadata.managedFields = managedFields;
                else delete next.metadata.managedFields;
                if (resourceVersion === undefined) delete next.metadata.resourceVersion;
                else next.metadata.resourceVersion = resourceVersion;
              },
              validateUpdate: validateStatus,
            },
          },
        }
      : {}),
    fields: object => Object.fromEntries(selectable.map(({ name, find }) => [name, shownField(find(object)[0])])),
    cells: cellsOf(version),
    ...(scale
      ? {
          scale: {
            specReplicas: stepsOf(scale.specReplicasPath),
            statusReplicas: stepsOf(scale.statusReplicasPath),
            selector: object => (labelSelectorPath ? String(dig(object, labelSelectorPath) ?? '') : ''),
            ownField: scale.specReplicasPath,
          },
        }
      : {}),
  };
};
