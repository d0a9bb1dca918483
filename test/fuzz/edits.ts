/**
 * Random changes of an object, led by the schema of its kind: most are of the right type and often legal, some are not. An edit is a few
 * numbers, so that a generator shrinks them well and a failing case can be repeated from its print.
 */
import type { Json, JsonObject } from '../../kinds/object.ts';
import type { Schema } from '../../kinds/schema/schema.ts';

export interface Edit {
  /** Choices on the way down from the root, used as far as the way goes. */
  readonly walk: readonly number[];
  readonly action: number;
  readonly value: number;
}

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const pick = <T>(list: readonly T[], choice: number): T => {
  const found = list[choice % list.length];
  if (found === undefined) throw new Error('nothing to choose from');
  return found;
};

/** Words that mean something to fields whose name ends so; the last list is for all others. */
const words: readonly (readonly [RegExp, readonly string[]])[] = [
  [/protocol$/i, ['TCP', 'UDP', 'SCTP', 'tcp', '']],
  [/operator$/, ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt', 'Equal', 'exists']],
  [/effect$/, ['NoSchedule', 'NoExecute', 'PreferNoSchedule', 'Never']],
  [
    /policy(Type)?s?$/i,
    ['Always', 'Never', 'IfNotPresent', 'OnFailure', 'Retain', 'Delete', 'Ignore', 'Fail', 'Ingress', 'Cluster', 'Local', 'None', 'Honor'],
  ],
  [/(cidr|except)s?$/i, ['10.0.0.0/8', '10.1.0.0/16', '::/0', '10.0.0.1/8', '300.0.0.0/8', 'x']],
  [/(ip|ips|addresses|address)$/i, ['10.1.2.3', '::1', 'fe80::1', '127.0.0.1', '010.1.2.3', '10.1.2', '0.0.0.0', 'None', '']],
  [
    /(host|hosts|hostname|domain|serverName|searches)$/i,
    ['a.example.com', '*.example.com', '*.com', 'A.example.com', 'a_b', '-a', 'localhost', '10.1.2.3', ''],
  ],
  [/path$/i, ['/a', 'a', '/a/../b', '../a', '/', '', '/a:b', '//a']],
  [/image$/, ['registry.example/app:1', 'a', ' a', '']],
  [/(schedule)$/, ['0 0 * * *', '@daily', '@every 1h', 'TZ=UTC 0 0 * * *', '60 * * * *', 'x']],
  [/timeZone$/, ['Etc/UTC', 'Europe/Rome', 'Local', 'Mars/Base', '']],
  [
    /(type|mode|modes|method|scope|kind|action|level|when\w+)$/i,
    [
      'ClusterIP',
      'NodePort',
      'LoadBalancer',
      'ExternalName',
      'RollingUpdate',
      'Recreate',
      'OnDelete',
      'Indexed',
      'NonIndexed',
      'Opaque',
      'Container',
      'Pod',
      'User',
      'Group',
      'ServiceAccount',
      'Prefix',
      'Exact',
      'Utilization',
      'AverageValue',
      'ReadWriteOnce',
      'ReadWriteMany',
      'Block',
      'Filesystem',
      'Localhost',
      'RuntimeDefault',
      'Unconfined',
      'IPv4',
      'IPv6',
      'FQDN',
      'ClientIP',
      'None',
      'x',
      '',
    ],
  ],
  [
    /(key|name|names|names?pace|Name|ref|reason|class)$/,
    ['a', 'main', 'web', 'default', 'a.b', 'a/b', 'example.com/a', 'A', '-a', 'a b', 'a'.repeat(64), 'a'.repeat(254), '$', '..', ''],
  ],
  [/(time|Timestamp|Time)$/, ['2030-01-01T00:00:00Z', '2030-01-01T00:00:00.123456Z', '2030-01-01', 'x', '']],
  [/expression$/i, ['true', 'object.a', '1', 'self.x > 0', '(', '']],
  [/(verbs|resources|apiGroups|operations)$/, ['get', '*', 'pods', 'pods/status', 'CREATE', '', 'a b']],
  [/./, ['a', 'b', 'web', '1', 'true', 'a.b/c', 'A b', 'ü', '\u0000', 'x'.repeat(300), '']],
];
const quantities = ['0', '1', '100m', '1Gi', '1.5', '-1', '1e3', '0.0001', '12E', '1 Gi', 'x', '', '9'.repeat(30)];
const keys = [
  'a',
  'app',
  'example.com/a',
  'cpu',
  'memory',
  'storage',
  'hugepages-2Mi',
  'pods',
  'A',
  '-a',
  'a b',
  '',
  '__proto__',
  'constructor',
  'a'.repeat(70),
];
const integers = [
  0, 1, 2, 5, 50, 80, 100, 443, 1000, 30000, 65535, 65536, -1, -2147483648, 2147483647, 2147483648, 4294967296, 9007199254740991,
];
const anything: readonly Json[] = [null, true, 0, -1, 1.5, 1e300, '', 'x', [], {}, [null], [[]], { a: 1 }, [{ a: [] }], { '': '' }];

/** A value as the schema asks for, `depth` levels at most; `field` is the name of the member that gets it. */
const typed = (schema: Schema, field: string, choice: number, depth: number): Json => {
  if (schema.enum && choice % 4 > 0) return pick(schema.enum, choice >> 2);
  if (schema.intOrString) return pick<Json>([0, 1, 80, 70000, -1, '50%', '101%', 'http', 'x y', ''], choice);
  if (schema.type === 'array') {
    const { items } = schema;
    return Array.from({ length: choice % 3 }, (_, i) => (items ? typed(items, field, (choice >> 2) + i, depth - 1) : i));
  }
  if (schema.type === 'object') {
    const made: JsonObject = {};
    if (depth <= 0) return made;
    const names = [...(schema.properties?.keys() ?? [])];
    for (let i = 0; i < 3 && names.length > 0; i++) {
      const name = pick(names, (choice >> i) + i);
      const inner = schema.properties?.get(name);
      if (inner) made[name] = typed(inner, name, (choice >> 3) + i, depth - 1);
    }
    for (const name of schema.required ?? []) {
      const inner = schema.properties?.get(name);
      if (inner && !(name in made)) made[name] = typed(inner, name, choice >> 1, depth - 1);
    }
    if (schema.additionalProperties) setOwn(made, pick(keys, choice), typed(schema.additionalProperties, field, choice >> 2, depth - 1));
    return made;
  }
  if (schema.type === 'integer') return pick(integers, choice);
  if (schema.type === 'number') return pick([0, 1, 0.5, -1.5, 1e10], choice);
  if (schema.type === 'boolean') return choice % 2 === 0;
  if (schema.type === 'string') {
    if (schema.format === 'quantity' || schema.definition?.endsWith('Quantity')) return pick(quantities, choice);
    if (schema.format === 'byte') return pick(['', 'AAAA', 'MQ==', 'MQ', '!'], choice);
    return pick(words.find(([pattern]) => pattern.test(field))?.[1] ?? [''], choice);
  }
  return pick(anything, choice);
};

/** Sets a member, also one that is called `__proto__`. */
export const setOwn = (object: JsonObject, name: string, value: Json): void => {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
};

const act = (schema: Schema | undefined, field: string, current: Json | undefined, { action, value }: Edit): Json | undefined => {
  switch (action % 16) {
    case 0:
    case 1:
      return undefined;
    case 2:
      return pick(anything, value);
    case 3:
      return schema?.type === 'array' ? [] : schema?.type === 'object' ? {} : schema?.type === 'string' ? '' : 0;
    case 4:
      return Array.isArray(current) && current.length > 0 ? [...current, pick(current, value)] : current;
    case 5:
      return Array.isArray(current) ? [...current].reverse() : current;
    default:
      return schema ? typed(schema, field, value, 4) : pick(anything, value);
  }
};

const changed = (schema: Schema | undefined, field: string, current: Json | undefined, edit: Edit, depth: number): Json | undefined => {
  const choice = edit.walk[depth];
  if (choice === undefined) return act(schema, field, current, edit);
  if (Array.isArray(current) || (current === undefined && schema?.type === 'array')) {
    const list = Array.isArray(current) ? [...current] : [];
    const at = choice % (list.length + 1);
    const made = changed(schema?.items, field, list[at], edit, depth + 1);
    list.splice(at, 1, ...(made === undefined ? [] : [made]));
    return list;
  }
  if (!isObject(current) && schema?.type !== 'object') return act(schema, field, current, edit);
  const object: JsonObject = isObject(current) ? { ...current } : {};
  const present = Object.keys(object);
  const known = [...(schema?.properties?.keys() ?? []), ...(schema?.additionalProperties ? keys : [])];
  // What is there is chosen about as often as all that could be.
  const names = choice % 2 === 0 && present.length > 0 ? present : known.length > 0 ? known : [...present, 'extra'];
  const name = choice % 97 === 96 ? 'notAField' : pick(names, choice >> 1);
  const inner = schema?.properties?.get(name) ?? schema?.additionalProperties;
  const made = changed(inner, name, Object.hasOwn(object, name) ? object[name] : undefined, edit, depth + 1);
  if (made === undefined) delete object[name];
  else setOwn(object, name, made);
  return object;
};

/** The object with the edits applied one after the other; the input is not changed. */
export const edited = (schema: Schema, object: JsonObject, edits: readonly Edit[]): JsonObject => {
  let current: Json = object;
  for (const edit of edits) {
    const next = changed(schema, '', current, edit.walk.length > 0 ? edit : { ...edit, walk: [0] }, 0);
    current = isObject(next) ? next : current;
  }
  return isObject(current) ? current : {};
};
