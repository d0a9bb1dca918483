/** Everything that is no resource: health, version, discovery, OpenAPI, the OIDC documents. Documents are made when first asked for and kept compressed. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from '../../kinds/discovery.ts';
import { mergeDiscovery, type PlacedVersion, placedGroup, placedGroupList } from '../../kinds/discovery-merge.ts';
import type { JsonObject } from '../../kinds/object.ts';
import {
  documentPaths,
  encodeOpenApiV2,
  mergeV2,
  openApiV2,
  openApiV2Protobuf,
  openApiV3,
  openApiV3Index,
  type Swagger,
} from '../../kinds/openapi/index.ts';
import { isCustomResource, type Registry, type Resource } from '../../kinds/resource.ts';
import { pageNotFound, StatusError } from '../../kinds/status.ts';
import type { Aggregation } from './aggregation/aggregation.ts';
import { format, yamlHeaders } from './encode.ts';
import { type Accept, negotiateDocument } from './negotiate.ts';
import { protobufHeaders } from './protobuf.ts';
import type { ApiRequest, ApiResponse, Connection, NonResourceHandler, RequestInfo, User } from './types.ts';

export interface NonResourceOptions {
  readonly registry: Registry;
  /** By name; each resolves when well and rejects with why not. `readyz` asks all, `livez` those that a restart can mend. */
  readonly checks: readonly HealthCheck[];
  readonly tokens: { keys(): Promise<object>; discovery(): object };
  /** Absent: there are no extension API servers. */
  readonly aggregation?: Aggregation;
  /** `v1.36.3+windvane` */
  readonly gitVersion: string;
  /** `/debug/api_priority_and_fairness/PAGE` as text. */
  readonly debugFlowControl?: (page: string, details: boolean) => string | undefined;
}

export interface HealthCheck {
  readonly name: string;
  readonly livez: boolean;
  check(): Promise<void>;
}

interface Document {
  readonly etag: string;
  readonly compressed: Uint8Array;
  readonly contentType: string;
}

const compress = promisify(gzip);
const decompress = promisify(gunzip);
const json = 'application/json';
const discoveryVersions = ['v2', 'v2beta1'];
/** Answers below this are sent as they are, as upstream does. */
const compressAbove = 128 * 1024;

export function nonResourceHandler(options: NonResourceOptions): NonResourceHandler {
  const { registry } = options;
  const documents = new Map<string, { readonly document: Promise<Document>; readonly basis: readonly unknown[] }>();
  let served = registry.all();
  /** What is served has changed: documents that tell of it are made anew, those of untouched group versions stay. */
  const forget = (): void => {
    const all = registry.all();
    if (all === served) return;
    const changed = changedPaths(served, all);
    served = all;
    for (const path of documents.keys()) {
      const [, group] = /\/(apis\/[^/ ]+\/[^/ ]+|api\/[^/ ]+)$/.exec(path) ?? [];
      if (group === undefined || changed.has(group)) documents.delete(path);
    }
  };
  const document: Context['document'] = (path, make, { contentType = json, basis = [] } = {}) => {
    forget();
    const found = documents.get(path);
    if (found && found.basis.length === basis.length && found.basis.every((one, i) => one === basis[i])) return found.document;
    const made = { document: render(make(), contentType), basis };
    documents.set(path, made);
    // A failure is not kept: the next request tries again.
    made.document.catch(() => documents.get(path) === made && documents.delete(path));
    return made.document;
  };

  return async (request, info, user, connection) => {
    const { path, parts } = placeIn(info.path);
    const handler = handlers[parts[0] ?? ''] ?? wellKnown(path);
    if (!handler) return undefined;
    const answer = await handler({ request, info, user, connection, path, parts, options, registry, document });
    const read = request.method === 'GET';
    if (answer && !read && answer.status < 400 && onlyRead(parts)) throw methodRefused();
    return answer;
  };
}

/** A slash at the end counts for nothing below what is routed by resource, and names nothing elsewhere. */
const placeIn = (whole: string): { path: string; parts: readonly string[] } => {
  const slashed = whole.length > 1 && whole.endsWith('/');
  const place = whole === '/index.html' ? '/' : whole;
  const trimmed = /^\/(?:api|apis|version|openapi\/v3)(?:\/|$)/.test(whole) && slashed ? whole.slice(0, -1) : place;
  return { path: trimmed, parts: trimmed.split('/').slice(1) };
};

