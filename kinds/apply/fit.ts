/** Whether an applied configuration fits its schema; it must before it is merged. Source: structured-merge-diff `typed/validate.go`. */
import { goType, printed } from '../patch/errors.ts';
import { showElement } from './path-element.ts';
import { asObject, formOf, type ListType, type MapType, type Type, TypeMismatch } from './type.ts';

interface Problem {
  readonly path: string;
  readonly message: string;
}

/** As Go's `%#v` shows the value of an unstructured object. */
const goSyntax = (value: unknown): string => {
  if (value === null || value === undefined) return 'interface {}(nil)';
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (typeof value !== 'object') return String(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[string]interface {}{${fields.map(([name, field]) => `${JSON.stringify(name)}:${goSyntax(field)}`).join(', ')}}`;
};
/** As `%v` shows it: a pointer to a struct around the value. */
const shown = (value: unknown): string => `&{${printed(value)}}`;

class Fitting {
  readonly problems: Problem[] = [];

  value(type: Type, value: unknown, path: string): void {
    const form = formOf(type, value);
    if (value === null || value === undefined) return;
    if (form === 'map' && type.map) this.map(type.map, value, path);
    else if (form === 'list' && type.list) this.list(type.list, value, path);
    else if (type.scalar) this.scalar(type.scalar, value, path);
  }

  private refuse(path: string, message: string): void {
    this.problems.push({ path, message });
  }

  private map(map: MapType, value: unknown, path: string): void {
    const fields = asObject(value);
    if (!fields) {
      this.refuse(path, `expected map, got ${shown(value)}`);
      return;
    }
    for (const [name, field] of Object.entries(fields)) {
      const { type } = map.member(name);
      if (!type) {
        this.refuse(`${path}.${name}`, 'field not declared in schema');
        return;
      }
      this.value(type, field, `${path}.${name}`);
    }
  }

  private list(list: ListType, value: unknown, path: string): void {
    if (!Array.isArray(value)) {
      this.refuse(path, `expected list, got ${shown(value)}`);
      return;
    }
    const seen = new Set<string>();
    for (const [i, item] of value.entries()) {
      const element = list.associative ? this.elementOf(list, item, i, path) : `i:${i}`;
      // Without its element nothing below can be named.
      if (element === undefined) return;
      if (seen.has(element)) this.refuse(path, `duplicate entries for key ${showElement(element)}`);
      seen.add(element);
      this.value(list.item, item, path + showElement(element));
    }
  }

  private elementOf(list: ListType, item: unknown, i: number, path: string): string | undefined {
    try {
      return list.elementOf(item);
    } catch (error) {
      if (!(error instanceof TypeMismatch)) throw error;
      this.refuse(path, `element ${i}: ${error.message}`);
      return undefined;
    }
  }

  private scalar(scalar: NonNullable<Type['scalar']>, value: unknown, path: string): void {
    const type = typeof value;
    if (scalar === 'numeric' && type !== 'number') this.refuse(path, `expected numeric (int or float), got ${goType(value)}`);
    else if (scalar === 'string' && type !== 'string') {
      this.refuse(path, `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`);
    } else if (scalar === 'boolean' && type !== 'boolean') this.refuse(path, `expected boolean, got ${shown(value)}`);
    else if (scalar === 'untyped' && type === 'object') this.refuse(path, `expected any scalar, got ${shown(value)}`);
  }
}

/** The text of all that does not fit; undefined where everything does. */
export const misfits = (type: Type, object: unknown): string | undefined => {
  const fitting = new Fitting();
  fitting.value(type, object, '');
  const texts = fitting.problems.map(({ path, message }) => (path ? `${path}: ${message}` : message));
  if (texts.length <= 1) return texts[0];
  return ['errors:', ...texts.map(text => `  ${text}`)].join('\n');
};
