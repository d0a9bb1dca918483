/** CustomResourceDefinition (upstream: apiextensions `pkg/apis/apiextensions/validation`). */
import type * as generated from '@kubernetes/client-node';
import { check, oneOf, repeatsIn } from '../checks.ts';
import type { DefinedVersion } from '../custom-resources/definition.ts';
import { fieldPath } from '../custom-resources/field-path.ts';
import { goVersion } from '../custom-resources/go-form.ts';
import { schemaOf } from '../custom-resources/schema.ts';
import { entriesOf, isSchema, listOf, type SchemaProps } from '../custom-resources/structural.ts';
import { validateSchemaOfDefinition } from '../custom-resources/validate-definition.ts';
import { semanticEqual } from '../equality.ts';
import { duplicate, type Field, forbidden, goJson, invalid, type Path, quote, required, root, tooMany } from '../field.ts';
import { isDns1035Label, isDns1123Subdomain, validateImmutable } from '../metadata.ts';
import { isKnownFormat } from '../schema/formats.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import type { Kind, Wire } from '../types.ts';
import { machinery } from './metadata-checks.ts';
import { keepAllButStatus } from './status-update.ts';
import { validateWebhookService, validateWebhookUrl } from './webhook-configuration.ts';

export type CustomResourceDefinition = Kind<generated.V1CustomResourceDefinition>;
type Spec = Partial<NonNullable<CustomResourceDefinition['spec']>>;
type Version = NonNullable<Spec['versions']>[number];
type Names = Partial<Wire<generated.V1CustomResourceDefinitionNames>>;

const specField = root('spec');
const versionsField = specField.child('versions');

/** Rules that answer one text for all problems together. */
const joined = (name: string, field: Field, shown = name, head = ''): FieldError[] => {
  const problems = isDns1035Label(name);
  return problems.length ? [invalid(field, shown, `${head}${problems.join(',')}`)] : [];
};
const mixedCase = 'may have mixed case, but should otherwise match: ';

const needed = ['plural', 'singular', 'kind', 'listKind'] as const;
/** Of those that are there. */
const validateNames = (names: Partial<Names>, field: Path): FieldError[] => {
  const { plural, singular, kind, listKind, shortNames = [], categories = [] } = names;
  const errors: FieldError[] = [];
  if (plural) errors.push(...joined(plural, field.child('plural')));
  if (singular) errors.push(...joined(singular, field.child('singular')));
  if (kind) errors.push(...joined(kind.toLowerCase(), field.child('kind'), kind, mixedCase));
  if (listKind) errors.push(...joined(listKind.toLowerCase(), field.child('listKind'), listKind, mixedCase));
  shortNames.forEach((name, i) => {
    errors.push(...joined(name, field.child('shortNames').index(i)));
  });
  if (kind && kind === listKind) errors.push(invalid(field.child('listKind'), listKind, 'kind and listKind may not be the same'));
  categories.forEach((name, i) => {
    errors.push(...joined(name, field.child('categories').index(i)));
  });
  return errors;
};

const simplePath = (path: string, field: Field): FieldError[] =>
  path.startsWith('.') ? [] : [invalid(field, path, path ? 'must be a simple json path starting with .' : 'must not be empty')];

const validateSubresources = (subresources: Version['subresources'], field: Path): FieldError[] => {
  const { scale } = subresources ?? {};
  if (!scale) return [];
  const errors: FieldError[] = [];
  for (const [name, prefix] of [
    ['specReplicasPath', '.spec'],
    ['statusReplicasPath', '.status'],
  ] as const) {
    const path = scale[name];
    const at = field.child('scale', name);
    const problems = path ? simplePath(path, at) : [required(at)];
    errors.push(...problems);
    if (problems.length === 0 && !path.startsWith(`${prefix}.`)) errors.push(invalid(at, path, `should be a json path under ${prefix}`));
  }
  const selector = scale.labelSelectorPath;
  if (!selector) return errors;
  const at = field.child('scale', 'labelSelectorPath');
  const problems = simplePath(selector, at);
  if (problems.length === 0 && !/^\.(spec|status)\./.test(selector))
    problems.push(invalid(at, selector, 'should be a json path under either .spec or .status'));
  return [...errors, ...problems];
};

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const validateColumns = (columns: Version['additionalPrinterColumns'], field: Path): FieldError[] =>
  (columns ?? []).flatMap(({ name, type, format, jsonPath }, i) => {
    const at = field.index(i);
    const errors: FieldError[] = name ? [] : [required(at.child('name'))];
    const choice = `must be one of ${columnTypes.join(',')}`;
    if (!type) errors.push(required(at.child('type'), choice));
    else if (!columnTypes.includes(type)) errors.push(invalid(at.child('type'), type, choice));
    if (format && !columnFormats.includes(format))
      errors.push(invalid(at.child('format'), format, `must be one of ${columnFormats.join(',')}`));
    return [...errors, ...(jsonPath ? simplePath(jsonPath, at.child('JSONPath')) : [required(at.child('JSONPath'))])];
  });