/** Paths with a route for each method; the others answer whatever the method is. */
const onlyRead = ([first, second, third]: readonly string[]): boolean =>
  first === 'api' ||
  first === 'version' ||
  (first === 'apis' && second !== undefined && third !== undefined) ||
  first === '.well-known' ||
  first === 'openid';

const pathOf = ({ group, version }: Resource): string => (group ? `apis/${group}/${version}` : `api/${version}`);

/** Group versions with resources that came, went or are others now. */
const changedPaths = (before: readonly Resource[], after: readonly Resource[]): Set<string> => {
  const old = new Set(before);
  const now = new Set(after);
  return new Set([...before.filter(one => !now.has(one)), ...after.filter(one => !old.has(one))].map(pathOf));
};

interface Context {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  readonly path: string;
  readonly parts: readonly string[];
  readonly options: NonResourceOptions;
  readonly registry: Registry;
  readonly user: User;
  readonly connection: Connection;
  /** Made when it is first asked for and kept; `basis` are the values beside the registry that it was made of. */
  readonly document: (
    path: string,
    make: () => unknown,
    how?: { readonly contentType?: string; readonly basis?: readonly unknown[] },
  ) => Promise<Document>;
}
type Handler = (context: Context) => Promise<ApiResponse | undefined>;

const handlers: Readonly<Record<string, Handler>> = {
  '': async context => (context.parts.length > 1 ? undefined : jsonAnswer({ paths: rootPaths(versionsOf(context)) })),
  debug: async ({ parts, info, options }) => {
    const [, topic, page, ...more] = parts;
    if (topic !== 'api_priority_and_fairness' || page === undefined || more.length > 0) return undefined;
    const text = options.debugFlowControl?.(page, Boolean(info.query.get('includeRequestDetails')));
    return text === undefined ? undefined : plain(200, text);
  },
  version: async ({ parts, options, request }) => {
    if (parts.length > 1) throw pageNotFound();
    requireAccept(request, json);
    return jsonAnswer(versionInfo(options.gitVersion));
  },
  healthz: context => health(context),
  livez: context => health(context),
  readyz: context => health(context),
  api: async context => {
    const { parts, registry } = context;
    if (parts.length === 1) return discovery(context, 'api', () => apiVersions());
    if (parts.length > 2) return undefined;
    return resourceList(context, apiResourceList(registry, '', parts[1] ?? ''));
  },
  apis: async context => {
    const { parts, registry } = context;
    if (parts.length === 1) return discovery(context, 'apis', () => groupList(context));
    if (parts.length === 2) {
      const group = groupOf(context, parts[1] ?? '');
      if (!group) return plain(404, '404 page not found\n');
      const { mediaType } = negotiateDocument(context.request.headers.get('accept'), { routed: false });
      return inForm(context, mediaType, { path: context.path, make: () => group, basis: [JSON.stringify(group)] });
    }
    if (parts.length > 3) return undefined;
    const group = parts[1] ?? '';
    const list = apiResourceList(registry, group, parts[2] ?? '');
    // Of groups that are not all custom, upstream has more to say than that nothing is there.
    if (!list && registry.all().every(one => one.group !== group || isCustomResource(one))) return plain(404, '404 page not found\n');
    return resourceList(context, list);
  },
  openapi: async context => {
    const { request, path, parts, registry, document, options } = context;
    const { aggregation } = options;
    const extensions = aggregation?.all() ?? [];
    if (path === '/openapi/v2') {
      const basis = extensions.length > 0 ? ((await aggregation?.openApi.documents(extensions)) ?? []) : [];
      const make = () => basis.reduce(mergeV2, openApiV2(registry) as Swagger);
      // kubectl before 1.29 explains and validates from this form alone.
      const inProtobuf = (request.headers.get('accept') ?? '').includes(openApiV2Protobuf.asked);
      if (!inProtobuf) return sendDocument(request, await document(path, make, { basis }));
      const how = { contentType: openApiV2Protobuf.sent, basis };
      return sendDocument(request, await document(`${path} protobuf`, () => encodeOpenApiV2(make()), how));
    }
    if (parts[1] !== 'v3') return undefined;
    const listed = extensions.length > 0 ? await aggregation?.openApi.index(extensions) : undefined;
    const inner = parts.slice(2).join('/');
    if (!inner) {
      const more = Object.fromEntries([...(listed ?? [])].map(([one, { entry }]) => [one, entry]));
      const own = () => openApiV3Index(registry) as { paths: JsonObject };
      const make = () => ({ paths: { ...more, ...own().paths } });
      return sendDocument(request, await document(path, make, { basis: listed ? [JSON.stringify(more)] : [] }));
    }
    if (registryHas(registry, inner)) return sendDocument(request, await document(path, () => openApiV3(registry, inner)));
    const extension = listed?.get(inner)?.extension;
    return extension ? aggregation?.forward(extension, context) : { status: 404, headers: {}, body: null };
  },
};

