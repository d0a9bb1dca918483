/**
 * Rules for names, keys and values. Each answers with the reasons why a text is refused, in upstream's words
 * (apimachinery `pkg/util/validation` and `pkg/api/validate/content`); an empty list means it is fine. Expressions are
 * compiled once and are linear in the length of their input.
 */
const fine: readonly string[] = Object.freeze([]);
export type Rule = (value: string) => readonly string[];

/** Lengths are counted in bytes of UTF-8; few texts come near the limit, so most are settled without counting. */
export const longerThan = (value: string, limit: number): boolean =>
  value.length > limit || (value.length * 3 > limit && Buffer.byteLength(value) > limit);

export const maxLengthText = (limit: number): string => `must be no more than ${limit} characters`;
/** Rules that moved to `pkg/api/validate/content` speak of bytes. */
const maxBytesText = (limit: number): string => `must be no more than ${limit} bytes`;
export const rangeText = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;
export const patternText = (text: string, pattern: string, ...examples: string[]): string =>
  examples.length === 0
    ? `${text} (regex used for validation is '${pattern}')`
    : `${text} (e.g. ${examples.map(example => `'${example}', `).join(' or ')}regex used for validation is '${pattern}')`;

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const underscoreLabel = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const underscoreSubdomain = `${underscoreLabel}(\\.${underscoreLabel})*`;
const labelExpression = new RegExp(`^${label}$`);
const subdomainExpression = new RegExp(`^${subdomain}$`);
const labelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const subdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

const pattern = (source: string, text: string, examples: string[], limit?: number, tooLong = maxLengthText): Rule => {
  const expression = new RegExp(`^${source}$`);
  const mismatch = patternText(text, source, ...examples);
  return value => {
    const long = limit !== undefined && longerThan(value, limit);
    const matches = expression.test(value);
    if (!long && matches) return fine;
    return [...(long && limit !== undefined ? [tooLong(limit)] : []), ...(matches ? [] : [mismatch])];
  };
};

export const isDns1123Label: Rule = value => {
  const long = longerThan(value, 63);
  if (labelExpression.test(value)) return long ? [maxLengthText(63)] : fine;
  return [
    ...(long ? [maxLengthText(63)] : []),
    subdomainExpression.test(value) ? 'must not contain dots' : patternText(labelText, label, 'my-name', '123-abc'),
  ];
};
export const isDns1123Subdomain: Rule = pattern(subdomain, subdomainText, ['example.com'], 253);
/** The same rule where upstream generates it from the type (`format=k8s-long-name`), which counts in other units. */
export const isLongName: Rule = pattern(subdomain, subdomainText, ['example.com'], 253, maxBytesText);
export const isDns1123SubdomainWithUnderscore: Rule = pattern(
  underscoreSubdomain,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  ['example.com'],
  253,
);
const caselessExpression = new RegExp(`^${subdomain}$`, 'i');
export const isDns1123SubdomainCaseless: Rule = value => {
  const long = longerThan(value, 253);
  const matches = caselessExpression.test(value);
  if (!long && matches) return fine;
  const text =
    "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  return [...(long ? [maxBytesText(253)] : []), ...(matches ? [] : [patternText(text, subdomain, 'Example.com')])];
};
export const isDns1035Label: Rule = pattern(
  '[a-z]([-a-z0-9]*[a-z0-9])?',
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  ['my-name', 'abc-123'],
  63,
);
export const isWildcardDns1123Subdomain: Rule = pattern(
  `\\*\\.${subdomain}`,
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  ['*.example.com'],
  253,
);
export const isCIdentifier: Rule = pattern(
  '[A-Za-z_][A-Za-z0-9_]*',
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
  ['my_name', 'MY_NAME', 'MyName'],
);
export const isPercent: Rule = pattern('[0-9]+%', "a valid percent string must be a numeric string followed by an ending '%'", [
  '1%',
  '93%',
]);
export const isHttpHeaderName: Rule = pattern('[-A-Za-z0-9]+', "a valid HTTP header must consist of alphanumeric characters or '-'", [
  'X-Header-Name',
]);

/** `(A([...]*)?)A` of upstream, written without the doubled group. */
const qualifiedName = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const qualifiedExpression = new RegExp(`^${qualifiedName}$`);
const qualifiedText = patternText(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  qualifiedName,
  'MyName',
  'my.name',
  '123-abc',
);

