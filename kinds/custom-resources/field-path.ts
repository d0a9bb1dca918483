/** The `fieldPath` of a rule: names and quoted names that must exist in the schema (apiextensions `cel.ValidFieldPath`). */
import type { Schema } from '../schema/schema.ts';

const escapes: Record<string, string> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', "'": "'", '\\': '\\' };
const step = /\.([^.[\]]+)|\['((?:\\.|[^'\\])*)'\]/y;

/** As errors show it; undefined where it leads nowhere. */
export const fieldPath = (text: string, schema: Schema): string | undefined => {
  let shown = '';
  let at: Schema | undefined = schema;
  step.lastIndex = 0;
  while (step.lastIndex < text.length) {
    const match = step.exec(text);
    if (!match || !at) return undefined;
    const name = match[1] ?? (match[2] ?? '').replace(/\\(.)/g, (_, char: string) => escapes[char] ?? char);
    if (at.properties) {
      at = at.properties.get(name);
      if (!at) return undefined;
      shown += shown ? `.${name}` : name;
    } else if (at.additionalProperties) {
      at = at.additionalProperties;
      shown += `[${name}]`;
    } else return undefined;
  }
  return shown;
};
