import { describe, expect, test } from '@jest/globals';
import { root } from '../field.ts';
import { conversionProblem, type SchemaProps, validateStructural } from './structural.ts';

const at = root('schema');
const texts = (schema: SchemaProps): string[] => validateStructural(schema, at).map(({ field, message }) => `${field}: ${message}`);
const withA = (a: SchemaProps): SchemaProps => ({ type: 'object', properties: { a } });

describe('a structural schema', () => {
  test.each<[string, SchemaProps, string[]]>([
    ['needs types', withA({}), ['schema.properties[a].type: Required value: must not be empty for specified object fields']],
    ['is an object', { type: 'string' }, ['schema.type: Invalid value: "string": must be object at the root']],
    [
      'only judges in alternatives',
      withA({ type: 'string', anyOf: [{ type: 'string', default: 'x' }] }),
      [
        'schema.properties[a].anyOf[0].type: Forbidden: must be empty to be structural',
        'schema.properties[a].anyOf[0].default: Forbidden: must be undefined to be structural',
      ],
    ],
    ['may be of two types', withA({ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }), []],
    [
      'has all that is judged at its root',
      { type: 'object', anyOf: [{ properties: { b: { minimum: 1 } } }] },
      ['schema.properties[b]: Required value: because it is defined in schema.anyOf[0].properties[b]'],
    ],
    [
      'has patterns of RE2',
      withA({ type: 'string', pattern: '(?=a)b' }),
      [
        'schema.properties[a].pattern: Invalid value: "(?=a)b": must be a valid regular expression, but isn\'t: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
      ],
    ],
    [
      'judges names of metadata only',
      { type: 'object', properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } },
      [
        'schema.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified',
      ],
    ],
  ])('%s', (_, schema, expected) => expect(texts(schema)).toEqual(expected));

  test('cannot be made of references', () => {
    expect(conversionProblem(withA({ $ref: '#/x' }))).toBe("OpenAPIV3Schema '$ref' is not supported");
    expect(conversionProblem(withA({ type: 'string' }))).toBeUndefined();
  });
});
