/** JSON patches of webhooks and policies, which fail in other words than those of clients (Go's `evanphx/json-patch`). */
import type { KubeObject } from '../../../../kinds/object.ts';
import { jsonPatch } from '../../../../kinds/patch/index.ts';
import { StatusError } from '../../../../kinds/status.ts';
import { copyJson } from '../../wire.ts';

const last = (path: string): string => path.split('/').at(-1) ?? '';
const failures: Readonly<Record<string, (path: string) => string>> = {
  add: path => `add operation does not apply: doc is missing path: "${path}": missing value`,
  remove: path => `error in remove for path: '${path}': Unable to remove nonexistent key: ${last(path)}: missing value`,
  replace: path => `replace operation does not apply: doc is missing key: ${path}: missing value`,
  test: path => `testing value ${path} failed: test failed`,
};

/** An operation that cannot be done. */
export class OperationError extends Error {
  readonly operation: string;
  constructor(message: string, operation: string) {
    super(message);
    this.operation = operation;
  }
}

/** The object itself is not changed. Throws `OperationError`. */
export const applyOperations = (object: KubeObject, operations: unknown): KubeObject => {
  let made = copyJson(object);
  for (const operation of Array.isArray(operations) ? operations : [operations]) {
    try {
      made = jsonPatch(made, [operation]);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      const { op = '', path = '' } = (operation ?? {}) as { op?: string; path?: string };
      throw new OperationError(Object.hasOwn(failures, op) ? (failures[op]?.(path) ?? '') : error.message, op);
    }
  }
  return made;
};

/** What the decoder itself says of an object that does not fit: the patch is not the client's. */
export const misfitOf = (error: StatusError): string => /: (json: [\s\S]*)$/.exec(error.message)?.[1] ?? error.message;