/** Every served group version but the core's, with its place; those of extensions in the stead of our own. */
const versionsOf = ({ registry, options: { aggregation } }: Context): PlacedVersion[] => {
  const found = new Map<string, PlacedVersion>();
  for (const { group, version } of registry.all()) {
    const key = `${group}/${version}`;
    if (!group || found.has(key)) continue;
    const place = placeOf(aggregation, group, version);
    found.set(key, { group, version, groupPriority: place.group, versionPriority: place.version });
  }
  for (const extension of aggregation?.all() ?? []) if (extension.group) found.set(`${extension.group}/${extension.version}`, extension);
  return [...found.values()];
};

/** The group that all others are registered in comes first, whatever they say. */
const placeOf = (aggregation: Aggregation | undefined, group: string, version: string) =>
  group === 'apiregistration.k8s.io' || !aggregation ? { group: 20_001, version: 1 } : aggregation.priority(group, version);

const hasExtensions = ({ options }: Context): boolean => (options.aggregation?.all().length ?? 0) > 0;
const groupList = (context: Context): JsonObject =>
  hasExtensions(context) ? placedGroupList(versionsOf(context)) : apiGroupList(context.registry);
const groupOf = (context: Context, group: string): JsonObject | undefined =>
  hasExtensions(context) ? placedGroup(versionsOf(context).filter(one => one.group === group)) : apiGroup(context.registry, group);

/** What relying parties read, by the path and the one form it comes in. */
function wellKnown(path: string): Handler | undefined {
  if (path === '/.well-known/openid-configuration') return oidc('application/json', async tokens => tokens.discovery());
  if (path === '/openid/v1/jwks') return oidc('application/jwk-set+json', tokens => tokens.keys());
  return undefined;
}

