/** A connection to a pod, service or node: what it is opened with, and what the admission plugins say to it. */
import type { KubeObject } from '../../kinds/object.ts';
import { badRequest } from '../../kinds/status.ts';
import type { Call } from './context.ts';
import { mutate } from './mutate.ts';
import { validate } from './validate.ts';

/** `PodExecOptions` and its like: no object of the store, but one that admission sees and may change. */
export interface ConnectOptions {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly tty?: boolean;
  readonly container?: string;
  readonly command?: readonly string[];
  readonly ports?: readonly number[];
  readonly path?: string;
}

const flag = (values: readonly string[]): boolean | undefined => {
  const [first] = values;
  return first === undefined || first === '0' || first.toLowerCase() === 'false' ? undefined : true;
};
const text = ([first]: readonly string[]): string | undefined => first || undefined;
const texts = (values: readonly string[]): readonly string[] | undefined => (values.length > 0 ? values : undefined);
/** Ports, several of them in one value or in many. */
const numbers = (values: readonly string[]): readonly number[] | undefined =>
  texts(values.flatMap(value => value.split(',')))?.map(value => {
    const refuse = (why: string) => badRequest(`cannot convert to []int32: strconv.ParseUint: parsing ${JSON.stringify(value)}: ${why}`);
    if (!/^\d+$/.test(value)) throw refuse('invalid syntax');
    if (Number(value) > 65535) throw refuse('value out of range');
    return Number(value);
  });

const streams = { stdin: flag, stdout: flag, stderr: flag, tty: flag, container: text };
/** The fields that each subresource reads from the query (core/v1 `PodExecOptions` and on). */
const readers: Readonly<Record<string, Readonly<Record<string, (values: readonly string[]) => unknown>>>> = {
  exec: { ...streams, command: texts },
  attach: streams,
  portforward: { ports: numbers },
  proxy: { path: text },
};

/** Asks admission about a connection; answers with what it is to be opened with. `path`: behind `proxy`, which counts like the query's. */
export const admitConnection = async (call: Call, query: URLSearchParams, path?: string): Promise<ConnectOptions> => {
  if (query.has('dryRun')) throw badRequest('dryRun is not supported');
  const { resource, subresource } = call;
  const kind = resource.subresources.find(({ name }) => name === subresource)?.kind ?? resource.kind;
  const options: Record<string, unknown> = { kind, apiVersion: resource.version };
  for (const [name, read] of Object.entries(readers[subresource] ?? {})) {
    const value = read(name === 'path' ? [path ?? ''] : query.getAll(name));
    if (value !== undefined) options[name] = value;
  }
  const admission = { operation: 'CONNECT' as const, object: options as unknown as KubeObject, dryRun: false, options: {} };
  await mutate(call, admission);
  await validate(call, admission);
  return options;
};
