/** The options of a request, from its query (and for deletions its body), checked as apimachinery `pkg/apis/meta/v1/validation` does. */
import { forbidden as forbiddenField, invalid as invalidField, notSupported, required } from '../../kinds/field.ts';
import { validateFieldManager } from '../../kinds/metadata.ts';
import type { JsonObject } from '../../kinds/object.ts';
import { badRequest, type FieldError, invalid, StatusError } from '../../kinds/status.ts';
import type { WriteOptions } from './context.ts';
import type { PatchType } from './negotiate.ts';

const metaGroup = 'meta.k8s.io';
const refuse = (kind: string, errors: FieldError[]): void => {
  if (errors.length > 0) throw invalid({ group: metaGroup, kind }, '', errors);
};

const checkDryRun = (values: readonly string[]): FieldError[] =>
  values.some(value => value !== 'All') ? [notSupported('dryRun', values, ['All'])] : [];
const checkFieldValidation = (value: string): FieldError[] =>
  ['', 'Ignore', 'Strict', 'Warn'].includes(value) ? [] : [notSupported('fieldValidation', value, ['', 'Ignore', 'Strict', 'Warn'])];

/** Upstream's client names itself by the part of the User-Agent before the first slash, and printable characters only. */
export const managerOf = (userAgent: string | null): string => {
  const prefix = (userAgent ?? '').split('/', 1)[0] ?? '';
  return prefix.slice(0, 128);
};

/** As Go's `strconv.ParseBool` in query decoding: only these are false. */
const queryBool = (text: string | null): boolean | undefined =>
  text === null ? undefined : !(text === '' ? false : text === '0' || text.toLowerCase() === 'false');

const parseInteger = (text: string): number => {
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = Number(text);
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  return value;
};

const defaults = new Map<string, WriteOptions>();

/** Of POST (`CreateOptions`), PUT (`UpdateOptions`) and PATCH (`PatchOptions`). */
export const writeOptions = (
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
  query: URLSearchParams,
  userAgent: string | null,
  patch?: PatchType,
): WriteOptions => {
  if (query.size === 0 && patch !== 'apply') return plainOptions(kind, managerOf(userAgent));
  const dryRun = query.getAll('dryRun');
  const fieldManager = query.get('fieldManager') ?? '';
  const fieldValidation = query.get('fieldValidation') ?? '';
  const force = queryBool(query.get('force'));
  const errors: FieldError[] = [];
  if (kind === 'PatchOptions') {
    if (patch === 'apply') {
      if (!fieldManager) errors.push(required('fieldManager', 'is required for apply patch'));
    } else if (force !== undefined) errors.push(forbiddenField('force', 'may not be specified for non-apply patch'));
  }
  errors.push(...validateFieldManager(fieldManager, 'fieldManager'), ...checkDryRun(dryRun), ...checkFieldValidation(fieldValidation));
  refuse(kind, errors);
  return {
    dryRun: dryRun.length > 0,
    manager: fieldManager || managerOf(userAgent),
    fieldValidation: (fieldValidation || 'Warn') as WriteOptions['fieldValidation'],
    force: force ?? false,
    raw: {
      kind,
      apiVersion: `${metaGroup}/v1`,
      ...(dryRun.length > 0 ? { dryRun } : {}),
      ...(fieldManager ? { fieldManager } : {}),
      ...(fieldValidation ? { fieldValidation } : {}),
      ...(force === undefined ? {} : { force }),
    },
  };
};

/** What a request without query parameters has. */
export const plainOptions = (kind: string, manager: string): WriteOptions => {
  const key = `${kind} ${manager}`;
  let options = defaults.get(key);
  if (!options) {
    options = { dryRun: false, manager, fieldValidation: 'Warn', force: false, raw: { kind, apiVersion: `${metaGroup}/v1` } };
    if (defaults.size > 1000) defaults.clear();
    defaults.set(key, options);
  }
  return options;
};

export interface DeleteOptions {
  readonly dryRun: boolean;
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  readonly orphanDependents?: boolean;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly raw: JsonObject;
}

/** From the query, where a DELETE has no body. */
export const deleteOptionsOfQuery = (query: URLSearchParams): JsonObject => {
  const raw: JsonObject = {};
  const dryRun = query.getAll('dryRun');
  if (dryRun.length > 0) raw['dryRun'] = dryRun;
  const grace = query.get('gracePeriodSeconds');
  if (grace !== null) raw['gracePeriodSeconds'] = parseInteger(grace);
  const policy = query.get('propagationPolicy');
  if (policy !== null) raw['propagationPolicy'] = policy;
  const orphan = queryBool(query.get('orphanDependents'));
  if (orphan !== undefined) raw['orphanDependents'] = orphan;
  const preconditions: JsonObject = {};
  for (const name of ['uid', 'resourceVersion']) {
    const value = query.get(name);
    if (value !== null) preconditions[name] = value;
  }
  if (Object.keys(preconditions).length > 0) raw['preconditions'] = preconditions;
  return raw;
};

