/** What is measured: each row is the same requests for every server. A row may be run several times against one server. */
import { rich, richDefinition, richPath } from './rich-kind.ts';
import { connections, type Figure, spread, type Target } from './target.ts';

export interface Row {
  readonly what: string;
  /** What only this row needs to find, made once for each server. */
  prepare?(target: Target): Promise<void>;
  run(target: Target, milliseconds: number): Promise<Figure>;
}

const filler = 'x'.repeat(700);
const suffixes = ['', '-pods', '-watched', '-500', '-2000', '-applied', '-rich'];
const mapsOf = ({ namespace }: Target, suffix = ''): string => `/api/v1/namespaces/${namespace}${suffix}/configmaps`;
const podsOf = ({ namespace }: Target, suffix = ''): string => `/api/v1/namespaces/${namespace}${suffix}/pods`;

const configMap = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels: { app: 'bench', part: `p${name.length}` } },
  data: { text: filler },
});

const pod = (name: string, index: number) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: 'bench', tenth: String(index % 10) } },
  spec: {
    nodeName: `node-${index % 50}`,
    automountServiceAccountToken: false,
    containers: [
      {
        name: 'main',
        image: 'registry.example/app:1',
        ports: [{ containerPort: 8080 }],
        env: [{ name: 'TEXT', value: filler.slice(0, 200) }],
        resources: { requests: { cpu: '100m', memory: '64Mi' } },
      },
    ],
  },
});

async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let index = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (index < count) await work(index++);
    }),
  );
}

/** Namespaces with the accounts pods need, and what the lists and changes of later rows find there. */
export async function prepare(target: Target): Promise<void> {
  for (const suffix of suffixes) {
    const name = `${target.namespace}${suffix}`;
    await target.must('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    // Who runs controllers has made it already.
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await target.call('POST', `/api/v1/namespaces/${name}/serviceaccounts`, account);
  }
  await inParallel(changed, index => target.must('POST', mapsOf(target), configMap(`m-${index}`)));
  await inParallel(500, index => target.must('POST', mapsOf(target, '-500'), configMap(`m-${index}`)));
  await inParallel(2000, index => target.must('POST', mapsOf(target, '-2000'), configMap(`m-${index}`)));
  await inParallel(2000, index => target.must('POST', podsOf(target), pod(`q-${index}`, index)));
}

export async function cleanUp(target: Target): Promise<void> {
  for (const suffix of suffixes) await target.call('DELETE', `/api/v1/namespaces/${target.namespace}${suffix}`);
  if (prepared.has(target))
    await target.call('DELETE', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${richDefinition.metadata.name}`);
}

const richOnes = 10_000;
const prepared = new WeakSet<Target>();

/** The kind, once it is served, and 10,000 objects of it. */
async function prepareRich(target: Target): Promise<void> {
  if (prepared.has(target)) return;
  prepared.add(target);
  await target.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', richDefinition);
  for (let tries = 0; tries < 100 && (await target.call('GET', richPath(target.namespace))).code !== 200; tries++)
    await new Promise(resolve => setTimeout(resolve, 100));
  await inParallel(richOnes, index => target.must('POST', richPath(target.namespace), rich(`r-${index}`, index)));
}

/** Objects that gets, patches and applies go round. */
const changed = 500;
const creates = 'creates (ConfigMap)';

/** One writer that waits for each answer, while 20 watch: its pace, and the time from sending to each watcher. */
async function sequential(what: string, target: Target, milliseconds: number, toWatcher: (figure: Figure) => void): Promise<Figure> {
  const sent = new Map<string, number>();
  const latencies: number[] = [];
  const heard = (line: string): void => {
    const name = /"name":"(w-\d+)"/.exec(line)?.[1];
    const at = name === undefined ? undefined : sent.get(name);
    if (at !== undefined) latencies.push(performance.now() - at);
  };
  const stops = await Promise.all(Array.from({ length: 20 }, () => target.watch(`${mapsOf(target, '-watched')}?watch=1`, heard)));
  const figure = await target.measure(
    what,
    milliseconds,
    index => {
      const name = `w-${index}`;
      sent.set(name, performance.now());
      return target.call('POST', mapsOf(target, '-watched'), configMap(name));
    },
    1,
  );
  await new Promise(resolve => setTimeout(resolve, 300));
  for (const stop of stops) stop();
  toWatcher({ perSecond: latencies.length / (milliseconds / 1000), ...spread(latencies), failed: 0 });
  return figure;
}

/** `also` takes figures that come out of a row beside its own. */
export function rowsFor(also: (target: Target, what: string, figure: Figure) => void): Row[] {
  const row = (what: string, next: (target: Target, index: number) => ReturnType<Target['call']> | undefined): Row => ({
    what,
    run: (target, milliseconds) => target.measure(what, milliseconds, index => next(target, index)),
  });
  const watched = 'sequential creates with 20 watchers';
  const custom = (what: string, next: Parameters<typeof row>[1]): Row => ({ ...row(what, next), prepare: prepareRich });
  return [
    row(creates, (target, index) => target.call('POST', mapsOf(target), configMap(`c-${index}`))),
    row('gets', (target, index) => target.call('GET', `${mapsOf(target)}/m-${index % changed}`)),
    row('merge patches', (target, index) =>
      target.call('PATCH', `${mapsOf(target)}/m-${index % changed}`, { data: { n: String(index) } }, 'application/merge-patch+json'),
    ),
    row('server-side applies', (target, index) => {
      const name = `a-${index % changed}`;
      const object = { ...configMap(name), data: { text: filler, n: String(index) } };
      const path = `${mapsOf(target, '-applied')}/${name}?fieldManager=bench&force=true`;
      return target.call('PATCH', path, object, 'application/apply-patch+yaml');
    }),
    row('creates (Pod)', (target, index) => target.call('POST', podsOf(target, '-pods'), pod(`p-${index}`, index))),
    custom('creates (rich custom resource)', (target, index) =>
      target.call('POST', richPath(`${target.namespace}-rich`), rich(`c-${index}`, index)),
    ),
    custom('merge patches (of 10,000 rich custom resources)', (target, index) =>
      target.call(
        'PATCH',
        `${richPath(target.namespace)}/r-${(index * 7919) % richOnes}`,
        { spec: { replicas: index % 10 } },
        'application/merge-patch+json',
      ),
    ),
    custom('server-side applies (of 10,000 rich custom resources)', (target, index) => {
      const name = `r-${(index * 7919) % richOnes}`;
      const path = `${richPath(target.namespace)}/${name}?fieldManager=bench&force=true`;
      return target.call('PATCH', path, rich(name, index), 'application/apply-patch+yaml');
    }),
    row('lists of 500', target => target.call('GET', mapsOf(target, '-500'))),
    row('lists of 2,000', target => target.call('GET', mapsOf(target, '-2000'))),
    row('lists of pods by label (200 of 2,000)', (target, index) =>
      target.call('GET', `${podsOf(target)}?labelSelector=tenth%3D${index % 10}`),
    ),
    row('lists of pods by node (40 of 2,000)', (target, index) =>
      target.call('GET', `${podsOf(target)}?fieldSelector=spec.nodeName%3Dnode-${index % 50}`),
    ),
    {
      what: watched,
      run: (target, milliseconds) =>
        sequential(watched, target, milliseconds, figure => also(target, 'their events at the watchers', figure)),
    },
    row('deletes', (target, index) => (index < target.count(creates) ? target.call('DELETE', `${mapsOf(target)}/c-${index}`) : undefined)),
  ];
}
