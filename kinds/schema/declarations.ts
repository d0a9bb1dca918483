/**
 * Reads the generated models of `@kubernetes/client-node`: field names, types and formats from the attribute maps,
 * descriptions from the declarations. As text: importing 750 modules to read tables would cost seconds.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Attribute {
  /** The name on the wire. */
  readonly name: string;
  /** TypeScript type, e.g. `Array<V1Container>`, `{ [key: string]: string; }`. */
  readonly type: string;
  readonly format: string;
  readonly description: string;
}

export interface Model {
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

interface AttributeRow {
  name: string;
  baseName: string;
  type: string;
  format: string;
}

const table = /\.attributeTypeMap = (\[[\s\S]*?\n\]|\[\]);/;
const classDescription = /\/\*\*\n\* ([\s\S]*?)\n\*\/\nexport declare class/;
const property = /(?:\/\*\*\n\s+\* ([^\n]*(?:\n\s+\* [^\n]*)*)\n\s+\*\/\n)?\s+'([^']+)'\??: /g;

/** Upstream's descriptions, from which the generator has escaped quotes and folded lines. */
const plain = (text: string | undefined): string => (text ?? '').replace(/\n\s+\* /g, '\n').replace(/\\(["'\\])/g, '$1');

export const readModel = (folder: string, model: string): Model => {
  const source = readFileSync(join(folder, `${model}.js`), 'utf8');
  const rows = table.exec(source)?.[1];
  if (!rows) throw new Error(`no attribute map in ${model}.js`);
  const declaration = readFileSync(join(folder, `${model}.d.ts`), 'utf8');
  const descriptions = new Map<string, string>();
  const body = declaration.slice(declaration.indexOf('export declare class'));
  for (const match of body.matchAll(property)) if (match[2]) descriptions.set(match[2], plain(match[1]));
  return {
    description: plain(classDescription.exec(declaration)?.[1]),
    attributes: (JSON.parse(rows) as AttributeRow[]).map(row => ({
      name: row.baseName,
      type: row.type,
      format: row.format,
      description: descriptions.get(row.name) ?? '',
    })),
  };
};