const policies = ['Foreground', 'Background', 'Orphan'];

/** Checks options that were decoded against their schema, so types are right. */
export const checkDeleteOptions = (raw: JsonObject): DeleteOptions => {
  const policy = raw['propagationPolicy'] as string | undefined;
  const orphan = raw['orphanDependents'] as boolean | undefined;
  const dryRun = (raw['dryRun'] ?? []) as string[];
  const grace = raw['gracePeriodSeconds'] as number | undefined;
  const preconditions = raw['preconditions'] as { uid?: string; resourceVersion?: string } | undefined;
  const errors: FieldError[] = [];
  if (policy !== undefined && orphan !== undefined)
    errors.push(invalidField('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'));
  if (policy !== undefined && !policies.includes(policy)) errors.push(notSupported('propagationPolicy', policy, [...policies, 'nil']));
  errors.push(...checkDryRun(dryRun));
  refuse('DeleteOptions', errors);
  return {
    dryRun: dryRun.length > 0,
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace < 0 ? 1 : grace }),
    ...(policy === undefined ? {} : { propagationPolicy: policy as 'Foreground' }),
    ...(orphan === undefined ? {} : { orphanDependents: orphan }),
    ...(preconditions ? { preconditions } : {}),
    raw,
  };
};

export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly limit: number;
  readonly continue: string;
  /** Empty: not given. */
  readonly resourceVersion: string;
  readonly resourceVersionMatch: '' | 'Exact' | 'NotOlderThan';
  readonly timeoutSeconds: number | undefined;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
}

/** Of a list or watch (apimachinery `pkg/apis/meta/internalversion/validation`). */
export const listOptions = (query: URLSearchParams, watch: boolean): ListOptions => {
  const timeout = query.get('timeoutSeconds');
  const limit = query.get('limit');
  const options: ListOptions = {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    limit: limit === null ? 0 : parseInteger(limit),
    continue: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: (query.get('resourceVersionMatch') ?? '') as ListOptions['resourceVersionMatch'],
    timeoutSeconds: timeout === null ? undefined : parseInteger(timeout),
    allowWatchBookmarks: queryBool(query.get('allowWatchBookmarks')) ?? false,
    sendInitialEvents: queryBool(query.get('sendInitialEvents')),
  };
  const complete = watch ? withInitialEvents(options) : options;
  refuse('ListOptions', watch ? checkWatch(complete) : checkList(complete));
  return complete;
};

/** A watch from nowhere begins with what there is (apimachinery `pkg/apis/meta/internalversion/defaults.go`). */
const withInitialEvents = (options: ListOptions): ListOptions =>
  options.sendInitialEvents === undefined &&
  !options.resourceVersionMatch &&
  (options.resourceVersion === '' || options.resourceVersion === '0')
    ? { ...options, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
    : options;

const field = 'resourceVersionMatch';

const checkWatch = ({ resourceVersionMatch: match, sendInitialEvents, ...options }: ListOptions): FieldError[] => {
  const errors: FieldError[] = [];
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan')
    errors.push(forbiddenField(field, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (!match) return errors;
  if (sendInitialEvents === undefined)
    errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
  if (match !== 'NotOlderThan') errors.push(notSupported(field, match, ['NotOlderThan']));
  if (options.continue) errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'));
  return errors;
};

const checkList = ({ resourceVersionMatch: match, resourceVersion, sendInitialEvents, ...options }: ListOptions): FieldError[] => {
  const errors: FieldError[] = [];
  if (match) {
    if (!resourceVersion) errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (options.continue) errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan') errors.push(notSupported(field, match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && resourceVersion === '0')
      errors.push(forbiddenField(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (sendInitialEvents !== undefined) errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  return errors;
};

const mostRevision = 2n ** 64n - 1n;
/** What is wrong with a revision that a client names, in the words of upstream's storage layer; undefined: nothing. */
export const revisionProblem = (text: string): string | undefined => {
  const digits = /^\d+$/.test(text);
  if (digits && (text.length < 20 || BigInt(text) <= mostRevision)) return undefined;
  const why = digits ? 'value out of range' : 'invalid syntax';
  return `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`;
};

/** A revision that lists ask for; 0 where none is named. */
export const parseRevision = (text: string): number => {
  const problem = text ? revisionProblem(text) : undefined;
  if (problem !== undefined) throw badRequest(`invalid resource version: ${problem}`);
  return Number(text);
};

/** A revision that gets and watches ask for, who are refused without a reason. */
export const requireRevision = (text: string): number => {
  const problem = text ? revisionProblem(text) : undefined;
  if (problem !== undefined) throw new StatusError(500, '', problem);
  return Number(text);
};
