/** Defaults and bounds of resources in a namespace (kubernetes `plugin/pkg/admission/limitranger`). */
import type { KubeObject } from '../../../kinds/object.ts';
import { add, compare, formatQuantity, isZero, parseQuantity, type Quantity, toNumber } from '../../../kinds/quantity.ts';
import type { Container, Pod, PodSpec } from '../../../kinds/types.ts';
import type { Entry, Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { refused } from './forbidden.ts';

type Amounts = Record<string, string>;
interface Limit {
  type: string;
  default?: Amounts;
  defaultRequest?: Amounts;
  min?: Amounts;
  max?: Amounts;
  maxLimitRequestRatio?: Amounts;
}
interface LimitRange extends KubeObject {
  spec?: { limits?: Limit[] };
}
/** Of a container, a whole pod, or a claim. */
interface Use {
  readonly requests: Readonly<Amounts>;
  readonly limits: Readonly<Amounts>;
}

const annotation = 'kubernetes.io/limit-ranger';
const limitsOf = ({ object }: Entry): readonly Limit[] => (object as LimitRange).spec?.limits ?? [];

const complete = (target: Amounts, defaults: Amounts): string[] => {
  const added = Object.keys(defaults)
    .filter(name => target[name] === undefined)
    .sort();
  for (const name of added) target[name] = defaults[name] ?? '';
  return added;
};

const completeContainer = (container: Container, what: string, limits: Amounts, requests: Amounts): string[] => {
  container.resources ??= {};
  const { resources } = container;
  resources.limits ??= {};
  resources.requests ??= {};
  const setLimits = complete(resources.limits, limits);
  const setRequests = complete(resources.requests, requests);
  if (Object.keys(resources.limits).length === 0) delete resources.limits;
  if (Object.keys(resources.requests).length === 0) delete resources.requests;
  return [
    ...(setRequests.length > 0 ? [`${setRequests.join(', ')} request for ${what} ${container.name}`] : []),
    ...(setLimits.length > 0 ? [`${setLimits.join(', ')} limit for ${what} ${container.name}`] : []),
  ];
};

const completePod = (pod: Pod, ranges: readonly Limit[]): void => {
  const own = ranges.filter(({ type }) => type === 'Container');
  const limits: Amounts = Object.assign({}, ...own.map(limit => limit.default ?? {}));
  const requests: Amounts = Object.assign({}, ...own.map(limit => limit.defaultRequest ?? {}));
  const notes = [
    ...(pod.spec?.containers ?? []).flatMap(container => completeContainer(container, 'container', limits, requests)),
    ...(pod.spec?.initContainers ?? []).flatMap(container => completeContainer(container, 'init container', limits, requests)),
  ];
  if (notes.length > 0)
    pod.metadata.annotations = { ...pod.metadata.annotations, [annotation]: `LimitRanger plugin set: ${notes.join('; ')}` };
};

const show = (wire: string): string => formatQuantity(parseQuantity(wire));
const over = (one: string, other: string): boolean => compare(parseQuantity(one), parseQuantity(other)) > 0;

const belowMinimum = (type: string, name: string, bound: string, { requests, limits }: Use): string | undefined => {
  const head = `minimum ${name} usage per ${type} is ${show(bound)}`;
  const request = requests[name];
  const limit = limits[name];
  if (request === undefined) return `${head}.  No request is specified`;
  if (over(bound, request)) return `${head}, but request is ${show(request)}`;
  return limit !== undefined && over(bound, limit) ? `${head}, but limit is ${show(limit)}` : undefined;
};

const aboveMaximum = (type: string, name: string, bound: string, { requests, limits }: Use): string | undefined => {
  const head = `maximum ${name} usage per ${type} is ${show(bound)}`;
  const request = requests[name];
  const limit = limits[name];
  if (limit === undefined) return `${head}.  No limit is specified`;
  if (over(limit, bound)) return `${head}, but limit is ${show(limit)}`;
  return request !== undefined && over(request, bound) ? `${head}, but request is ${show(request)}` : undefined;
};

const aboveRatio = (type: string, name: string, bound: string, { requests, limits }: Use): string | undefined => {
  const head = `${name} max limit to request ratio per ${type} is ${show(bound)}`;
  const request = requests[name];
  const limit = limits[name];
  if (request === undefined || isZero(parseQuantity(request))) return `${head}, but no request is specified or request is 0`;
  if (limit === undefined || isZero(parseQuantity(limit))) return `${head}, but no limit is specified or limit is 0`;
  const ratio = toNumber(parseQuantity(limit)) / toNumber(parseQuantity(request));
  return ratio > toNumber(parseQuantity(bound)) ? `${head}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
};

type Check = (type: string, name: string, bound: string, use: Use) => string | undefined;
const problems = (limit: Limit, use: Use): string[] => {
  const all: (readonly [Amounts | undefined, Check])[] = [
    [limit.min, belowMinimum],
    [limit.max, aboveMaximum],
    [limit.maxLimitRequestRatio, aboveRatio],
  ];
  return all.flatMap(([bounds, check]) =>
    Object.entries(bounds ?? {}).flatMap(([name, bound]) => check(limit.type, name, bound, use) ?? []),
  );
};

const useOf = (container: Container): Use => ({ requests: container.resources?.requests ?? {}, limits: container.resources?.limits ?? {} });

type Sums = Map<string, Quantity>;
const addTo = (sums: Sums, amounts: Readonly<Amounts>): void => {
  for (const [name, wire] of Object.entries(amounts)) {
    const before = sums.get(name);
    const quantity = parseQuantity(wire);
    sums.set(name, before ? add(before, quantity) : quantity);
  }
};
const raiseTo = (sums: Sums, other: Sums): void => {
  for (const [name, quantity] of other) {
    const before = sums.get(name);
    if (!before || compare(quantity, before) > 0) sums.set(name, quantity);
  }
};

/** Containers run together, init containers before them one by one, but those that restart stay. */
const podSum = (spec: PodSpec, part: (container: Container) => Readonly<Amounts>, own: Readonly<Amounts>): Amounts => {
  const sums: Sums = new Map();
  for (const container of spec.containers) addTo(sums, part(container));
  const staying: Sums = new Map();
  const initial: Sums = new Map();
  for (const container of spec.initContainers ?? []) {
    const here: Sums = new Map(staying);
    addTo(here, part(container));
    if (container.restartPolicy === 'Always') {
      addTo(sums, part(container));
      addTo(staying, part(container));
    }
    raiseTo(initial, here);
  }
  raiseTo(sums, initial);
  for (const [name, wire] of Object.entries(own)) sums.set(name, parseQuantity(wire));
  return Object.fromEntries([...sums].map(([name, quantity]) => [name, formatQuantity(quantity)]));
};

const podUse = (spec: PodSpec): Use => {
  const own = spec.resources as { requests?: Amounts; limits?: Amounts } | undefined;
  return {
    requests: podSum(spec, container => container.resources?.requests ?? {}, own?.requests ?? {}),
    limits: podSum(spec, container => container.resources?.limits ?? {}, own?.limits ?? {}),
  };
};

const podProblems = (spec: PodSpec, limit: Limit): string[] => {
  if (limit.type === 'Container') return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(one => problems(limit, useOf(one)));
  return limit.type === 'Pod' ? problems(limit, podUse(spec)) : [];
};

const claimProblems = (claim: KubeObject, limit: Limit): string[] => {
  if (limit.type !== 'PersistentVolumeClaim') return [];
  const requests = (claim['spec'] as { resources?: { requests?: Amounts } } | undefined)?.resources?.requests ?? {};
  const { type, min = {}, max = {} } = limit;
  return [
    ...Object.entries(min).flatMap(([name, bound]) => belowMinimum(type, name, bound, { requests, limits: {} }) ?? []),
    ...Object.entries(max).flatMap(([name, bound]) => {
      const head = `maximum ${name} usage per ${type} is ${show(bound)}`;
      const request = requests[name];
      if (request === undefined) return [`${head}.  No request is specified`];
      return over(request, bound) ? [`${head}, but request is ${show(request)}`] : [];
    }),
  ];
};

const concerns = ({ resource, subresource, operation, object }: AdmissionRequest): 'pod' | 'claim' | undefined => {
  if (!object) return undefined;
  const { name } = resource.storage;
  if (name === 'pods')
    return (operation === 'CREATE' && subresource === '') || (operation === 'UPDATE' && subresource === 'resize') ? 'pod' : undefined;
  if (name !== 'persistentvolumeclaims' || subresource !== '') return undefined;
  return operation === 'CREATE' || operation === 'UPDATE' ? 'claim' : undefined;
};

export const limitRanger = (replicas: Replicas): AdmissionPlugin => {
  const rangesIn = async (namespace: string): Promise<readonly Entry[]> => {
    const replica = replicas.loaded('limitranges') ?? (await replicas.open('limitranges'));
    await replica.sync();
    return replica.list({ namespace });
  };
  return {
    name: 'LimitRanger',
    async admit(request) {
      if (concerns(request) !== 'pod' || request.previous?.metadata.deletionTimestamp) return;
      for (const range of await rangesIn(request.namespace)) completePod(request.object as Pod, limitsOf(range));
    },
    async validate(request) {
      const what = concerns(request);
      const { object } = request;
      if (!what || !object || object.metadata.deletionTimestamp) return;
      for (const range of await rangesIn(request.namespace)) {
        const { spec } = object as Pod;
        const all = limitsOf(range).flatMap(limit =>
          what === 'pod' ? (spec ? podProblems(spec, limit) : []) : claimProblems(object, limit),
        );
        const found = [...new Set(all)];
        if (found.length > 0) throw refused(request, found.length === 1 ? (found[0] ?? '') : `[${found.join(', ')}]`);
      }
    },
  };
};
