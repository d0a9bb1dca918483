import { expect, test } from '@jest/globals';
import { builtInRegistry } from '../../kinds/registry.ts';
import type { Replicas } from '../../store/replica.ts';
import { Metrics } from './metrics.ts';
import { parseRequest } from './request-info.ts';
import type { ApiRequest } from './types.ts';

let now = 0;
const none: Replicas = { open: () => Promise.reject(new Error('not asked for')), loaded: () => undefined, close: async () => undefined };
const clock = { now: () => now, after: () => () => undefined };
const request = (method: string, type: string | null = null) => ({ method, headers: { get: () => type } }) as unknown as ApiRequest;

test('requests are counted by what they ask for, and how long they took', () => {
  const metrics = new Metrics({ clock, registry: builtInRegistry(), replicas: none });
  const list = metrics.begin(request('GET'), parseRequest('GET', '/api/v1/namespaces/n/pods'));
  expect(metrics.text()).toContain('apiserver_current_inflight_requests{request_kind="readOnly"} 1');
  now += 30;
  list(200);
  const labels = 'component="apiserver",dry_run="",group="",resource="pods",scope="namespace",subresource="",verb="LIST",version="v1"';
  const text = metrics.text();
  expect(text).toContain(`apiserver_request_total{code="200",${labels}} 1`);
  expect(text).toContain(`apiserver_request_duration_seconds_bucket{${labels},le="0.025"} 0`);
  expect(text).toContain(`apiserver_request_duration_seconds_bucket{${labels},le="0.05"} 1`);
  expect(text).toContain(`apiserver_request_duration_seconds_sum{${labels}} 0.03`);
  expect(text).toContain('apiserver_current_inflight_requests{request_kind="readOnly"} 0');
});

test('what is not served makes no series of its own', () => {
  const metrics = new Metrics({ clock, registry: builtInRegistry(), replicas: none });
  for (const name of ['a', 'b']) metrics.begin(request('GET'), parseRequest('GET', `/api/v1/namespaces/n/${name}/x`))(404);
  expect(metrics.text().match(/^apiserver_request_total/gm)).toHaveLength(1);
});

test('an apply is no other patch', () => {
  const metrics = new Metrics({ clock, registry: builtInRegistry(), replicas: none });
  const info = parseRequest('PATCH', '/api/v1/namespaces/n/pods/p?dryRun=All');
  metrics.begin(request('PATCH', 'application/apply-patch+yaml'), info)(201);
  expect(metrics.text()).toContain('dry_run="All",group="",resource="pods",scope="resource",subresource="",verb="APPLY"');
});
