/**
 * Which form of an answer the client wants, and in which form it sent its body (apiserver `pkg/endpoints/handlers/negotiation`).
 * Clients that list several forms get the first one that is served. Protobuf is for built-in kinds, and has no Tables.
 */
import { badRequest, notAcceptable, StatusError, unsupportedMediaType } from '../../kinds/status.ts';

export interface Accept {
  readonly mediaType: 'json' | 'yaml' | 'protobuf';
  /** `meta.k8s.io/v1` or `/v1beta1` where the answer is to be transformed. */
  readonly transform?: { readonly kind: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'; readonly apiVersion: string };
  readonly pretty?: boolean;
}

export const plainJson: Accept = { mediaType: 'json' };
export const protobufType = 'application/vnd.kubernetes.protobuf';
/** All that custom resources are sent and answered in. */
export const jsonTypes = ['application/json', 'application/yaml'];
/** What upstream serves, as its refusals list it. */
const upstreamTypes = [...jsonTypes, protobufType];
const routed: ReadonlySet<string> = new Set(upstreamTypes);
const streamTypes = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];

interface Clause {
  readonly type: string;
  readonly quality: number;
  readonly parameters: ReadonlyMap<string, string>;
}

const parseClauses = (header: string): Clause[] => {
  const clauses = header.split(',').map(part => {
    const [type = '', ...rest] = part.split(';').map(piece => piece.trim());
    const parameters = new Map<string, string>();
    for (const parameter of rest) {
      const equals = parameter.indexOf('=');
      if (equals > 0) parameters.set(parameter.slice(0, equals).trim(), parameter.slice(equals + 1).trim());
    }
    const quality = Number(parameters.get('q') ?? '1');
    return { type, quality: Number.isNaN(quality) ? 1 : quality, parameters };
  });
  return clauses.sort((one, other) => other.quality - one.quality);
};

const mediaTypes: ReadonlyMap<string, Accept['mediaType']> = new Map([
  ['application/json', 'json'],
  ['application/*', 'json'],
  ['*/*', 'json'],
  ['application/yaml', 'yaml'],
  [protobufType, 'protobuf'],
]);
const metaVersions = new Set(['v1', 'v1beta1']);
const transforms = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);

const accepted = ({ type, parameters }: Clause, builtIn: boolean, tables: boolean): Accept | undefined => {
  const mediaType = mediaTypes.get(type);
  if (!mediaType) return undefined;
  const as = parameters.get('as');
  // Metadata is the same of any kind.
  if (mediaType === 'protobuf' && (as === undefined ? !builtIn : as === 'Table')) return undefined;
  const pretty = parameters.get('pretty') === '1' ? { pretty: true } : {};
  if (as === undefined) return { mediaType, ...pretty };
  const version = parameters.get('v') ?? '';
  if (as === 'Table' && !tables) return undefined;
  if (!transforms.has(as) || parameters.get('g') !== 'meta.k8s.io' || !metaVersions.has(version)) return undefined;
  const kind = as as 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  return { mediaType, transform: { kind, apiVersion: `meta.k8s.io/${version}` }, ...pretty };
};

const known = new Map<string, Accept | StatusError>();
const knownLimit = 256;

/**
 * What a request without a usable Accept header gets is JSON. `streams`: the path also answers watches. `builtIn`: the kind has a protobuf
 * message. `tables`: what is answered has rows.
 */
export const negotiate = (header: string | null, streams: boolean, builtIn: boolean, tables = true): Accept => {
  if (!header || header === '*/*' || header === 'application/json') return plainJson;
  const key = `${streams ? 's' : ''}${builtIn ? 'b' : ''}${tables ? 't' : ''} ${header}`;
  let answer = known.get(key);
  if (answer === undefined) {
    answer = decide(header, streams, builtIn, tables);
    if (known.size >= knownLimit) known.clear();
    known.set(key, answer);
  }
  if (answer instanceof StatusError) throw new StatusError(answer.code, answer.reason, answer.message, answer.status.details);
  return answer;
};

const decide = (header: string, streams: boolean, builtIn: boolean, tables: boolean): Accept | StatusError => {
  const clauses = parseClauses(header);
  const refusal = builtIn ? routerRefusal(clauses, streams) : undefined;
  if (refusal) return refusal;
  for (const clause of clauses) {
    const accept = accepted(clause, builtIn, tables);
    if (accept) return accept;
  }
  // A form that is served in a shape that is not: refused in upstream's words, which list all it serves.
  return notAcceptable(upstreamTypes);
};

/** Before all negotiation the router of built-in kinds compares bare media types, and refuses in its own words (go-restful). */
const routerRefusal = (clauses: readonly Clause[], streams: boolean): StatusError | undefined => {
  if (clauses.some(({ type }) => type === '*/*' || routed.has(type))) return undefined;
  const available = [...upstreamTypes, ...(streams ? streamTypes : [])].join(', ');
  return new StatusError(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${available}`, {});
};

/**
 * Of a discovery document: its form, or the version of the aggregated one where `aggregated` allows it, which comes in JSON alone. Only some of
 * them are behind the router.
 */
export const negotiateDocument = (
  header: string | null,
  { routed, aggregated = [] }: { readonly routed: boolean; readonly aggregated?: readonly string[] },
): { readonly mediaType: Accept['mediaType']; readonly version?: string } => {
  if (!header) return plainJson;
  const clauses = parseClauses(header);
  const refusal = routed ? routerRefusal(clauses, false) : undefined;
  if (refusal) throw refusal;
  for (const { type, parameters } of clauses) {
    const mediaType = mediaTypes.get(type);
    const as = parameters.get('as');
    if (mediaType && as === undefined) return { mediaType };
    const version = parameters.get('v') ?? '';
    const known = as === 'APIGroupDiscoveryList' && parameters.get('g') === 'apidiscovery.k8s.io' && aggregated.includes(version);
    if (mediaType === 'json' && known) return { mediaType, version };
  }
  throw notAcceptable(upstreamTypes);
};

const withoutParameters = (header: string): string => {
  const semicolon = header.indexOf(';');
  return (semicolon < 0 ? header : header.slice(0, semicolon)).trim();
};
const bare = (header: string): string => withoutParameters(header).toLowerCase();

export type BodyType = 'json' | 'yaml' | 'protobuf';

/** The form of a create's, update's or delete's body. */
export const bodyType = (header: string | null): BodyType => {
  if (!header) return 'json';
  if (header === 'application/json') return 'json';
  const type = bare(header);
  if (type === 'application/json') return 'json';
  if (type === 'application/yaml') return 'yaml';
  if (type === protobufType) return 'protobuf';
  if (type === '') throw badRequest(`error parsing Content-Type header ${JSON.stringify(header)}`);
  throw unsupportedMediaType(upstreamTypes);
};

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';
const patchTypes: ReadonlyMap<string, PatchType> = new Map([
  ['application/json-patch+json', 'json'],
  ['application/merge-patch+json', 'merge'],
  ['application/strategic-merge-patch+json', 'strategic'],
  ['application/apply-patch+yaml', 'apply'],
]);

/** Custom resources have no strategic merge: nothing says how their lists are merged. */
export const patchType = (header: string | null, custom = false): PatchType => {
  const type = patchTypes.get(withoutParameters(header ?? ''));
  if (custom && (!type || type === 'strategic'))
    throw unsupportedMediaType([...patchTypes.keys()].filter(name => patchTypes.get(name) !== 'strategic'));
  if (type) return type;
  // Refused by the router, as any other unknown body of a PATCH route.
  throw new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
};
