/** Field selectors: `metadata.name=a,status.phase!=Running`. Grammar and error texts: apimachinery `pkg/fields/selector.go`. */
import { badRequest } from '../status.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** Splits at commas that no backslash escapes; escapes stay as they are. */
const splitTerms = (text: string): string[] => {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '\\') i++;
    else if (character === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
};

const unescapeValue = (text: string): string => {
  let value = '';
  const characters = [...text];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] ?? '';
    if (character === ',' || character === '=') {
      throw badRequest(`invalid field selector: unescaped character in value: ${character.codePointAt(0)}`);
    }
    if (character !== '\\') {
      value += character;
      continue;
    }
    const next = characters[++i] ?? '';
    if (next !== '\\' && next !== ',' && next !== '=') throw badRequest(`invalid field selector: invalid escape sequence: \\${next}`);
    value += next;
  }
  return value;
};

const operator = /!=|==|=/;

/** All must hold. Throws 400 with the API server's text; whether a kind knows the fields is the caller's question. */
export const parseFieldSelector = (text: string): FieldRequirement[] => {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text).sort()) {
    if (term === '') continue;
    const found = operator.exec(term);
    if (!found) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    const field = term.slice(0, found.index);
    const value = unescapeValue(term.slice(found.index + found[0].length));
    if (field === '' && value === '') continue;
    requirements.push({ field, operator: found[0] === '!=' ? '!=' : '=', value });
  }
  return requirements;
};

/** `fields` answers a field's value; an unknown or absent one counts as empty. */
export const matchesFields = (requirements: readonly FieldRequirement[], fields: (name: string) => string | undefined): boolean => {
  for (const { field, operator, value } of requirements) {
    if (((fields(field) ?? '') === value) !== (operator === '=')) return false;
  }
  return true;
};

/** The value a requirement asks for exactly, for a lookup by index or key before the full match. */
export const requiredField = (requirements: readonly FieldRequirement[], field: string): string | undefined =>
  requirements.find(requirement => requirement.field === field && requirement.operator === '=')?.value;

const escapeValue = (value: string): string => value.replace(/[\\,=]/g, '\\$&');
export const formatFieldSelector = (requirements: readonly FieldRequirement[]): string =>
  requirements.map(({ field, operator, value }) => `${field}${operator}${escapeValue(value)}`).join(',');
