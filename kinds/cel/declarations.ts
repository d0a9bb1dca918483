/**
 * The functions that expressions may call and the types they take, in a short form: `name(argument, ...) result`, of a method
 * `target.name(...)`. Single capitals are parameters; what is in braces stands for each of its alternatives.
 * Sources: cel-go `common/stdlib`, `ext`, `cel/library.go`; apiserver `pkg/cel/library`, `pkg/cel/environment/base.go`.
 */
import { type Type, typeFromText } from './types.ts';

export interface Overload {
  readonly method: boolean;
  /** The target first. */
  readonly args: readonly Type[];
  readonly result: Type;
  readonly parameters: readonly string[];
}

const ordered = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration'];
const comparisons = ['_<_', '_<=_', '_>_', '_>=_'].flatMap(name => [
  ...ordered.map(type => `${name}(${type}, ${type}) bool`),
  ...['int, double', 'int, uint', 'uint, double', 'uint, int', 'double, int', 'double, uint'].map(pair => `${name}(${pair}) bool`),
]);
const each = (types: readonly string[], of: (type: string) => string): string[] => types.map(of);

const standard = [
  ...['_?_:_(bool, A, A) A', '_&&_(bool, bool) bool', '_||_(bool, bool) bool', '!_(bool) bool', '@not_strictly_false(bool) bool'],
  ...['_==_(A, A) bool', '_!=_(A, A) bool', ...comparisons],
  ...each(['bytes', 'double', 'duration', 'int', 'list(A)', 'string', 'uint'], type => `_+_(${type}, ${type}) ${type}`),
  ...['_+_(duration, timestamp) timestamp', '_+_(timestamp, duration) timestamp'],
  ...each(['double', 'duration', 'int', 'uint'], type => `_-_(${type}, ${type}) ${type}`),
  ...['_-_(timestamp, duration) timestamp', '_-_(timestamp, timestamp) duration'],
  ...each(['double', 'int', 'uint'], type => `_*_(${type}, ${type}) ${type}`),
  ...each(['double', 'int', 'uint'], type => `_/_(${type}, ${type}) ${type}`),
  ...['_%_(int, int) int', '_%_(uint, uint) uint', '-_(double) double', '-_(int) int'],
  ...['_[_](list(A), int) A', '_[_](map(A, B), A) B', '@in(A, list(A)) bool', '@in(A, map(A, B)) bool'],
  ...each(['bytes', 'list(A)', 'map(A, B)', 'string'], type => `size(${type}) int`),
  ...each(['bytes', 'list(A)', 'map(A, B)', 'string'], type => `${type}.size() int`),
  ...['type(A) type', 'dyn(A) dyn', 'bool(bool) bool', 'bool(string) bool', 'bytes(bytes) bytes', 'bytes(string) bytes'],
  ...each(['double', 'int', 'string', 'uint'], type => `double(${type}) double`),
  ...['duration(duration) duration', 'duration(int) duration', 'duration(string) duration'],
  ...each(['int', 'double', 'duration', 'string', 'timestamp', 'uint'], type => `int(${type}) int`),
  ...each(['string', 'bool', 'bytes', 'double', 'duration', 'int', 'timestamp', 'uint'], type => `string(${type}) string`),
  ...['timestamp(timestamp) timestamp', 'timestamp(int) timestamp', 'timestamp(string) timestamp'],
  ...each(['uint', 'double', 'int', 'string'], type => `uint(${type}) uint`),
  ...['string.contains(string) bool', 'string.endsWith(string) bool', 'string.startsWith(string) bool'],
  ...['matches(string, string) bool', 'string.matches(string) bool'],
  ...[
    ...['getFullYear', 'getMonth', 'getDayOfYear', 'getDayOfMonth', 'getDate', 'getDayOfWeek', 'getHours', 'getMinutes', 'getSeconds'],
    'getMilliseconds',
  ].flatMap(name => [`timestamp.${name}() int`, `timestamp.${name}(string) int`]),
  ...each(['getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'], name => `duration.${name}() int`),
];

