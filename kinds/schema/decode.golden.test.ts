/** Recorded conversations with kube-apiserver, where they are at hand: every body sent, and every object that came back. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../object.ts';
import { builtInRegistry } from '../registry.ts';
import type { Resource } from '../resource.ts';
import { StatusError } from '../status.ts';
import { conform, decodeBody } from './decode.ts';

interface Step {
  method: string;
  path: string;
  body?: unknown;
  headers?: Record<string, string | null>;
  pick?: unknown;
  omit?: unknown;
  response?: { status: number; body?: JsonObject; warnings?: string[] };
}

const golden = new URL('../../../shared/golden/', import.meta.url);
const areas = existsSync(golden) ? readdirSync(golden).filter(area => !area.includes('.')) : [];
const scenarios = areas.flatMap(area => {
  const folder = new URL(`${area}/`, golden);
  return readdirSync(folder).map(file => ({
    name: `${area}/${file}`,
    steps: (JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { steps: Step[] }).steps,
  }));
});
const registry = builtInRegistry();

/** The resource that a body is sent to; subresources take other kinds. */
const targetOf = (path: string): Resource | undefined => {
  const [root, ...rest] = (path.split('?')[0] ?? '').split('/').slice(1);
  const [group = '', version = '', ...more] = root === 'api' ? ['', ...rest] : rest;
  const inNamespace = more[0] === 'namespaces' && more.length > 2 ? more.slice(2) : more;
  return inNamespace.length > 2 ? undefined : registry.find(group, version, inNamespace[0] ?? '');
};

const decodingRefused = /cannot be handled as|unrecognized|does not match the expected API/;

(scenarios.length > 0 ? describe : describe.skip)('as recorded', () => {
  test('bodies are refused, and warned about, in the same words', () => {
    const differences: unknown[] = [];
    let seen = 0;
    for (const { name, steps } of scenarios) {
      for (const { method, path, body, headers, response } of steps) {
        const target = method === 'POST' || method === 'PUT' ? targetOf(path) : undefined;
        if (!target || !response) continue;
        seen++;
        const text = typeof body === 'string' ? body : (JSON.stringify(body) ?? '');
        const message = String(response.body?.['message'] ?? '');
        const expected = decodingRefused.test(message) ? message : '';
        const mediaType = headers?.['Content-Type']?.includes('yaml') ? 'yaml' : 'json';
        let found = '';
        try {
          const { problems } = decodeBody(target, Buffer.from(text), mediaType, { strict: true });
          if (problems.length > 0 && path.includes('fieldValidation=Strict'))
            found = `${target.kind} in version "${target.version}" cannot be handled as a ${target.kind}: strict decoding error: ${problems.join(', ')}`;
          else if (response.warnings && problems.length > 0)
            expect([name, problems.map(problem => `299 - "${problem.replaceAll('"', '\\"')}"`)]).toEqual([name, response.warnings]);
        } catch (error) {
          if (!(error instanceof StatusError)) throw error;
          found = error.message;
        }
        if (found !== expected) differences.push({ name, expected, found });
      }
    }
    expect(seen).toBeGreaterThan(1000);
    expect(differences).toEqual([]);
  });

  test('what a server stores is in the stored form already', () => {
    const micro = /microTime|renewTime|acquireTime|eventTime|lastObservedTime/;
    /** Puts values where the recording has placeholders. */
    const filled = (value: unknown, key = ''): unknown => {
      if (value === '<time>') return micro.test(key) ? '2024-01-01T00:00:00.000000Z' : '2024-01-01T00:00:00Z';
      if (typeof value === 'string' && value.startsWith('<') && /[nN]odePort$/.test(key)) return 30000;
      if (Array.isArray(value)) return value.map(item => filled(item, key));
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filled(item, name)]));
    };
    let seen = 0;
    for (const { name, steps } of scenarios) {
      for (const { response, pick, omit } of steps) {
        const body = response?.body;
        if (!body?.['metadata'] || pick || omit) continue;
        const resource = registry.findKind(String(body['apiVersion']), String(body['kind']));
        if (!resource) continue;
        seen++;
        const stored = filled(body);
        expect({ name, ...conform(resource.schema, stored, { strict: true }) }).toEqual({ name, object: stored, problems: [] });
      }
    }
    expect(seen).toBeGreaterThan(1000);
  });
});
