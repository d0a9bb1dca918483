import { expect, test } from '@jest/globals';
import { goJsonError } from './go-json-error.ts';

test.each<[string, string | undefined]>([
  ['{}', undefined],
  [' {"a": [1, -2.5e3, "\\u00e9", true, null, {}]} ', undefined],
  ['null', undefined],
  ['', 'unexpected end of JSON input'],
  ['{', 'unexpected end of JSON input'],
  ['{"a"', 'unexpected end of JSON input'],
  ['not', "invalid character 'o' in literal null (expecting 'u')"],
  ['x', "invalid character 'x' looking for beginning of value"],
  ['{a', "invalid character 'a' looking for beginning of object key string"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ['[1 2]', "invalid character '2' after array element"],
  ['{} x', "invalid character 'x' after top-level value"],
  ['{"a":"\n"}', "invalid character '\n' in string literal"],
  ['{"a":"\\x"}', "invalid character 'x' in string escape code"],
  ['{"a":-}', "invalid character '}' in numeric literal"],
  ['{"a":1.}', "invalid character '}' after decimal point in numeric literal"],
  ["'", "invalid character '\\'' looking for beginning of value"],
  ['[]', 'json: cannot unmarshal array into Go value of type map[string]interface {}'],
  ['"a"', 'json: cannot unmarshal string into Go value of type map[string]interface {}'],
])('%p', (text, expected) => {
  expect(goJsonError(text)).toBe(expected);
});

test('deeply nested input', () => {
  expect(goJsonError(`${'['.repeat(100_000)}x`)).toBe("invalid character 'x' looking for beginning of value");
});
