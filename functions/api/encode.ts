/** The last stage: an answer in the form the client asked for, with the warnings that were collected on the way. */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { KubeObject } from '../../kinds/object.ts';
import type { Status, StatusError } from '../../kinds/status.ts';
import type { AuditRecord } from './audit/record.ts';
import type { Answer, Exchange, RawAnswer } from './context.ts';
import { encodeList } from './encode-list.ts';
import { partialMetadata, refuseListForm, tableOf } from './forms.ts';
import { type Accept, plainJson } from './negotiate.ts';
import { objectInProtobuf, protobufHeaders } from './protobuf.ts';
import type { ApiBody, ApiRequest, ApiResponse } from './types.ts';
import { yamlOf } from './yaml.ts';

const caching = 'no-cache, private';
export const jsonHeaders = { 'content-type': 'application/json', 'cache-control': caching } as const;
export const yamlHeaders = { 'content-type': 'application/yaml', 'cache-control': caching } as const;
const headersOf = { json: jsonHeaders, yaml: yamlHeaders, protobuf: protobufHeaders } as const;

export const encode = async (exchange: Exchange, answer: Answer): Promise<ApiResponse> => {
  if (answer.type === 'raw') return withWarnings(answer.response, exchange.warnings);
  const { accept, request } = exchange;
  const headers = headersOf[accept.mediaType];
  const body = await encodeBody(exchange, answer);
  if (exchange.audit) await recordAnswer(exchange, exchange.audit, answer, body);
  const response = { status: answer.type === 'list' ? 200 : answer.code, headers, body };
  return compress(request, withWarnings(response, exchange.warnings));
};

const encodeBody = (exchange: Exchange, answer: Exclude<Answer, RawAnswer>): Promise<ApiBody> =>
  answer.type === 'list' ? encodeList(exchange, answer) : encodeObject(exchange, answer);

/** Always in JSON, whatever the client asked for. */
const recordAnswer = async (exchange: Exchange, audit: AuditRecord, answer: Exclude<Answer, RawAnswer>, body: ApiBody): Promise<void> => {
  // A status is an answer that was made for this request, so that it has no bytes yet.
  const status = answer.type === 'object' && !answer.bytes && audit.wants('Metadata') ? answer.object() : undefined;
  if (status?.kind === 'Status' && status.apiVersion === 'v1') audit.concluded(status as unknown as Status);
  if (!audit.wants('RequestResponse')) return;
  const { accept } = exchange;
  const { mediaType } = plainJson;
  const json = accept.mediaType === mediaType ? body : await encodeBody({ ...exchange, accept: { ...accept, mediaType } }, answer);
  audit.responded(JSON.parse(textOf(json)));
};

const textOf = (body: ApiBody): string => {
  if (typeof body === 'string') return body;
  return Buffer.concat(body instanceof Uint8Array ? [body] : ((body ?? []) as readonly Uint8Array[])).toString('utf8');
};

const encodeObject = async (exchange: Exchange, answer: Extract<Answer, { type: 'object' }>): Promise<ApiBody> => {
  const { accept } = exchange;
  const { transform } = accept;
  if (!transform && accept.mediaType === 'json') return answer.bytes ?? JSON.stringify(answer.object());
  const object = answer.object();
  const isStatus = object.kind === 'Status' && object.apiVersion === 'v1';
  if (!transform || isStatus) return format(accept, object);
  refuseListForm(exchange, transform.kind, false);
  if (transform.kind === 'Table')
    return format(accept, tableOf(exchange, [object], { resourceVersion: object.metadata.resourceVersion ?? '' }));
  return format(accept, partialMetadata(exchange.resource, object, transform.apiVersion));
};

/** `value` has kind and version. */
export const format = (accept: Accept, value: unknown): ApiBody | Promise<string | Uint8Array> => {
  if (accept.mediaType === 'json') return JSON.stringify(value);
  return accept.mediaType === 'yaml' ? yamlOf(value) : objectInProtobuf(value as KubeObject);
};

/** A failure in the form the client asked for, as far as that can be told. */
export const encodeError = async (error: StatusError, accept: Accept, warnings: readonly string[]): Promise<ApiResponse> => {
  const { reason, ...rest } = error.status;
  const status = reason ? error.status : rest;
  const retry = error.status.details?.retryAfterSeconds;
  const headers = {
    ...headersOf[accept.mediaType],
    ...(retry ? { 'retry-after': String(retry) } : {}),
  };
  const body = await format(accept, status);
  return withWarnings({ status: error.code, headers, body }, warnings);
};

const unprintable = /[^\t\x20-\x7e\u0080-\uffff]/g;
const warningHeader = (text: string): string => {
  const clean = text.replace(unprintable, ' ').replace(/["\\]/g, '\\$&');
  // Header values are bytes: what is beyond Latin-1 travels as UTF-8.
  return `299 - "${Buffer.from(clean, 'utf8').toString('latin1')}"`;
};

const withWarnings = (response: ApiResponse, warnings: readonly string[]): ApiResponse => {
  if (warnings.length === 0) return response;
  return { ...response, headers: { ...response.headers, warning: [...new Set(warnings)].map(warningHeader) } };
};

const gzipAsync = promisify(gzip);
/** Smaller bodies cost more to compress than to send (apiserver `pkg/endpoints/handlers/responsewriters/writers.go`). */
const worthCompressing = 128 * 1024;

const sizeOf = (body: ApiBody): number => {
  if (body === null || (typeof body === 'object' && Symbol.asyncIterator in body)) return 0;
  if (typeof body === 'string') return body.length;
  if (body instanceof Uint8Array) return body.byteLength;
  let size = 0;
  for (const chunk of body) size += chunk.byteLength;
  return size;
};

const compress = async (request: ApiRequest, response: ApiResponse): Promise<ApiResponse> => {
  const { body } = response;
  if (request.method !== 'GET' || sizeOf(body) <= worthCompressing) return response;
  if (!request.headers.get('accept-encoding')?.includes('gzip')) return response;
  const whole = Array.isArray(body) ? Buffer.concat(body) : (body as string | Uint8Array);
  const zipped = await gzipAsync(whole, { level: constants.Z_BEST_SPEED });
  return { ...response, headers: { ...response.headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' }, body: zipped };
};
