/** The evaluator, loaded when it is first needed: it costs more than the rest of a start. Synchronous, because validation is. */
import { createRequire } from 'node:module';
import type * as Cel from '@bufbuild/cel';
import type * as CelExtensions from '@bufbuild/cel/ext';
import type * as Protobuf from '@bufbuild/protobuf';
import type * as WellKnown from '@bufbuild/protobuf/wkt';

export interface Evaluator {
  readonly cel: typeof Cel;
  readonly strings: (typeof CelExtensions)['strings'];
  readonly wkt: typeof WellKnown;
  readonly protobuf: typeof Protobuf;
}

let loaded: Evaluator | undefined;
export const evaluator = (): Evaluator => {
  if (!loaded) {
    const load = createRequire(import.meta.url);
    loaded = {
      cel: load('@bufbuild/cel') as typeof Cel,
      strings: (load('@bufbuild/cel/ext') as typeof CelExtensions).strings,
      wkt: load('@bufbuild/protobuf/wkt') as typeof WellKnown,
      protobuf: load('@bufbuild/protobuf') as typeof Protobuf,
    };
  }
  return loaded;
};