/** Keys of labels and annotations, names of finalizers and extended resources: `[prefix/]name`. */
export const isQualifiedName: Rule = value => {
  const slash = value.indexOf('/');
  if (slash < 0 && value.length <= 63 && qualifiedExpression.test(value)) return fine;
  if (slash >= 0 && value.indexOf('/', slash + 1) >= 0) {
    return [`a valid label key ${qualifiedText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const problems: string[] = [];
  const name = value.slice(slash + 1);
  if (slash === 0) problems.push('prefix part must be non-empty');
  else if (slash > 0) for (const text of isLongName(value.slice(0, slash))) problems.push(`prefix part ${text}`);
  if (name === '') problems.push('name part must be non-empty');
  else if (longerThan(name, 63)) problems.push(`name part ${maxBytesText(63)}`);
  if (!qualifiedExpression.test(name)) problems.push(`name part ${qualifiedText}`);
  return problems.length ? problems : fine;
};
export const isLabelValue: Rule = pattern(
  `(${qualifiedName})?`,
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  ['MyValue', 'my_value', '12345'],
  63,
  maxBytesText,
);

const parentDirectory = (value: string): readonly string[] => {
  if (!value.startsWith('.')) return fine;
  if (value === '.') return ["must not be '.'"];
  if (value === '..') return ["must not be '..'"];
  return value.startsWith('..') ? ["must not start with '..'"] : fine;
};
const configMapKey = pattern(
  '[-._a-zA-Z0-9]+',
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  ['key.name', 'KEY_NAME', 'key-name'],
  253,
);
const both = (one: readonly string[], other: readonly string[]): readonly string[] =>
  one.length === 0 ? other : other.length === 0 ? one : [...one, ...other];
/** Keys of ConfigMaps and Secrets. */
export const isConfigMapKey: Rule = value => both(configMapKey(value), parentDirectory(value));

/** Names of environment variables, as relaxed since 1.30: any printable ASCII but `=`. */
const environmentName = /^[ -<>-~]+$/;
export const isEnvironmentName: Rule = value => {
  if (environmentName.test(value)) return fine;
  return [
    value === ''
      ? 'environment variable name must be non-empty'
      : "a valid environment variable name must consist only of printable ASCII characters other than '='",
  ];
};

/** What can stand in a URL path as one segment. */
export const isPathSegmentPrefix: Rule = value => {
  const slash = value.includes('/');
  const percent = value.includes('%');
  if (!slash && !percent) return fine;
  return [...(slash ? ["may not contain '/'"] : []), ...(percent ? ["may not contain '%'"] : [])];
};
export const isPathSegment: Rule = value => (value === '.' || value === '..' ? [`may not be '${value}'`] : isPathSegmentPrefix(value));

const portNameCharacters = /^[-a-z0-9]+$/;
const portNameLetter = /[a-z]/;
/** Names of container and service ports where they are IANA service names. */
export const isPortName: Rule = value => {
  const problems: string[] = [];
  if (longerThan(value, 15)) problems.push(maxLengthText(15));
  if (!portNameCharacters.test(value)) problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!portNameLetter.test(value)) problems.push('must contain at least one letter (a-z)');
  if (value.includes('--')) problems.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) problems.push('must not begin or end with a hyphen');
  return problems.length ? problems : fine;
};
export const isPortNumber = (value: number): readonly string[] => (value >= 1 && value <= 65535 ? fine : [rangeText(1, 65535)]);
export const isInRange = (value: number, low: number, high: number): readonly string[] =>
  value >= low && value <= high ? fine : [rangeText(low, high)];

/** A prefix to which a suffix will be added may end in a dash; upstream replaces the last two characters, and so do we. */
const maskTrailingDash = (name: string): string => (name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name);

export type NameRuleName = 'dns-subdomain' | 'dns-label' | 'dns1035-label' | 'path-segment';
const nameRules: Record<NameRuleName, Rule> = {
  'dns-subdomain': isDns1123Subdomain,
  'dns-label': isDns1123Label,
  'dns1035-label': isDns1035Label,
  'path-segment': isPathSegment,
};
/** Judges `metadata.name`, or with `prefix` a `metadata.generateName`. */
export const checkName = (rule: NameRuleName | ((name: string) => readonly string[]), name: string, prefix: boolean): readonly string[] => {
  if (typeof rule === 'function') return rule(prefix ? maskTrailingDash(name) : name);
  if (rule === 'path-segment') return prefix ? isPathSegmentPrefix(name) : isPathSegment(name);
  return nameRules[rule](prefix ? maskTrailingDash(name) : name);
};
