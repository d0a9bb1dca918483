/** What a label key and a label value may be, in the words of apimachinery `pkg/api/validate/content/kube.go`. */

const name = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const value = `(${name})?`;
const dnsLabel = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${dnsLabel}(\\.${dnsLabel})*`;

const namePattern = new RegExp(`^${name}$`);
const valuePattern = new RegExp(`^${value}$`);
const subdomainPattern = new RegExp(`^${subdomain}$`);

const examples = (texts: string[], pattern: string): string =>
  ` (e.g. ${texts.map(text => `'${text}', `).join(' or ')}regex used for validation is '${pattern}')`;
const nameRule = `must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character${examples(['MyName', 'my.name', '123-abc'], name)}`;
const valueRule = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character${examples(['MyValue', 'my_value', '12345'], value)}`;
const subdomainRule = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character${examples(['example.com'], subdomain)}`;

/** Why a text is no label key; empty when it is one. */
export const labelKeyProblems = (key: string): string[] => {
  const parts = key.split('/');
  if (parts.length > 2) return [`a valid label key ${nameRule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const problems: string[] = [];
  const prefix = parts.length === 2 ? parts[0] : undefined;
  const last = parts[parts.length - 1] ?? '';
  if (prefix === '') problems.push('prefix part must be non-empty');
  else if (prefix !== undefined) {
    if (prefix.length > 253) problems.push('prefix part must be no more than 253 bytes');
    if (!subdomainPattern.test(prefix)) problems.push(`prefix part ${subdomainRule}`);
  }
  if (last === '') problems.push('name part must be non-empty');
  else if (last.length > 63) problems.push('name part must be no more than 63 bytes');
  if (!namePattern.test(last)) problems.push(`name part ${nameRule}`);
  return problems;
};

/** Why a text is no label value; empty when it is one. */
export const labelValueProblems = (text: string): string[] => {
  const problems: string[] = [];
  if (text.length > 63) problems.push('must be no more than 63 bytes');
  if (!valuePattern.test(text)) problems.push(valueRule);
  return problems;
};
