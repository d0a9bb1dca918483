/** Formats by name, and what is wrong with a text that should have one (apiserver `pkg/cel/library/format.go`). */
import type { CelInput } from '@bufbuild/cel';
import { isDns1035Label, isDns1123Label, isDns1123Subdomain, isLabelValue, isQualifiedName } from '../../metadata.ts';
import { matchesFormat } from '../../schema/formats.ts';
import { type Declare, opaque, stringOf, textOf } from '../library.ts';

/** Of a prefix, what would follow may end it well. */
const prefix =
  (check: (text: string) => readonly string[]) =>
  (text: string): readonly string[] =>
    check(text.endsWith('-') && text.length > 1 ? `${text.slice(0, -1)}a` : text);
const format =
  (name: string, problem: string) =>
  (text: string): string[] =>
    matchesFormat(name, text) ? [] : [problem];

const known: Readonly<Record<string, (text: string) => readonly string[]>> = {
  dns1123Label: isDns1123Label,
  dns1123Subdomain: isDns1123Subdomain,
  dns1035Label: isDns1035Label,
  qualifiedName: isQualifiedName,
  dns1123LabelPrefix: prefix(isDns1123Label),
  dns1123SubdomainPrefix: prefix(isDns1123Subdomain),
  dns1035LabelPrefix: prefix(isDns1035Label),
  labelValue: isLabelValue,
  uri: text => (matchesFormat('uri', text) ? [] : [`parse ${JSON.stringify(text)}: invalid URI for request`]),
  uuid: format('uuid', 'does not match the UUID format'),
  byte: format('byte', 'invalid base64'),
  date: format('date', 'invalid date'),
  datetime: format('datetime', 'invalid datetime'),
};

export const namedFormats = ({ func, method }: Declare): void => {
  for (const name of Object.keys(known)) func(`format.${name}`, 0, () => opaque('format', name));
  func('format.named', 1, (name = null) => (Object.hasOwn(known, stringOf(name)) ? [opaque('format', stringOf(name))] : []) as CelInput);
  method('validate', 'map', 1, (target, text = null) => {
    const problems = known[textOf('format', target)]?.(stringOf(text)) ?? [];
    return (problems.length > 0 ? [[...problems]] : []) as CelInput;
  });
};
