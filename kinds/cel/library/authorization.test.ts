import { describe, expect, test } from '@jest/globals';
import { compile } from '../program.ts';
import { authorizerType } from '../types.ts';
import { type AccessAnswers, authorizerValue, withAnswers } from './authorization.ts';

const evaluate = (source: string): unknown => {
  const program = compile(source, new Map([['authorizer', authorizerType]]));
  const answers: AccessAnswers = { known: new Map(), missing: new Map() };
  for (let i = 0; i < 5; i++) {
    answers.missing.clear();
    const result = withAnswers(answers, () => program.run({ authorizer: authorizerValue() }));
    if (answers.missing.size === 0) return result;
    for (const text of answers.missing.keys()) answers.known.set(text, { allowed: !text.includes('secret'), reason: '' });
  }
  return 'never answered';
};

describe('questions to the authorizer', () => {
  test('are two at most in one evaluation', () => {
    expect(evaluate("authorizer.path('/a').check('get').allowed() && authorizer.path('/b').check('get').allowed()")).toEqual({
      value: true,
    });
    const tooMany = { error: 'operation cancelled: actual cost limit exceeded' };
    expect(evaluate("[1, 2, 3].all(x, authorizer.path('/a').check('get').allowed())")).toEqual(tooMany);
    expect(evaluate("[1, 2, 3].all(x, authorizer.path('/a').check('get').allowed()) || true")).toEqual(tooMany);
  });
  test('count only where they are asked', () => {
    expect(evaluate("[1, 2, 3].all(x, authorizer.path('/secret').check('get').allowed())")).toEqual({ value: false });
  });
});