const selectableTypes = ['string', 'boolean', 'integer'];
const mostSelectable = 8;
const validateSelectable = (version: Version, field: Path): FieldError[] => {
  const fields = version.selectableFields ?? [];
  if (fields.length === 0) return [];
  const schema = version.schema?.openAPIV3Schema as SchemaProps | undefined;
  if (!schema) return [invalid(field, '', 'may only be set when `version.schema.openAPIV3Schema` is not included')];
  const errors: FieldError[] = [];
  const structural = schemaOf(schema);
  const seen = new Set<string>();
  fields.forEach(({ jsonPath }, i) => {
    const at = field.index(i).child('jsonPath');
    if (!jsonPath) {
      errors.push(required(at));
      return;
    }
    const found = fieldPath(jsonPath, structural, false);
    if ('problem' in found) {
      errors.push(invalid(at, jsonPath, `is an invalid path: ${found.problem}`));
      return;
    }
    if (/^metadata(?:\.|$)/.test(found.shown)) errors.push(invalid(at, jsonPath, 'must not point to fields in metadata'));
    if (!selectableTypes.includes(found.schema.type ?? ''))
      errors.push(
        invalid(
          at,
          jsonPath,
          'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
        ),
      );
    if (seen.has(found.shown)) errors.push(duplicate(at, jsonPath));
    seen.add(found.shown);
  });
  return seen.size > mostSelectable ? [...errors, tooMany(field, seen.size, mostSelectable)] : errors;
};

const validateDeprecation = ({ deprecated = false, deprecationWarning: text }: Version, field: Path): FieldError[] => {
  if (text === undefined) return [];
  const problems: string[] = deprecated ? [] : ['can only be set for deprecated versions'];
  if (Buffer.byteLength(text) > 256) problems.push('must be <= 256 characters long');
  if (text === '') problems.push('must not be an empty string');
  const at = [...text].findIndex(char => /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char));
  if (at >= 0)
    problems.push(
      `must only contain printable UTF-8 characters; non-printable character found at index ${Buffer.byteLength([...text].slice(0, at).join(''))}`,
    );
  // Shown as what a pointer leads to: in JSON.
  return problems.map(problem => ({
    type: 'Invalid',
    field: String(field.child('deprecationWarning')),
    message: `Invalid value: ${goJson(text)}: ${problem}`,
  }));
};

/**
 * Upstream's stored form has one schema, one set of columns and one of subresources where all versions agree, and reports
 * them there. So does this.
 */
