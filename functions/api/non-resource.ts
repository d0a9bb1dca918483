/** Everything that is no resource: health, version, discovery, OpenAPI, the OIDC documents. Documents are made when first asked for and kept compressed. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from '../../kinds/discovery.ts';
import { encodeOpenApiV2, openApiV2, openApiV2Protobuf, openApiV3, openApiV3Index } from '../../kinds/openapi/index.ts';
import type { Registry, Resource } from '../../kinds/resource.ts';
import { notAcceptable, pageNotFound, StatusError } from '../../kinds/status.ts';
import type { ApiRequest, ApiResponse, NonResourceHandler, RequestInfo } from './types.ts';

export interface NonResourceOptions {
  readonly registry: Registry;
  /** By name; each resolves when well and rejects with why not. `readyz` asks all, `livez` those that a restart can mend. */
  readonly checks: readonly HealthCheck[];
  readonly tokens: { keys(): Promise<object>; discovery(): object };
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
  const documents = new Map<string, Promise<Document>>();
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
  const document = (path: string, make: () => unknown, contentType = json): Promise<Document> => {
    forget();
    let found = documents.get(path);
    if (!found) {
      found = render(make(), contentType);
      documents.set(path, found);
      // A failure is not kept: the next request tries again.
      const made = found;
      found.catch(() => documents.get(path) === made && documents.delete(path));
    }
    return found;
  };

  return async (request, info) => {
    const path = info.path.length > 1 && info.path.endsWith('/') ? info.path.slice(0, -1) : info.path;
    const parts = path.split('/').slice(1);
    const handler = handlers[parts[0] ?? ''] ?? wellKnown(path);
    if (!handler) return undefined;
    const answer = await handler({ request, info, path, parts, options, registry, document });
    if (answer && request.method !== 'GET' && request.method !== 'HEAD') throw methodRefused();
    return answer;
  };
}

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
  readonly document: (path: string, make: () => unknown, contentType?: string) => Promise<Document>;
}
type Handler = (context: Context) => Promise<ApiResponse | undefined>;

const handlers: Readonly<Record<string, Handler>> = {
  '': async ({ registry }) => jsonAnswer({ paths: rootPaths(registry) }),
  debug: async ({ parts, info, options }) => {
    const [, topic, page, ...more] = parts;
    if (topic !== 'api_priority_and_fairness' || page === undefined || more.length > 0) return undefined;
    const text = options.debugFlowControl?.(page, Boolean(info.query.get('includeRequestDetails')));
    return text === undefined ? undefined : plain(200, text);
  },
  version: async ({ parts, options }) => (parts.length === 1 ? jsonAnswer(versionInfo(options.gitVersion)) : undefined),
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
    if (parts.length === 1) return discovery(context, 'apis', () => apiGroupList(registry));
    if (parts.length === 2) {
      const group = apiGroup(registry, parts[1] ?? '');
      return group ? jsonAnswer(group) : plain(404, '404 page not found\n');
    }
    if (parts.length > 3) return undefined;
    return resourceList(context, apiResourceList(registry, parts[1] ?? '', parts[2] ?? ''));
  },
  openapi: async ({ request, path, parts, registry, document }) => {
    if (path === '/openapi/v2') {
      // kubectl before 1.29 explains and validates from this form alone.
      const inProtobuf = (request.headers.get('accept') ?? '').includes(openApiV2Protobuf.asked);
      if (inProtobuf)
        return sendDocument(
          request,
          await document(`${path} protobuf`, () => encodeOpenApiV2(openApiV2(registry)), openApiV2Protobuf.sent),
        );
      return sendDocument(request, await document(path, () => openApiV2(registry)));
    }
    if (path === '/openapi/v3') return sendDocument(request, await document(path, () => openApiV3Index(registry)));
    if (parts[1] !== 'v3') return undefined;
    const inner = parts.slice(2).join('/');
    if (!registryHas(registry, inner)) return plain(404, '404 page not found\n');
    return sendDocument(request, await document(path, () => openApiV3(registry, inner)));
  },
};

/** What relying parties read, by the path and the one form it comes in. */
function wellKnown(path: string): Handler | undefined {
  if (path === '/.well-known/openid-configuration') return oidc('application/json', async tokens => tokens.discovery());
  if (path === '/openid/v1/jwks') return oidc('application/jwk-set+json', tokens => tokens.keys());
  return undefined;
}

const oidc =
  (contentType: string, make: (tokens: NonResourceOptions['tokens']) => Promise<object>): Handler =>
  async ({ request, options }) => {
    const accepted = (request.headers.get('accept') ?? '*/*').split(',').map(one => one.split(';', 1)[0]?.trim());
    if (!accepted.includes('*/*') && !accepted.includes(contentType))
      throw new StatusError(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${contentType}`, {});
    const headers = { 'content-type': contentType, 'cache-control': 'public, max-age=3600' };
    return { status: 200, headers, body: JSON.stringify(await make(options.tokens)) };
  };

async function discovery(context: Context, root: 'api' | 'apis', plainForm: () => unknown): Promise<ApiResponse> {
  const { request, registry, document } = context;
  const form = negotiateDiscovery(request.headers.get('accept'));
  if (form === 'plain') return sendDocument(request, await document(`/${root}`, plainForm));
  const contentType = `${json};g=apidiscovery.k8s.io;v=${form};as=APIGroupDiscoveryList`;
  const make = () => ({ ...aggregatedDiscovery(registry, root), apiVersion: `apidiscovery.k8s.io/${form}` });
  return sendDocument(request, await document(`/${root} ${form}`, make, contentType));
}

/** The first acceptable form, in the client's order. */
function negotiateDiscovery(accept: string | null): 'plain' | string {
  if (!accept) return 'plain';
  for (const clause of accept.split(',')) {
    const [type = '', ...parameters] = clause.split(';').map(part => part.trim());
    if (type !== json && type !== '*/*' && type !== 'application/*') continue;
    const values = Object.fromEntries(parameters.map(parameter => parameter.split('=') as [string, string]));
    if (!values['as']) return 'plain';
    const version = values['v'] ?? '';
    if (values['as'] === 'APIGroupDiscoveryList' && values['g'] === 'apidiscovery.k8s.io' && discoveryVersions.includes(version))
      return version;
  }
  throw notAcceptable([json, 'application/yaml', 'application/vnd.kubernetes.protobuf']);
}

function resourceList({ path, request, document }: Context, list: unknown): Promise<ApiResponse> {
  if (!list) throw pageNotFound();
  return document(path, () => list).then(found => sendDocument(request, found));
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

function rootPaths(registry: Registry): string[] {
  const versions = new Set<string>();
  for (const { group, version } of registry.all()) {
    if (group === '') versions.add(`/api/${version}`);
    else versions.add(`/apis/${group}`).add(`/apis/${group}/${version}`);
  }
  const fixed = [
    '/.well-known/openid-configuration',
    '/api',
    '/apis',
    '/healthz',
    '/healthz/ping',
    '/livez',
    '/livez/ping',
    '/openapi/v2',
    '/openapi/v3',
    '/openid/v1/jwks',
    '/readyz',
    '/readyz/ping',
    '/version',
  ];
  return [...fixed, ...versions].sort();
}

const registryHas = (registry: Registry, path: string): boolean =>
  ['api', 'apis'].includes(path) ||
  registry.all().some(({ group, version }) => path === (group ? `apis/${group}/${version}` : `api/${version}`) || path === `apis/${group}`);
