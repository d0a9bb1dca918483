/** The decode stage: the body of a request as an object of its kind, unknown and duplicate fields refused, told of or ignored. */
import type { JsonObject, KubeObject } from '../../kinds/object.ts';
import { definitionOf } from '../../kinds/schema/data.ts';
import { type Decoded, decodeBody, type Target, warningsOf } from '../../kinds/schema/decode.ts';
import { badRequest, StatusError, tooLarge, unsupportedMediaType } from '../../kinds/status.ts';
import type { Exchange, WriteOptions } from './context.ts';
import { type BodyType, bodyType, jsonTypes } from './negotiate.ts';
import { applyDefaults } from './strategy.ts';
import { copyJson } from './wire.ts';

/** apiserver `pkg/server/config.go` MaxRequestBodyBytes. */
export const maxBodyBytes = 3 * 1024 * 1024;

export const readBody = async (exchange: Exchange): Promise<Uint8Array> => {
  const buffer = await exchange.request.arrayBuffer();
  const bytes = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
  if (bytes.byteLength > maxBodyBytes) throw tooLarge(`Request entity too large: limit is ${maxBodyBytes}`);
  return bytes;
};

/** The kind of a subresource's body; undefined where this release has none. */
export const targetOf = (group: string, version: string, kind: string): Target => {
  const schema = definitionOf(group ? `${group}/${version}` : version, kind);
  if (!schema) throw new Error(`no schema for ${kind} in ${group}/${version}`);
  return { group, version, kind, schema };
};

/** Collected problems in the way the writer asked for. */
export const report = (
  exchange: Exchange,
  validation: WriteOptions['fieldValidation'],
  problems: readonly string[],
  refuse: (text: string) => Error,
): void => {
  if (problems.length === 0) return;
  if (validation === 'Strict') throw refuse(`strict decoding error: ${problems.join(', ')}`);
  if (validation === 'Warn') exchange.warnings.push(...warningsOf(problems));
};

/** The object that was sent, with its defaults; before anything else happens to it. */
export const recordSent = ({ audit, resource, namespace }: Exchange, target: Target, object: KubeObject): void => {
  if (!audit) return;
  audit.refer(object.metadata ?? {});
  if (!audit.wants('Request')) return;
  const sent = copyJson(object);
  if (target === resource) applyDefaults(resource, sent);
  if (namespace && sent.metadata) sent.metadata.namespace ||= namespace;
  audit.requested(sent);
};

/** A body in whichever form it was sent. */
export const decodeSent = (target: Target, body: Uint8Array, type: BodyType, options: { strict: boolean }): Decoded | Promise<Decoded> =>
  type === 'protobuf' ? decodeProtobufBody(target, body) : decodeBody(target, body, type, options);

/** Only built-in kinds have messages. The decoder is loaded when somebody first sends one. */
const decodeProtobufBody = async (target: Target, body: Uint8Array): Promise<Decoded> => {
  if (!target.schema.definition) throw unsupportedMediaType(jsonTypes);
  const { decodeProtobuf } = await import('../../kinds/protobuf/index.ts');
  return decodeProtobuf(target, body);
};

/** The version that a body itself states, for kinds that clients send in more than one. */
export const statedVersion = async (body: Uint8Array, type: BodyType): Promise<string | undefined> => {
  if (type !== 'protobuf') return decodeBody(undefined, body, type, { strict: false }).object.apiVersion;
  const { statedApiVersion } = await import('../../kinds/protobuf/index.ts');
  return statedApiVersion(body);
};

export const decodeObject = async (
  exchange: Exchange,
  target: Target,
  validation: WriteOptions['fieldValidation'],
): Promise<KubeObject> => {
  const type = bodyType(exchange.request.headers.get('content-type'));
  const body = await readBody(exchange);
  const { object, problems } = await decodeSent(target, body, type, { strict: validation !== 'Ignore' });
  report(exchange, validation, problems, why =>
    badRequest(`${target.kind} in version ${JSON.stringify(target.version)} cannot be handled as a ${target.kind}: ${why}`),
  );
  recordSent(exchange, target, object);
  return object;
};

const framed =
  /^(?:the object provided is unrecognized \(must be of type DeleteOptions\): ([\s\S]*) \([^()]*\)|\S* in version "[^"]*" cannot be handled as a DeleteOptions: ([\s\S]*))$/;
const otherKind = /^(\S*) in version (".*") cannot be handled as a DeleteOptions: converting /;

/** Options are decoded before it is known what they are for, so upstream's texts lack the frame that bodies of objects have. */
const optionsRefusal = (message: string): StatusError => {
  const other = otherKind.exec(message);
  if (other)
    return badRequest(`no kind ${JSON.stringify(other[1])} is registered for version ${other[2]} in scheme "pkg/runtime/scheme.go:111"`);
  const [, syntax, refusal = syntax] = framed.exec(message) ?? [];
  return badRequest(refusal ?? message);
};

/** Options are of every version, those included that nobody knows. What is wrong with the text shows when it is decoded. */
const versionOfOptions = async (body: Uint8Array, type: BodyType): Promise<string> => {
  try {
    const stated: unknown = await statedVersion(body, type);
    return typeof stated === 'string' && stated !== '' ? stated : 'v1';
  } catch (error) {
    if (error instanceof StatusError) return 'v1';
    throw error;
  }
};

/** The body of a DELETE, checked to be `DeleteOptions` of any served group version; undefined where there is none. */
export const decodeDeleteOptions = async (exchange: Exchange): Promise<JsonObject | undefined> => {
  const body = await readBody(exchange);
  if (body.byteLength === 0) return undefined;
  const type = bodyType(exchange.request.headers.get('content-type'));
  const options = targetOf('', 'v1', 'DeleteOptions');
  try {
    const [version = 'v1', group = ''] = (await versionOfOptions(body, type)).split('/').reverse();
    const { object } = await decodeSent({ ...options, group, version }, body, type, { strict: false });
    if (exchange.audit?.wants('Request')) exchange.audit.requested(copyJson(object));
    return object as unknown as JsonObject;
  } catch (error) {
    throw error instanceof StatusError ? optionsRefusal(error.message) : error;
  }
};
