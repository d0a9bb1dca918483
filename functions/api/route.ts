/** Which resource a path names, and what answers it. A path that exists with another method is 405, one that does not exist 404. */
import { isCustomResource, type Registry, type Resource } from '../../kinds/resource.ts';
import { methodNotAllowed, notFound, pageNotFound, StatusError } from '../../kinds/status.ts';
import type { Answer, Exchange } from './context.ts';
import { reviews, subresources } from './subresources/index.ts';
import { proxied, proxy, proxyMethods } from './subresources/proxy.ts';
import type { ApiRequest, RequestInfo } from './types.ts';
import { create } from './verbs/create.ts';
import { remove } from './verbs/delete.ts';
import { deleteCollection } from './verbs/delete-collection.ts';
import { get } from './verbs/get.ts';
import { list } from './verbs/list.ts';
import { patch } from './verbs/patch.ts';
import { update } from './verbs/update.ts';
import { watch } from './verbs/watch.ts';

export type Handler = (exchange: Exchange) => Promise<Answer>;

export interface Routed {
  readonly target: Pick<Exchange, 'resource' | 'subresource' | 'namespace' | 'name' | 'rest'>;
  readonly handler: Handler;
  /** The form of the answer is a matter between the client and whoever is behind the proxy. */
  readonly passesOn?: boolean;
  /** The path also answers watches, which refusals mention. */
  readonly streams: boolean;
  /** False for what can only be posted (reviews, bindings, evictions, tokens): it has no rows. */
  readonly tables: boolean;
}

/** Undefined: no resource is meant. */
export type Router = (registry: Registry, request: ApiRequest, info: RequestInfo) => Routed | undefined;

const verbs: Readonly<Record<string, Handler>> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: remove,
  deletecollection: deleteCollection,
};
const ofCollection = new Set(['create', 'list', 'watch', 'deletecollection']);
const ofItem = new Set(['get', 'update', 'patch', 'delete']);

const methodNotServed = (): StatusError =>
  new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

/** What follows `proxy` is a path of somebody else. */
const ownPart = (path: string, { name, subresource }: NonNullable<RequestInfo['target']>): string => {
  const end = subresource === 'proxy' ? path.indexOf(`/${name}/proxy`) : -1;
  return end < 0 ? path : path.slice(0, end);
};

export const route: Router = (registry, request, info) => {
  const { target } = info;
  if (!target) return undefined;
  const resource = registry.find(target.group, target.version, target.resource);
  if (!resource) {
    if (target.group && !registry.all().some(({ group }) => group === target.group)) return undefined;
    // Of groups that are all custom, upstream knows no more paths than resources.
    if (target.group && registry.all().every(one => one.group !== target.group || isCustomResource(one))) return undefined;
    throw pageNotFound();
  }
  const { name, subresource, rest } = target;
  const namespaced = resource.namespaced;
  const { verb } = info;
  // Nothing stands between two slashes but in a path that is passed on. Custom resources are found part by part.
  if (ownPart(info.path, target).includes('//') && !isCustomResource(resource)) throw pageNotFound();
  // Routes of built-in kinds are by method, and none is for this one.
  const bodiless = request.method === 'HEAD' && !isCustomResource(resource);
  if (isCustomResource(resource) && leadsElsewhere(resource, target, verb)) return undefined;
  // A path of a cluster-scoped resource has no namespace, one item of a namespaced one must have it.
  if (namespaced ? name && !target.namespace : target.namespace && resource.resource !== 'namespaces') throw pageNotFound();
  const where = { resource, subresource, namespace: namespaced ? target.namespace : '', name, rest };
  if (subresource) {
    if (subresource === 'proxy' && proxied.has(resource.storage.name)) {
      if (!proxyMethods.has(request.method)) throw methodNotServed();
      return { target: where, handler: proxy, streams: false, tables: false, passesOn: true };
    }
    const { handler, verbs } = ofSubresource(resource, subresource, name, rest, verb);
    if (bodiless && subresource !== 'proxy') throw methodNotServed();
    return { target: where, handler, streams: false, tables: !onlyPosted(verbs) };
  }
  if (verb === 'watch') {
    // The paths of old are there for what can be watched.
    if (!resource.verbs.includes('watch') && info.path.includes('/watch/')) throw pageNotFound();
    if (!resource.verbs.includes('watch') || request.method !== 'GET') throw methodNotServed();
    return { target: where, handler: watch, streams: true, tables: true };
  }
  const template = name ? ofItem : ofCollection;
  if (!resource.verbs.some(served => template.has(served))) throw pageNotFound();
  if (!template.has(verb) || !resource.verbs.includes(verb)) throw methodNotServed();
  if (verb === 'create' && namespaced && !target.namespace) throw methodNotServed();
  if (verb === 'deletecollection' && namespaced && !target.namespace) throw methodNotServed();
  const review = verb === 'create' ? reviews[`${resource.resource}.${resource.group}`] : undefined;
  const handler = review ?? verbs[verb];
  if (!handler || bodiless) throw methodNotServed();
  return { target: where, handler, streams: verb === 'list', tables: !onlyPosted(resource.verbs) };
};

const onlyPosted = (verbs: readonly string[]): boolean => verbs.every(verb => verb === 'create');

const acrossNamespaces = new Set(['list', 'watch']);
/** Upstream has no handler for such a path of a custom resource, so that nobody says anything about it. */
const leadsElsewhere = (resource: Resource, { namespace }: NonNullable<RequestInfo['target']>, verb: string): boolean =>
  resource.namespaced ? !namespace && !acrossNamespaces.has(verb) : namespace !== '';

const ofSubresource = (
  resource: Resource,
  name: string,
  item: string,
  rest: string,
  verb: string,
): { handler: Handler; verbs: readonly string[] } => {
  const subresource = resource.subresources.find(
    candidate => candidate.name === (rest ? `${name}/{path}` : name) || candidate.name === name,
  );
  const custom = isCustomResource(resource);
  if (!subresource) throw custom ? notFound(resource, item) : pageNotFound();
  const handlers = subresources[name];
  if (name === 'proxy' && proxied.has(resource.storage.name)) return { handler: proxy, verbs: subresource.verbs };
  if (!handlers || rest) throw pageNotFound();
  const handler = handlers[verb];
  if (!handler || !subresource.verbs.includes(verb)) throw custom ? methodNotAllowed(resource, verb) : methodNotServed();
  return { handler, verbs: subresource.verbs };
};