const validateVersions = (given: readonly Version[] | undefined): FieldError[] => {
  const versions = given ?? [];
  const [first] = versions;
  const errors: FieldError[] = [];
  const agree = (field: keyof Version) => versions.every(version => semanticEqual(version[field], first?.[field]));
  const shared = {
    schema: agree('schema'),
    subresources: agree('subresources'),
    columns: agree('additionalPrinterColumns'),
    selectableFields: agree('selectableFields'),
  };
  const anyStatus = versions.some(({ subresources }) => subresources?.status);
  versions.forEach((version, i) => {
    const own = versionsField.index(i);
    const schema = version.schema?.openAPIV3Schema as SchemaProps | undefined;
    if (!schema) errors.push(required(own.child('schema', 'openAPIV3Schema')));
    errors.push(...joined(version.name ?? '', own.child('name')), ...validateDeprecation(version, own));
    const place = (one: boolean, path: Path, name: string) => (one ? (i === 0 ? path : undefined) : own.child(name));
    const schemaField = place(shared.schema, specField.child('validation'), 'schema');
    if (schema && schemaField)
      errors.push(...validateSchemaOfDefinition(schema, schemaField, shared.schema ? anyStatus : Boolean(version.subresources?.status)));
    const subresourcesField = place(shared.subresources, specField.child('subresources'), 'subresources');
    if (subresourcesField) errors.push(...validateSubresources(version.subresources, subresourcesField));
    const columnsField = place(shared.columns, specField.child('additionalPrinterColumns'), 'additionalPrinterColumns');
    if (columnsField) errors.push(...validateColumns(version.additionalPrinterColumns, columnsField));
    const selectableField = place(shared.selectableFields, specField.child('selectableFields'), 'selectableFields');
    if (selectableField) errors.push(...validateSelectable(version, selectableField));
  });
  const shown = given ? versions.map(version => goVersion(version as DefinedVersion, shared)) : null;
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    errors.push(invalid(versionsField, shown, 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(invalid(versionsField, shown, 'must have exactly one version marked as storage version'));
  if (first?.name) errors.push(...joined(first.name, specField.child('version')));
  return errors;
};

const validateConversion = (conversion: Spec['conversion']): FieldError[] => {
  if (!conversion) return [];
  const field = specField.child('conversion');
  const client = field.child('webhookClientConfig');
  const reviews = field.child('conversionReviewVersions');
  const { strategy, webhook } = conversion;
  const errors = oneOf(strategy, ['None', 'Webhook'], field.child('strategy'));
  const versions = webhook?.conversionReviewVersions ?? [];
  if (strategy !== 'Webhook') {
    const why = 'should not be set when strategy is not set to Webhook';
    if (webhook?.clientConfig) errors.push(forbidden(client, why));
    if (versions.length) errors.push(forbidden(reviews, why));
    return errors;
  }
  if (!webhook?.clientConfig) errors.push(required(client, 'required when strategy is set to Webhook'));
  else {
    const { url, service } = webhook.clientConfig;
    if ((url === undefined) === (service === undefined)) errors.push(required(client, 'exactly one of url or service is required'));
    else if (url !== undefined) errors.push(...validateWebhookUrl(url, client.child('url')));
    else if (service) errors.push(...validateWebhookService(service, client.child('service')));
  }
  if (versions.length === 0) return [...errors, required(reviews)];
  const repeats = repeatsIn(versions);
  versions.forEach((version, i) => {
    if (repeats.has(i)) errors.push(invalid(reviews.index(i), version, 'duplicate version'));
    else errors.push(...check(isDns1035Label, version, reviews.index(i)));
  });
  if (!versions.some(version => version === 'v1' || version === 'v1beta1'))
    errors.push(invalid(reviews, versions, 'must include at least one of v1, v1beta1'));
  return errors;
};

const approvalAnnotation = 'api-approved.kubernetes.io';
/** Groups of the Kubernetes community need to say where their API was approved. */
const validateApproval = ({ metadata, spec }: CustomResourceDefinition): FieldError[] => {
  const group = spec?.group ?? '';
  if (!/(^|\.)(k8s\.io|kubernetes\.io)$/.test(group)) return [];
  const field = root('metadata', 'annotations').key(approvalAnnotation);
  const text = metadata.annotations?.[approvalAnnotation];
  const see = 'see https://github.com/kubernetes/enhancements/pull/1111';
  if (!text) return [required(field, `protected groups must have approval annotation "${approvalAnnotation}", ${see}`)];
  if (text.startsWith('unapproved') || /^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(text)) return [];
  return [
    invalid(
      field,
      text,
      `protected groups must have approval annotation "${approvalAnnotation}" with either a URL or a reason starting with "unapproved", ${see}`,
    ),
  ];
};

const validateSpec = (object: CustomResourceDefinition): FieldError[] => {
  const spec: Spec = object.spec ?? {};
  const { group = '', scope, names = {} as Names } = spec;
  const errors: FieldError[] = [];
  const groupField = specField.child('group');
  const groupProblems = isDns1123Subdomain(group);
  if (!group) errors.push(required(groupField));
  else if (groupProblems.length) errors.push(invalid(groupField, group, groupProblems.join(',')));
  else if (!group.includes('.')) errors.push(invalid(groupField, group, 'should be a domain with at least one dot'));
  errors.push(...oneOf(scope, ['Cluster', 'Namespaced'], specField.child('scope')), ...validateVersions(spec.versions));
  for (const name of needed) if (!names[name]) errors.push(required(specField.child('names', name)));
  errors.push(...validateNames(names, specField.child('names')), ...validateConversion(spec.conversion));
  if (spec.preserveUnknownFields === true && !object.metadata.resourceVersion)
    errors.push(
      invalid(
        specField.child('preserveUnknownFields'),
        true,
        'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ),
    );
  return errors;
};

const validateStored = ({ spec, status }: CustomResourceDefinition): FieldError[] => {
  const field = root('status', 'storedVersions');
  const stored = status?.storedVersions ?? [];
  if (stored.length === 0) return [invalid(field, null, 'must have at least one stored version')];
  const errors: FieldError[] = [];
  const names = (spec?.versions ?? []).map(({ name }) => name);
  for (const { name, storage } of spec?.versions ?? [])
    if (storage && !stored.includes(name)) errors.push(invalid(field, stored, `must have the storage version ${name}`));
  stored.forEach((name, i) => {
    if (!names.includes(name))
      errors.push(
        invalid(
          field.index(i),
          name,
          `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
        ),
      );
  });
  return errors;
};

const established = ({ status }: CustomResourceDefinition): boolean =>
  status?.conditions?.some(({ type, status: state }) => type === 'Established' && state === 'True') ?? false;
/** Whatever is stored in a version is remembered until it is known to be gone. */
const recordStored = (object: CustomResourceDefinition): void => {
  const version = object.spec?.versions?.find(one => one.storage);
  const storage = version && (version.name ?? '');
  const stored = object.status?.storedVersions ?? [];
  if (storage !== undefined && !stored.includes(storage))
    object.status = { ...object.status, storedVersions: [...stored, storage] } as NonNullable<typeof object.status>;
};

/** Those that nothing is checked by, wherever they stand. */
const formatsIn = (schema: SchemaProps): string[] => {
  const { format, type } = schema;
  const known = typeof format !== 'string' || !format || isKnownFormat(format, String(type ?? ''));
  const inner = [schema['items'], schema['not'], schema['additionalProperties']].filter(isSchema);
  inner.push(...['allOf', 'anyOf', 'oneOf'].flatMap(word => listOf(schema[word])));
  inner.push(...entriesOf(schema['properties']).map(([, property]) => property));
  return [...(known ? [] : [format]), ...inner.flatMap(formatsIn)];
};
const unrecognizedFormats = ({ spec }: CustomResourceDefinition): string[] => {
  const schemas = (spec?.versions ?? []).map(({ schema }) => schema?.openAPIV3Schema as SchemaProps | undefined);
  const shared = schemas.every(schema => semanticEqual(schema, schemas[0]));
  return (shared ? schemas.slice(0, 1) : schemas).flatMap(schema => (schema ? formatsIn(schema) : []));
};

export const customResourceDefinition: Strategy<CustomResourceDefinition> = {
  metadataChecks: machinery,
  generation: true,
  allowUnconditionalUpdate: false,
  defaults(object) {
    const { names, conversion } = object.spec ?? {};
    if (names) {
      names.singular ||= (names.kind ?? '').toLowerCase();
      if (names.kind) names.listKind ||= `${names.kind}List`;
    }
    if (object.spec && !conversion) object.spec.conversion = { strategy: 'None' };
    if (conversion?.webhook?.clientConfig?.service) conversion.webhook.clientConfig.service.port ??= 443;
    if (!object.status?.storedVersions?.length) recordStored(object);
  },
  prepareForCreate(object) {
    // As Go writes what nobody has set.
    object.status = { acceptedNames: { kind: '', plural: '' }, conditions: null } as unknown as NonNullable<typeof object.status>;
    recordStored(object);
  },
  prepareForUpdate: recordStored,
  validate(object) {
    const { group = '', names } = object.spec ?? {};
    const { name } = object.metadata;
    const errors: FieldError[] = [];
    const { generateName, resourceVersion } = object.metadata;
    for (const [field, given] of Object.entries({ generateName, name }))
      if (!resourceVersion && given && given !== `${names?.plural ?? ''}.${group}`)
        errors.push(invalid(root('metadata', field), given, 'must be spec.names.plural+"."+spec.group'));
    errors.push(...validateSpec(object), ...validateStored(object));
    return object.metadata.resourceVersion ? errors : [...errors, ...validateApproval(object)];
  },
  validateUpdate(next, previous) {
    const after = next.spec;
    const before = previous.spec;
    const names = specField.child('names');
    const errors: FieldError[] = [];
    if (established(previous)) {
      errors.push(...validateImmutable(after?.scope, before?.scope, specField.child('scope')));
      errors.push(...validateImmutable(after?.names?.kind, before?.names?.kind, names.child('kind')));
    }
    errors.push(...validateImmutable(after?.group, before?.group, specField.child('group')));
    errors.push(...validateImmutable(after?.names?.plural, before?.names?.plural, names.child('plural')));
    if (previous.metadata.annotations?.[approvalAnnotation] !== next.metadata.annotations?.[approvalAnnotation])
      errors.push(...validateApproval(next));
    return errors;
  },
  warnings(next, previous) {
    const before = new Set(previous ? unrecognizedFormats(previous) : []);
    return unrecognizedFormats(next)
      .filter(format => !before.has(format))
      .map(format => `unrecognized format ${quote(format)}`);
  },
  subresources: {
    status: {
      prepareForUpdate: keepAllButStatus,
      // Which versions are stored is not judged before the definition itself is written.
      validateUpdate: ({ status }) => validateNames((status?.acceptedNames ?? {}) as Partial<Names>, root('status', 'acceptedNames')),
    },
  },
  cells: object => [object.metadata.name, object.metadata.creationTimestamp ?? null],
};