const optionals = [
  ...['optional.of(V) optional(V)', 'optional.ofNonZeroValue(V) optional(V)', 'optional.none() optional(V)'],
  ...['optional(V).value() V', 'optional(V).hasValue() bool', 'optional(V).or(optional(V)) optional(V)', 'optional(V).orValue(V) V'],
  ...['_?._(dyn, string) optional(V)', '_[?_](list(V), int) optional(V)', '_[?_](optional(list(V)), int) optional(V)'],
  ...['_[?_](map(K, V), K) optional(V)', '_[?_](optional(map(K, V)), K) optional(V)'],
  ...['_[_](optional(list(V)), int) optional(V)', '_[_](optional(map(K, V)), K) optional(V)'],
  ...['list(V).last() optional(V)', 'list(V).first() optional(V)'],
  ...['optional.unwrap(list(optional(V))) list(V)', 'list(optional(V)).unwrapOpt() list(V)'],
];

const extensions = [
  ...['string.charAt(int) string', 'string.indexOf(string) int', 'string.indexOf(string, int) int', 'string.lastIndexOf(string) int'],
  ...['string.lastIndexOf(string, int) int', 'string.lowerAscii() string', 'string.replace(string, string) string'],
  ...['string.replace(string, string, int) string', 'string.split(string) list(string)', 'string.split(string, int) list(string)'],
  ...['string.substring(int) string', 'string.substring(int, int) string', 'string.trim() string', 'string.upperAscii() string'],
  ...['string.format(list(dyn)) string', 'strings.quote(string) string', 'list(string).join() string', 'list(string).join(string) string'],
  ...['sets.contains(list(T), list(T)) bool', 'sets.equivalent(list(T), list(T)) bool', 'sets.intersects(list(T), list(T)) bool'],
  ...['list(T).slice(int, int) list(T)', 'list(list(T)).flatten() list(T)', 'list(dyn).flatten(int) list(dyn)'],
  ...each(['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'], type => `list(${type}).sort() list(${type})`),
  ...each(
    ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'],
    type => `list(T).@sortByAssociatedKeys(list(${type})) list(T)`,
  ),
  ...['lists.range(int) list(int)', 'list(T).reverse() list(T)', 'list(T).distinct() list(T)'],
  ...['cel.@mapInsert(map(K, V), K, V) map(K, V)', 'cel.@mapInsert(map(K, V), map(K, V)) map(K, V)'],
];

const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];
const url = 'kubernetes.URL';
const ip = 'net.IP';
const cidr = 'net.CIDR';
const quantity = 'kubernetes.Quantity';
const semver = 'kubernetes.Semver';
const format = 'kubernetes.NamedFormat';
const formats = [
  ...['dns1123Label', 'dns1123Subdomain', 'dns1035Label', 'qualifiedName', 'dns1123LabelPrefix', 'dns1123SubdomainPrefix'],
  ...['dns1035LabelPrefix', 'labelValue', 'uri', 'uuid', 'byte', 'date', 'datetime'],
];
const authorization = 'kubernetes.authorization.';
const resourceCheck = `${authorization}ResourceCheck`;

