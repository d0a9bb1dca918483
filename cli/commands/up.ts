/** `windvane up [FILE...]`: makes the cluster if it is new, starts it, waits until it is ready, and applies the files. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readPolicy } from '../../functions/api/audit/policy.ts';
import { adminClient, adminCredentials, serverUrl } from '../api-client.ts';
import { apply, readManifests, waitAvailable } from '../apply.ts';
import { running } from '../background.ts';
import {
  type Cluster,
  clusterSettings,
  clustersRoot,
  contextName,
  findCluster,
  listClusters,
  newSettings,
  saveCluster,
} from '../cluster.ts';
import { type Command, nameOption } from '../command.ts';
import { kubeconfigPath, mergeContext } from '../kubeconfig.ts';
import { controlPlaneProcess, processes, startAgents, startControlPlane } from '../lifecycle.ts';
import { terminalProgress } from '../progress.ts';
import { Refusal } from '../refusal.ts';
import { ping, prepareNode, requireFreePort } from '../surroundings.ts';

interface UpOptions {
  name: string;
  dataDir?: string;
  port?: string;
  host?: string;
  nodes?: string;
  controllers: boolean;
  dockerSocket?: string;
  auditPolicy?: string | false;
  auditLog?: string;
  timeout: string;
}

export const up: Command = program => {
  program
    .command('up')
    .summary('start a cluster, and apply manifests to it')
    .description(
      'Starts a cluster in the background, waits until its node is Ready, merges a context into the kubeconfig, then applies the files and waits until they are available.',
    )
    .argument('[file...]', 'manifests to apply ("-": standard input)')
    .option(...nameOption)
    .option('--data-dir <dir>', `where its data lies (default: a folder of its name in ${clustersRoot()})`)
    .option('--port <port>', 'port of the API (default: 6443 for the first cluster)')
    .option('--host <address>', 'address the API listens on (default: 127.0.0.1)')
    .option('--nodes <count>', '0: the control plane alone, without Docker or root (default: 1)')
    .option('--no-controllers', 'the API server alone: no controller, no scheduler (with --nodes 0)')
    .option('--docker-socket <path>', 'the Docker Engine of the node (default: /var/run/docker.sock)')
    .option('--audit-policy <file>', 'records requests as this policy says (audit.k8s.io/v1 Policy)')
    .option('--no-audit-policy', 'records none any more')
    .option('--audit-log <file>', 'where to (default: logs/audit.log in the data folder)')
    .option('--timeout <seconds>', 'how long to wait until the files are available', '300')
    .action(runUp);
};

async function runUp(paths: string[], options: UpOptions): Promise<void> {
  const existing = findCluster(options.name);
  const alreadyRunning = existing && processes(existing).every(one => one.pid !== undefined) && (await engineAnswers(existing));
  if (alreadyRunning && paths.length === 0) {
    throw new Refusal(
      `Cluster ${options.name} is already running (${serverUrl(existing)}).`,
      '"windvane status" shows it, "windvane down" stops it, "--name" starts another beside it.',
    );
  }
  const manifests = readManifests(paths);
  const cluster = alreadyRunning ? existing : settle(existing, options);
  const progress = terminalProgress();

  if (!alreadyRunning) {
    if (cluster.settings.nodes > 0) await prepareNode(cluster.settings.dockerSocket, progress);
    if (running(controlPlaneProcess(cluster)) === undefined) await requireFreePort(cluster.settings.host, cluster.settings.port);
    // Only now: a call that was refused leaves nothing behind.
    await saveCluster(cluster);
    await progress.step('Starting the control plane', () => startControlPlane(cluster));
    if (cluster.settings.nodes > 0) await progress.step('Waiting for the node', detail => startAgents(cluster, detail));
    mergeContext(kubeconfigPath(), contextName(cluster.settings.name), adminCredentials(cluster));
  }
  if (manifests.length > 0) {
    const client = adminClient(cluster);
    const applied = await progress.step(`Applying ${paths.join(', ')}`, () => apply(client, manifests));
    const deadline = Date.now() + Number(options.timeout) * 1000;
    await progress.step('Waiting until all is available', detail => waitAvailable(client, applied, deadline, detail));
  }
  process.stdout.write(nextSteps(cluster, paths));
}

/** A node without its Docker Engine is not up, whatever runs beside it. */
const engineAnswers = ({ settings }: Cluster): boolean | Promise<boolean> => settings.nodes === 0 || ping(settings.dockerSocket);

/** The settings to start with: those of the existing cluster or new ones, with what the call says put in their place. */
function settle(existing: Cluster | undefined, options: UpOptions): Cluster {
  const base = existing?.settings ?? newSettings(options.name, listClusters());
  const merged = clusterSettings.safeParse({
    ...base,
    ...(options.port === undefined ? {} : { port: Number(options.port) }),
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.nodes === undefined ? {} : { nodes: Number(options.nodes) }),
    ...(options.dockerSocket === undefined ? {} : { dockerSocket: options.dockerSocket }),
    ...auditSettings(options),
    controllers: options.controllers,
  });
  if (!merged.success) {
    const issue = merged.error.issues[0];
    const hint = issue?.path[0] === 'nodes' ? 'This version runs 0 or 1 node a machine.' : '"windvane up --help" lists the options.';
    throw new Refusal(`--${String(issue?.path[0] ?? 'name')} is not valid: ${issue?.message}.`, hint);
  }
  if (merged.data.nodes > 0 && !merged.data.controllers) {
    throw new Refusal('A node needs the controllers.', 'Use "--no-controllers" together with "--nodes 0".');
  }
  const dir = options.dataDir === undefined ? (existing?.dir ?? join(clustersRoot(), options.name)) : resolve(options.dataDir);
  return { settings: merged.data, dir };
}

/** A policy that is wrong is refused here, before anything is started with it. */
function auditSettings({ auditPolicy: policy, auditLog: log }: UpOptions): Pick<Partial<Cluster['settings']>, 'auditPolicy' | 'auditLog'> {
  const path = policy ? resolve(policy) : undefined;
  if (path !== undefined) {
    try {
      readPolicy(readFileSync(path, 'utf8'));
    } catch (error) {
      throw new Refusal(`The audit policy in ${path} is not valid: ${(error as Error).message}.`, 'Mend the file.', { cause: error });
    }
  }
  return { ...(policy === undefined ? {} : { auditPolicy: path }), ...(log === undefined ? {} : { auditLog: resolve(log) }) };
}

function nextSteps(cluster: Cluster, paths: readonly string[]): string {
  const { name, nodes } = cluster.settings;
  const suffix = name === 'windvane' ? '' : ` --name ${name}`;
  const next =
    paths.length > 0 ? 'kubectl get pods,services' : nodes > 0 ? 'kubectl apply -f examples/hello.yaml' : 'kubectl get namespaces';
  return [
    '',
    `Cluster ${name} runs at ${serverUrl(cluster)}; kubectl's context is "${contextName(name)}".`,
    '',
    `  ${next}`,
    `  npx windvane status${suffix}`,
    `  npx windvane down${suffix}`,
    '',
    '',
  ].join('\n');
}
