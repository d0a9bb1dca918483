/**
 * Path elements of managed fields: how a field, an item of a keyed list, a member of a set and an index are written, ordered
 * and shown. Source: structured-merge-diff `fieldpath/element.go`, `serialize-pe.go`.
 */

/** Texts that come again on every write; bounded, because clients choose the names of labels. */
const remember = (make: (text: string) => string): ((text: string) => string) => {
  const known = new Map<string, string>();
  return text => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const made = make(text);
    if (known.size >= 4096) known.clear();
    known.set(text, made);
    return made;
  };
};

export const fieldElement = remember(name => `f:${name}`);

const escapes: Record<string, string> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026', '\u2028': '\\u2028', '\u2029': '\\u2029' };
/** JSON as Go writes it. */
const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, character => escapes[character] ?? character);

export const valueElement = (value: unknown): string => `v:${goJson(value)}`;

const byName = new Map<string, (text: string) => string>();
/** Fields in the order of their names. */
export const keyElement = (fields: readonly (readonly [name: string, value: unknown])[]): string => {
  const [first] = fields;
  if (fields.length === 1 && first && typeof first[1] === 'string') {
    const [name, text] = first;
    let encode = byName.get(name);
    if (!encode) {
      encode = remember(value => `k:{${JSON.stringify(name)}:${goJson(value)}}`);
      if (byName.size >= 256) byName.clear();
      byName.set(name, encode);
    }
    return encode(text);
  }
  return `k:{${fields.map(([name, value]) => `${JSON.stringify(name)}:${goJson(value)}`).join(',')}}`;
};

const contentOf = (element: string): unknown => JSON.parse(element.slice(2));

const typeRank = (value: unknown): number => {
  if (typeof value === 'number') return 0;
  if (typeof value === 'string') return 1;
  if (typeof value === 'boolean') return 2;
  return 3;
};
const compareValues = (a: unknown, b: unknown): number => {
  const rank = typeRank(a) - typeRank(b);
  if (rank !== 0) return rank;
  if (typeof a === 'number') return a - (b as number);
  const [left, right] = typeof a === 'string' ? [a, b as string] : [JSON.stringify(a), JSON.stringify(b)];
  return left < right ? -1 : left > right ? 1 : 0;
};
const compareKeys = (a: Record<string, unknown>, b: Record<string, unknown>): number => {
  const left = Object.entries(a);
  const right = Object.entries(b);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [name, value] = left[i] as [string, unknown];
    const [otherName, otherValue] = right[i] as [string, unknown];
    if (name !== otherName) return name < otherName ? -1 : 1;
    const order = compareValues(value, otherValue);
    if (order !== 0) return order;
  }
  return left.length - right.length;
};

const kinds = '.fkvi';
/** The order in which upstream writes siblings: fields, keys, values, indices. */
export const compareElements = (a: string, b: string): number => {
  const kind = a.charAt(0);
  if (kind !== b.charAt(0)) return kinds.indexOf(kind) - kinds.indexOf(b.charAt(0));
  if (kind === 'f' || kind === '.') return a < b ? -1 : a > b ? 1 : 0;
  if (kind === 'i') return Number(a.slice(2)) - Number(b.slice(2));
  if (kind === 'v') return compareValues(contentOf(a), contentOf(b));
  return compareKeys(contentOf(a) as Record<string, unknown>, contentOf(b) as Record<string, unknown>);
};

/** As conflicts and errors show it: `.spec`, `[name="a"]`, `[="x"]`, `[0]`. */
export const showElement = (element: string): string => {
  switch (element.charAt(0)) {
    case 'f':
      return `.${element.slice(2)}`;
    case 'k': {
      const fields = Object.entries(contentOf(element) as Record<string, unknown>);
      return `[${fields.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
    }
    case 'v':
      return `[=${JSON.stringify(contentOf(element))}]`;
    default:
      return `[${element.slice(2)}]`;
  }
};
export const showPath = (path: readonly string[]): string => path.map(showElement).join('');

/** The element in canonical form; undefined for a kind that this version does not know. Throws SyntaxError for a malformed one. */
export const readElement = (text: string): string | undefined => {
  if (text.charAt(1) !== ':') throw new SyntaxError(`missing colon: ${text}`);
  switch (text.charAt(0)) {
    case 'f':
      return text;
    case 'v':
      return valueElement(contentOf(text));
    case 'k': {
      const content = contentOf(text);
      if (typeof content !== 'object' || content === null || Array.isArray(content)) throw new SyntaxError(`no key: ${text}`);
      return keyElement(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1)));
    }
    case 'i':
      if (!/^i:-?[0-9]{1,15}$/.test(text)) throw new SyntaxError(`no index: ${text}`);
      return text;
    default:
      return undefined;
  }
};
