/**
 * What the API has done, in Prometheus' text form under upstream's names (apiserver `pkg/endpoints/metrics`). Only of served resources is anything
 * kept apart, so that nobody makes series without end by asking for what is not there.
 */
import type { Clock } from '../../kinds/environment.ts';
import type { Registry } from '../../kinds/resource.ts';
import type { Replicas } from '../../store/replica.ts';
import type { ApiRequest, ApiResponse, RequestInfo } from './types.ts';

const bounds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

interface Durations {
  /** Of each bound, those not of a lower one; the last: beyond all. */
  readonly counts: number[];
  count: number;
  sum: number;
}

export interface MetricsOptions {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly replicas: Replicas;
}

const escaped = (value: string): string => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
const labelled = (labels: Readonly<Record<string, string>>): string =>
  Object.keys(labels)
    .sort()
    .map(name => `${name}="${escaped(labels[name] ?? '')}"`)
    .join(',');

const verbs: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
};
const others = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
const readers = new Set(['get', 'list', 'watch', 'head']);

export class Metrics {
  readonly #options: MetricsOptions;
  readonly #totals = new Map<string, number>();
  readonly #durations = new Map<string, Durations>();
  readonly #inflight = { mutating: 0, readOnly: 0 };
  /** Labels are made once for requests alike. */
  readonly #labels = new Map<string, string>();

  constructor(options: MetricsOptions) {
    this.#options = options;
  }

  /** Of a request whose path has been read. What it gives is to be called once, with the answer's status. */
  begin(request: ApiRequest, info: RequestInfo): (status: number) => void {
    const started = this.#options.clock.now();
    const kind = readers.has(info.verb) ? 'readOnly' : 'mutating';
    // Watches go on for long after their answer has begun.
    const counted = info.verb !== 'watch';
    if (counted) this.#inflight[kind]++;
    return status => {
      if (counted) this.#inflight[kind]--;
      const labels = this.#labelsOf(request, info);
      const key = `code="${status}",${labels}`;
      this.#totals.set(key, (this.#totals.get(key) ?? 0) + 1);
      if (counted) this.#observe(labels, (this.#options.clock.now() - started) / 1000);
    };
  }

  #observe(labels: string, seconds: number): void {
    let durations = this.#durations.get(labels);
    if (!durations) {
      durations = { counts: Array.from({ length: bounds.length + 1 }, () => 0), count: 0, sum: 0 };
      this.#durations.set(labels, durations);
    }
    const at = bounds.findIndex(bound => seconds <= bound);
    const bucket = at < 0 ? bounds.length : at;
    durations.counts[bucket] = (durations.counts[bucket] ?? 0) + 1;
    durations.count++;
    durations.sum += seconds;
  }

  #labelsOf({ method, headers }: ApiRequest, { verb, target, query }: RequestInfo): string {
    const applied = verb === 'patch' && (headers.get('content-type') ?? '').startsWith('application/apply-patch');
    const dryRun = query.size > 0 && query.get('dryRun') === 'All' ? 'All' : '';
    const known = target && this.#options.registry.find(target.group, target.version, target.resource);
    const scope = !target || !known ? '' : target.name || verb === 'create' ? 'resource' : target.namespace ? 'namespace' : 'cluster';
    const subresource = known?.subresources.find(({ name }) => name === target?.subresource)?.name ?? '';
    const what = known ? `${known.group} ${known.version} ${known.resource} ${subresource}` : '';
    const key = `${verb} ${method} ${applied} ${dryRun} ${scope} ${what}`;
    let labels = this.#labels.get(key);
    if (!labels) {
      labels = labelled({
        component: 'apiserver',
        dry_run: dryRun,
        group: known?.group ?? '',
        resource: known?.resource ?? '',
        scope,
        subresource,
        verb: applied ? 'APPLY' : ((known && verbs[verb]) ?? (others.has(method) ? method : 'other')),
        version: known?.version ?? '',
      });
      this.#labels.set(key, labels);
    }
    return labels;
  }

  text(): string {
    const lines: string[] = [];
    const family = (name: string, type: string, help: string): void => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    };
    family('apiserver_current_inflight_requests', 'gauge', 'Requests that are being answered, watches aside, by kind.');
    for (const [kind, count] of Object.entries(this.#inflight))
      lines.push(`apiserver_current_inflight_requests{request_kind="${kind}"} ${count}`);
    family('apiserver_request_duration_seconds', 'histogram', 'How long answers took, by verb, dry run, resource, subresource and scope.');
    for (const [labels, { counts, count, sum }] of this.#durations) {
      let below = 0;
      for (const [i, bound] of bounds.entries()) {
        below += counts[i] ?? 0;
        lines.push(`apiserver_request_duration_seconds_bucket{${labels},le="${bound}"} ${below}`);
      }
      lines.push(`apiserver_request_duration_seconds_bucket{${labels},le="+Inf"} ${count}`);
      lines.push(
        `apiserver_request_duration_seconds_sum{${labels}} ${sum}`,
        `apiserver_request_duration_seconds_count{${labels}} ${count}`,
      );
    }
    family('apiserver_request_total', 'counter', 'Requests, by verb, dry run, resource, subresource, scope and status code.');
    for (const [labels, count] of this.#totals) lines.push(`apiserver_request_total{${labels}} ${count}`);
    const objects = this.#objects();
    family('apiserver_resource_objects', 'gauge', 'Objects that are stored, of the resources that have been looked at.');
    for (const { group, resource, count } of objects) lines.push(`apiserver_resource_objects{${labelled({ group, resource })}} ${count}`);
    family('apiserver_storage_objects', 'gauge', 'Objects that are stored, of the resources that have been looked at.');
    for (const { group, resource, count } of objects)
      lines.push(`apiserver_storage_objects{resource="${escaped(group ? `${resource}.${group}` : resource)}"} ${count}`);
    return `${lines.join('\n')}\n`;
  }

  #objects(): { group: string; resource: string; count: number }[] {
    const { registry, replicas } = this.#options;
    const seen = new Set<string>();
    const found = [];
    for (const { resource, storage } of registry.all()) {
      const replica = seen.has(storage.name) ? undefined : replicas.loaded(storage.name);
      seen.add(storage.name);
      if (replica) found.push({ group: storage.group, resource, count: replica.list().length });
    }
    return found;
  }

  answer(): ApiResponse {
    const headers = {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
      'cache-control': 'no-cache, private',
    };
    return { status: 200, headers, body: this.text() };
  }
}