const kubernetes = [
  ...each(comparable, type => `list(${type}).isSorted() bool`),
  ...each(['int', 'uint', 'double', 'duration'], type => `list(${type}).sum() ${type}`),
  ...each(comparable, type => `list(${type}).max() ${type}`),
  ...each(comparable, type => `list(${type}).min() ${type}`),
  ...['list(A).indexOf(A) int', 'list(A).lastIndexOf(A) int'],
  ...['string.find(string) string', 'string.findAll(string) list(string)', 'string.findAll(string, int) list(string)'],
  ...[`url(string) ${url}`, 'isURL(string) bool', `${url}.getQuery() map(string, list(string))`],
  ...each(['getScheme', 'getHost', 'getHostname', 'getPort', 'getEscapedPath'], name => `${url}.${name}() string`),
  ...[`ip(string) ${ip}`, 'isIP(string) bool', 'ip.isCanonical(string) bool', `${ip}.family() int`, `string(${ip}) string`],
  ...each(['isUnspecified', 'isLoopback', 'isLinkLocalMulticast', 'isLinkLocalUnicast', 'isGlobalUnicast'], name => `${ip}.${name}() bool`),
  ...[`cidr(string) ${cidr}`, 'isCIDR(string) bool', `string(${cidr}) string`, `${cidr}.ip() ${ip}`, `${cidr}.masked() ${cidr}`],
  ...[`${cidr}.prefixLength() int`, `${cidr}.containsIP(string) bool`, `${cidr}.containsIP(${ip}) bool`],
  ...[`${cidr}.containsCIDR(string) bool`, `${cidr}.containsCIDR(${cidr}) bool`],
  ...[`quantity(string) ${quantity}`, 'isQuantity(string) bool', `sign(${quantity}) int`],
  ...[`${quantity}.isGreaterThan(${quantity}) bool`, `${quantity}.isLessThan(${quantity}) bool`, `${quantity}.compareTo(${quantity}) int`],
  ...[`${quantity}.asApproximateFloat() double`, `${quantity}.asInteger() int`, `${quantity}.isInteger() bool`],
  ...['add', 'sub'].flatMap(name => [`${quantity}.${name}(${quantity}) ${quantity}`, `${quantity}.${name}(int) ${quantity}`]),
  ...[`semver(string) ${semver}`, `semver(string, bool) ${semver}`, 'isSemver(string) bool', 'isSemver(string, bool) bool'],
  ...[`${semver}.isGreaterThan(${semver}) bool`, `${semver}.isLessThan(${semver}) bool`, `${semver}.compareTo(${semver}) int`],
  ...[`${semver}.major() int`, `${semver}.minor() int`, `${semver}.patch() int`],
  ...each(formats, name => `format.${name}() ${format}`),
  ...[`format.named(string) optional(${format})`, `${format}.validate(string) optional(list(string))`],
  ...[
    `${authorization}Authorizer.path(string) ${authorization}PathCheck`,
    `${authorization}Authorizer.group(string) ${authorization}GroupCheck`,
  ],
  ...[`${authorization}Authorizer.serviceAccount(string, string) ${authorization}Authorizer`],
  ...[`${authorization}GroupCheck.resource(string) ${resourceCheck}`],
  ...each(
    ['subresource', 'namespace', 'name', 'fieldSelector', 'labelSelector'],
    name => `${resourceCheck}.${name}(string) ${resourceCheck}`,
  ),
  ...[`${authorization}PathCheck.check(string) ${authorization}Decision`, `${resourceCheck}.check(string) ${authorization}Decision`],
  ...[`${authorization}Decision.errored() bool`, `${authorization}Decision.error() string`],
  ...[`${authorization}Decision.allowed() bool`, `${authorization}Decision.reason() string`],
];

/** Only where objects and patches may be made. */
const patches = ['jsonpatch.escapeKey(string) string'];

/** Where the brackets of a type and of arguments are balanced. */
const split = (text: string, separator: string): string[] => {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const char of text) {
    if (char === '(') depth++;
    if (char === ')') depth--;
    if (char === separator && depth === 0) {
      parts.push(part.trim());
      part = '';
    } else part += char;
  }
  return part.trim() ? [...parts, part.trim()] : parts;
};

/** Names that begin with one of these are one word with their dot. */
const namespaces: ReadonlySet<string> = new Set(['optional', 'strings', 'sets', 'lists', 'ip', 'format', 'cel', 'jsonpatch']);

const read = (text: string, into: Map<string, Overload[]>): void => {
  const space = text.lastIndexOf(') ');
  const result = text.slice(space + 2);
  const head = text.slice(0, space);
  // The bracket that opens the arguments: the last one at depth zero.
  let depth = 1;
  let open = head.length - 1;
  for (; open >= 0; open--) {
    if (head[open] === ')') depth++;
    if (head[open] === '(' && --depth === 0) break;
  }
  const path = head.slice(0, open);
  const args = split(head.slice(open + 1), ',');
  const operator = /^[_!@-]/.test(path);
  const dot = operator ? -1 : path.lastIndexOf('.');
  const method = dot > 0 && !namespaces.has(path.slice(0, dot));
  const name = method ? path.slice(dot + 1) : path;
  const types = [...(method ? [path.slice(0, dot)] : []), ...args];
  const parameters = [...new Set([...types, result].flatMap(type => type.match(/\b[A-Z]\b/g) ?? []))];
  const overload: Overload = { method, args: types.map(typeFromText), result: typeFromText(result), parameters };
  into.set(name, [...(into.get(name) ?? []), overload]);
};

export type Declarations = ReadonlyMap<string, readonly Overload[]>;

let known: { readonly usual: Declarations; readonly withPatches: Declarations } | undefined;
export const declarations = (withPatches: boolean): Declarations => {
  if (!known) {
    const usual = new Map<string, Overload[]>();
    for (const text of [...standard, ...optionals, ...extensions, ...kubernetes]) read(text, usual);
    const all = new Map(usual);
    for (const text of patches) read(text, all);
    known = { usual, withPatches: all };
  }
  return withPatches ? known.withPatches : known.usual;
};
