/**
 * Questions to the authorizer (apiserver `pkg/cel/library/authz.go`). Evaluation does not wait: a question that has no answer yet is noted
 * and fails, whoever runs the program finds the answer and runs it again.
 */
import type { CelInput, CelValue } from '@bufbuild/cel';
import { type Declare, opaque, stringOf, textOf } from '../library.ts';

export interface AccessQuestion {
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** Asked about, where it is not who makes the request. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly verb?: string;
}
export interface AccessAnswer {
  readonly allowed: boolean;
  readonly reason: string;
  readonly error?: string;
}

/** By the text of the question. */
export interface AccessAnswers {
  readonly known: Map<string, AccessAnswer>;
  readonly missing: Map<string, AccessQuestion>;
}

/** A question costs 350000 of the million that an expression may cost. */
const mostChecks = 2;
/** Ends an evaluation, whatever else the expression would have made of it. */
const tooMany = 'operation cancelled: actual cost limit exceeded';

let current: { readonly answers: AccessAnswers; checks: number } | undefined;
/** Runs what asks with these answers at hand. */
export const withAnswers = <T>(answers: AccessAnswers, run: () => T): T | { readonly error: string } => {
  const before = current;
  const now = { answers, checks: 0 };
  current = now;
  try {
    const result = run();
    return now.checks > mostChecks ? { error: tooMany } : result;
  } finally {
    current = before;
  }
};

const made = (question: AccessQuestion): CelInput => opaque('authorizer', JSON.stringify(question));
export const authorizerValue = (): CelInput => made({});
export const resourceCheckValue = (question: AccessQuestion): CelInput => made(question);
const of = (value: CelValue): AccessQuestion => JSON.parse(textOf('authorizer', value)) as AccessQuestion;

const ask = (question: AccessQuestion): AccessAnswer => {
  if (current && ++current.checks > mostChecks) throw new Error(tooMany);
  const text = JSON.stringify(question);
  const answer = current?.answers.known.get(text);
  if (answer) return answer;
  current?.answers.missing.set(text, question);
  throw new Error('the authorizer has not been asked yet');
};
const answerOf = (value: CelValue): AccessAnswer => JSON.parse(textOf('decision', value)) as AccessAnswer;

export const authorization = ({ method }: Declare): void => {
  const parts = ['path', 'group', 'resource', 'subresource', 'namespace', 'name', 'fieldSelector', 'labelSelector'] as const;
  for (const part of parts) method(part, 'map', 1, (target, value = null) => made({ ...of(target), [part]: stringOf(value) }));
  method('serviceAccount', 'map', 2, (target, namespace = null, name = null) =>
    made({ ...of(target), serviceAccount: { namespace: stringOf(namespace), name: stringOf(name) } }),
  );
  method('check', 'map', 1, (target, verb = null) => opaque('decision', JSON.stringify(ask({ ...of(target), verb: stringOf(verb) }))));
  method('allowed', 'map', 0, target => answerOf(target).allowed);
  method('reason', 'map', 0, target => answerOf(target).reason);
  method('errored', 'map', 0, target => answerOf(target).error !== undefined);
  method('error', 'map', 0, target => answerOf(target).error ?? '');
};