/** Of what comes in one form. */
const requireAccept = (request: ApiRequest, contentType: string): void => {
  const accepted = (request.headers.get('accept') || '*/*').split(',').map(one => one.split(';', 1)[0]?.trim());
  if (!accepted.includes('*/*') && !accepted.includes(contentType))
    throw new StatusError(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${contentType}`, {});
};

const oidc =
  (contentType: string, make: (tokens: NonResourceOptions['tokens']) => Promise<object>): Handler =>
  async ({ request, options }) => {
    requireAccept(request, contentType);
    const headers = { 'content-type': contentType, 'cache-control': 'public, max-age=3600' };
    return { status: 200, headers, body: JSON.stringify(await make(options.tokens)) };
  };

async function discovery(context: Context, root: 'api' | 'apis', plainForm: () => unknown): Promise<ApiResponse> {
  const { request, registry, document, options } = context;
  const accept = negotiateDocument(request.headers.get('accept'), { routed: root === 'api', aggregated: discoveryVersions });
  const { version: form } = accept;
  const { aggregation } = options;
  const merged = root === 'apis' && aggregation !== undefined && hasExtensions(context);
  if (form === undefined) {
    const basis = merged ? [JSON.stringify(plainForm())] : [];
    return inForm(context, accept.mediaType, { path: `/${root}`, make: plainForm, basis });
  }
  const contentType = `${json};g=apidiscovery.k8s.io;v=${form};as=APIGroupDiscoveryList`;
  const extensions = merged ? await aggregation.discovery() : [];
  const make = () => {
    const own = aggregatedDiscovery(registry, root);
    const items = own['items'] as JsonObject[];
    const all = merged ? mergeDiscovery(items, extensions, (group, version) => placeOf(aggregation, group, version)) : items;
    return { ...own, items: all, apiVersion: `apidiscovery.k8s.io/${form}` };
  };
  return sendDocument(
    request,
    await document(`/${root} ${form}`, make, { contentType, basis: merged ? [JSON.stringify(extensions)] : [] }),
  );
}

function resourceList(context: Context, list: unknown): Promise<ApiResponse> {
  if (!list) throw pageNotFound();
  const { mediaType } = negotiateDocument(context.request.headers.get('accept'), { routed: true });
  return inForm(context, mediaType, { path: context.path, make: () => list });
}

/** JSON is kept; the other forms are for who looks with his own eyes, and for clients that speak protobuf alone. */
async function inForm(
  { request, document }: Context,
  mediaType: Accept['mediaType'],
  { path, make, basis = [] }: { readonly path: string; readonly make: () => unknown; readonly basis?: readonly unknown[] },
): Promise<ApiResponse> {
  if (mediaType === 'json') return sendDocument(request, await document(path, make, { basis }));
  const value = make() as JsonObject;
  const headers = mediaType === 'yaml' ? yamlHeaders : protobufHeaders;
  return { status: 200, headers, body: await format({ mediaType }, mediaType === 'yaml' ? value : { apiVersion: 'v1', ...value }) };
}

async function health({ parts, info, options }: Context): Promise<ApiResponse | undefined> {
  const [kind = '', only, ...more] = parts;
  if (more.length > 0) return undefined;
  const excluded = new Set(info.query.getAll('exclude'));
  const ping: HealthCheck = { name: 'ping', livez: true, check: async () => undefined };
  const all = [ping, ...options.checks].filter(check => kind !== 'livez' || check.livez);
  const asked = only === undefined ? all.filter(check => !excluded.has(check.name)) : all.filter(check => check.name === only);
  if (only !== undefined && asked.length === 0) return plain(404, '404 page not found\n');
  const lines: string[] = [];
  let failed = false;
  for (const { name, check } of asked) {
    try {
      await check();
      lines.push(`[+]${name} ok`);
    } catch {
      // The reason may name inner parts; it is in the log of whoever failed.
      failed = true;
      lines.push(`[-]${name} failed: reason withheld`);
    }
  }
  if (failed) return plain(500, `${lines.join('\n')}\n${kind} check failed\n`);
  return plain(200, info.query.has('verbose') ? `${lines.join('\n')}\n${kind} check passed\n` : 'ok');
}

async function render(value: unknown, contentType: string): Promise<Document> {
  const bytes = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value));
  const etag = `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"`;
  return { etag, contentType, compressed: await compress(bytes) };
}

async function sendDocument(request: ApiRequest, { etag, contentType, compressed }: Document): Promise<ApiResponse> {
  const headers = { 'content-type': contentType, etag, vary: 'Accept', 'cache-control': 'public' };
  if (request.headers.get('if-none-match') === etag) return { status: 304, headers: { etag, 'cache-control': 'public' }, body: null };
  const takesGzip = /\bgzip\b/.test(request.headers.get('accept-encoding') ?? '');
  const length = new DataView(compressed.buffer, compressed.byteOffset + compressed.byteLength - 4).getUint32(0, true);
  if (takesGzip && length > compressAbove) return { status: 200, headers: { ...headers, 'content-encoding': 'gzip' }, body: compressed };
  return { status: 200, headers, body: await decompress(compressed) };
}

const jsonAnswer = (body: unknown): ApiResponse => ({ status: 200, headers: { 'content-type': json }, body: JSON.stringify(body) });
const plain = (status: number, body: string): ApiResponse => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
  body,
});
const methodRefused = (): StatusError =>
  new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

/** The kubernetes version whose API this is. */
function versionInfo(gitVersion: string): object {
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(gitVersion) ?? [];
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: `node ${process.version}`,
    compiler: 'v8',
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}

function rootPaths(served: readonly PlacedVersion[]): string[] {
  const versions = new Set(['/api/v1']);
  for (const { group, version } of served) versions.add(`/apis/${group}`).add(`/apis/${group}/${version}`);
  const fixed = [
    '/.well-known/openid-configuration',
    '/api',
    '/apis',
    '/apis/',
    '/healthz',
    '/healthz/ping',
    '/livez',
    '/livez/ping',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    '/openapi/v3/',
    '/openid/v1/jwks',
    '/readyz',
    '/readyz/ping',
    '/version',
  ];
  return [...fixed, ...versions].sort();
}

const registryHas = (registry: Registry, path: string): boolean =>
  documentPaths(registry).has(path) || registry.all().some(resource => path === pathOf(resource));
