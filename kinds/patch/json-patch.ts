/**
 * JSON patch (RFC 6902). The library applies the operations; what stands here is where upstream's library (evanphx/json-patch v4)
 * is more lenient than the RFC, the limits of the API server, and the guard against names that JavaScript treats as its own.
 */
import { applyPatch, type Operation, Pointer } from 'rfc6902';
import { badRequest, tooLarge } from '../status.ts';
import { jsonKind, unprocessable } from './errors.ts';
import { equal, isFields, own, refuseDeepNesting } from './value.ts';

const mostOperations = 10_000;
/** `JSONPatchMaxCopyBytes` of the API server: what all copies of one patch may amount to. */
const mostCopied = 3 * 1024 * 1024;
/** The library does not walk through these. No Kubernetes field has such a name. */
const reserved: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

const tokensOf = (path: string): string[] => {
  const start = path.indexOf('/');
  // Upstream ignores what stands before the first slash, and finds nothing by a path without one.
  if (start < 0) throw unprocessable();
  const { tokens } = Pointer.fromJSON(path.slice(start));
  if (tokens.some(token => reserved.has(token))) throw unprocessable();
  return tokens.slice(1);
};

const step = (container: unknown, token: string): unknown => {
  if (Array.isArray(container)) return container[Number(token)];
  return isFields(container) ? own(container, token) : undefined;
};

const index = /^[+-]?[0-9]+$/;
/** The path in strict RFC 6901, with indices that count from the end made plain. `room` is 1 where one may add behind the last item. */
const resolve = (document: unknown, path: string, room: 0 | 1): { tokens: string[]; parent: unknown; key: string } => {
  const tokens = tokensOf(path);
  let parent = document;
  let key = '';
  tokens.forEach((token, i) => {
    if (i > 0) parent = step(parent, key);
    if (typeof parent !== 'object' || parent === null) throw unprocessable();
    key = token;
    const last = i === tokens.length - 1;
    if (!Array.isArray(parent) || (last && room === 1 && token === '-')) return;
    const size = parent.length + (last ? room : 0);
    const at = index.test(token) ? Number(token) : Number.NaN;
    const plain = at < 0 ? at + size : at;
    if (!(plain >= 0 && plain < size)) throw unprocessable();
    key = String(plain);
    tokens[i] = key;
  });
  return { tokens, parent, key };
};

interface Step {
  readonly op?: unknown;
  readonly path?: unknown;
  readonly from?: unknown;
  readonly value?: unknown;
}

const stringOf = (value: unknown): string => {
  if (typeof value !== 'string') throw unprocessable();
  return value;
};
const written = (tokens: string[]): string => new Pointer(['', ...tokens]).toString();

class Application {
  private document: unknown;
  private copied = 0;

  constructor(target: unknown) {
    this.document = structuredClone(target);
  }

  apply(operation: Step): void {
    const path = stringOf(operation.path);
    const value = operation.value ?? null;
    if (operation.op === 'add') this.add(path, value);
    else if (operation.op === 'remove') this.remove(path);
    else if (operation.op === 'replace') this.replace(path, value);
    else if (operation.op === 'test') this.test(path, value);
    else if (operation.op === 'move') this.move(stringOf(operation.from), path);
    else if (operation.op === 'copy') this.copy(stringOf(operation.from), path);
    else throw unprocessable();
  }

  result(): unknown {
    return this.document;
  }

  /** The value at a path whose container exists; an absent field reads as undefined. */
  private read(path: string): unknown {
    const { parent, key } = resolve(this.document, path, 0);
    return step(parent, key);
  }
  private add(path: string, value: unknown): void {
    this.run({ op: 'add', path: written(resolve(this.document, path, 1).tokens), value });
  }
  private remove(path: string): void {
    const { tokens, parent, key } = resolve(this.document, path, 0);
    if (step(parent, key) === undefined) throw unprocessable();
    this.run({ op: 'remove', path: written(tokens) });
  }
  private replace(path: string, value: unknown): void {
    if (path === '') {
      if (typeof value !== 'object' || value === null) throw unprocessable();
      this.document = structuredClone(value);
      return;
    }
    // Upstream's replace sets a field of an object whether it was there or not.
    const { tokens, parent } = resolve(this.document, path, 0);
    this.run({ op: Array.isArray(parent) ? 'replace' : 'add', path: written(tokens), value });
  }
  private test(path: string, value: unknown): void {
    if (!equal(path === '' ? this.document : (this.read(path) ?? null), value)) throw unprocessable();
  }
  private move(from: string, path: string): void {
    const moved = this.read(from);
    this.remove(from);
    this.add(path, moved);
  }
  private copy(from: string, path: string): void {
    const copied = this.read(from) ?? null;
    this.copied += JSON.stringify(copied).length;
    if (this.copied > mostCopied) throw unprocessable();
    this.add(path, copied);
  }

  private run(operation: Operation): void {
    const [failure] = applyPatch(this.document, [operation]);
    if (failure) throw unprocessable();
  }
}

const checkShape = (operations: unknown): Step[] => {
  if (operations === null) return [];
  if (!Array.isArray(operations)) {
    throw badRequest(`error decoding patch: json: cannot unmarshal ${jsonKind(operations)} into Go value of type []handlers.jsonPatchOp`);
  }
  for (const operation of operations) {
    if (operation === null) continue;
    if (!isFields(operation)) {
      throw badRequest(`error decoding patch: json: cannot unmarshal ${jsonKind(operation)} into Go value of type handlers.jsonPatchOp`);
    }
    for (const field of ['op', 'path', 'from']) {
      const value = own(operation, field);
      if (value !== undefined && value !== null && typeof value !== 'string') {
        throw badRequest(
          `error decoding patch: json: cannot unmarshal ${jsonKind(value)} into Go struct field jsonPatchOp.${field} of type string`,
        );
      }
    }
  }
  if (operations.length > mostOperations) {
    throw tooLarge(
      `Request entity too large: The allowed maximum operations in a JSON patch is ${mostOperations}, got ${operations.length}`,
    );
  }
  return operations.map(operation => operation ?? {});
};

/** Applies all operations or, throwing, none. */
export const jsonPatch = <T extends object>(target: T, operations: unknown): T => {
  const steps = checkShape(operations);
  refuseDeepNesting(steps);
  const application = new Application(target);
  for (const operation of steps) application.apply(operation);
  return application.result() as T;
};
