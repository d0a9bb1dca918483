/**
 * The control plane of a local cluster as one process: store, API, controllers, scheduler. `control-plane.js --dir DIR`, where DIR holds
 * `cluster.json`. A line `windvane: SENTENCE` is for the person who started it.
 */
import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { admissionPlugins } from '../functions/api/admission/index.ts';
import { type Aggregation, createAggregation } from '../functions/api/aggregation/aggregation.ts';
import { extensionContents } from '../functions/api/aggregation/content.ts';
import { serviceAllocator } from '../functions/api/allocation/service.ts';
import { type Api, createApi } from '../functions/api/api.ts';
import type { Auditing } from '../functions/api/audit/record.ts';
import { clientCertificate } from '../functions/api/authentication/authenticate.ts';
import { bearerTokens } from '../functions/api/authentication/bearer.ts';
import { bootstrapTokens } from '../functions/api/authentication/bootstrap-token.ts';
import { staticToken } from '../functions/api/authentication/static-token.ts';
import { clusterAuthorizer } from '../functions/api/authorization/cluster.ts';
import { rbacAuthorizer } from '../functions/api/authorization/rbac.ts';
import { bootstrap } from '../functions/api/bootstrap.ts';
import { webhookConverter } from '../functions/api/conversion.ts';
import { dumpFlowControl } from '../functions/api/flow-control/dump.ts';
import { flowControl } from '../functions/api/flow-control/flow-control.ts';
import { extentIn } from '../functions/api/flow-control/seats.ts';
import type { AuditFile } from '../functions/api/local/audit-file.ts';
import { type LocalBackends, localBackends } from '../functions/api/local/backends.ts';
import { localWebhookCaller } from '../functions/api/local/webhook-caller.ts';
import { type LocalServer, serve } from '../functions/api/local.ts';
import { nonResourceHandler } from '../functions/api/non-resource.ts';
import { type ClusterPki, ensureClusterPki, frontProxyName } from '../functions/api/pki.ts';
import { serviceAccountTokens } from '../functions/api/tokens/service-account-tokens.ts';
import { noteTokenUse } from '../functions/api/tokens/token-use.ts';
import { apiServiceAvailability } from '../functions/controller/api-service-availability.ts';
import { apiServiceRegistration } from '../functions/controller/api-service-registration.ts';
import { customResourceDefinitionReconciler } from '../functions/controller/custom-resource-definition.ts';
import { extensionAuthentication } from '../functions/controller/extension-authentication.ts';
import { flowControlBootstrapReconcilers, flowSchemaReconciler } from '../functions/controller/flow-control.ts';
import { startControllers } from '../functions/controller/host.ts';
import { type ReconcilerOptions, reconcilers } from '../functions/controller/index.ts';
import type { ExtensionContents } from '../functions/extension-content.ts';
import { extensionsFrom } from '../functions/extensions.ts';
import { createScheduler } from '../functions/scheduler/scheduler.ts';
import { type Served, servedRegistry, settledRegistry } from '../functions/served.ts';
import type { Logger } from '../kinds/environment.ts';
import { builtInRegistry } from '../kinds/registry.ts';
import { bootstrapObjects } from '../kinds/schema/data.ts';
import { encryptionAtRest } from '../store/encryption/encryption-at-rest.ts';
import { KeyFileError } from '../store/encryption/key-file.ts';
import { openLmdbLog, StoreOpenError } from '../store/lmdb.ts';
import type { Log } from '../store/log.ts';
import type { Replicas } from '../store/replica.ts';
import { createReplicas } from '../store/replica-on-log.ts';
import { podRange, serviceAddress } from './addresses.ts';
import { type ClusterSettings, clusterSettings, everyAddress, files, keyFileOf } from './cluster.ts';
import { systemClock as clock, systemRandom as random, standardLogger } from './environment.ts';

// The old generation is collected when it has grown by this part, where V8's own choice lets garbage grow to several times what is alive.
// It is no option of the command line, because a Node that does not know it would not start.
setFlagsFromString('--heap-growing-percent=30');

const gitVersion = 'v1.36.3+windvane';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { dir: { type: 'string' } } });
  if (!values.dir) throw new Error('--dir is needed');
  const paths = files(values.dir);
  const settings = clusterSettings.parse(JSON.parse(readFileSync(paths.settings, 'utf8')));
  const logger = standardLogger('control-plane');

  const database = await openLmdbLog({ path: paths.store, clock, logger });
  const { resources } = settings.encryption;
  const encryption = await encryptionAtRest({ log: database, keyFile: keyFileOf({ dir: values.dir, settings }), resources, clock, logger });
  const { log } = encryption;
  const replicas = createReplicas(log, { logger });
  const builtIn = builtInRegistry();
  const addresses = {
    serviceCidr: settings.serviceCidr,
    apiServiceIp: serviceAddress(settings.serviceCidr, 1),
    advertise: { host: gatewayOf(settings), port: settings.port },
  };
  const [pki] = await Promise.all([
    ensureClusterPki(paths.pki, hostsOf(settings, addresses.apiServiceIp), clock.now()),
    bootstrap({ log, registry: builtIn, facts: bootstrapObjects(), addresses, clock, random }),
  ]);
  const registry = await servedRegistry(builtIn, replicas);
  const audit = await auditingOf(settings, paths.audit, logger);
  const { api, backends, aggregation, identity } = await assemble({ log, replicas, registry, settings, pki, logger, auditing: audit });

  const server = await listen(api, backends, settings.host, settings, pki, logger);
  const atGateway = settings.nodes > 0 ? listenWhenThere(api, backends, settings, pki, logger) : undefined;
  const surroundings = { replicas, clients: api.clients, log, clock, random, logger };
  // Parts of the API itself, which run with every one of them: without the first no custom resource would ever be served.
  const definitions = await startControllers({ ...surroundings, reconcilers: ofServer(registry, aggregation, pki) });
  const controllers = settings.controllers
    ? await startAll(registry, settings, pki, { ...identity, extensions: extensionContents(aggregation) }, surroundings)
    : undefined;
  logger.info('ready', { port: server.port, ms: Math.round(performance.now()) });

  const upkeep = (work: Promise<void>): void =>
    void work.catch((error: unknown) => logger.error('encryption was not settled', { error: String(error) }));
  upkeep(encryption.settle());
  // "windvane rotate-keys" asks like this, and sees in the key file when it is done.
  process.on('SIGUSR2', () => upkeep(encryption.rotate()));

  const shutDown = async (signal: string): Promise<void> => {
    logger.info('stopping', { signal });
    await Promise.all([server.close(), atGateway?.close()]);
    await Promise.all([definitions.close(), controllers?.close()]);
    backends.close();
    await audit?.sink.close();
    await replicas.close();
    await log.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void shutDown(signal));
}

type Surroundings = Omit<Parameters<typeof startControllers>[0], 'reconcilers'>;

type Identity = Pick<ReconcilerOptions, 'access' | 'tokenFor'>;

async function startAll(
  served: Served,
  settings: ClusterSettings,
  pki: ClusterPki,
  beside: Identity & { readonly extensions: ExtensionContents },
  surroundings: Surroundings,
) {
  const settled = await settledRegistry(served, surroundings.replicas, surroundings.logger);
  const authority = { cert: pki.ca, key: pki.caKey };
  const options = { caBundle: pki.ca, podCidr: settings.podCidr, registry: settled.registry, authority, ...beside };
  const host = await startControllers({ ...surroundings, reconcilers: [...reconcilers(options), createScheduler()] });
  settled.follow(() => host.refresh());
  return {
    async close(): Promise<void> {
      settled.close();
      await host.close();
    },
  };
}

interface Parts {
  readonly log: Log;
  readonly replicas: Replicas;
  readonly registry: Served;
  readonly settings: ClusterSettings;
  readonly pki: ClusterPki;
  readonly logger: Logger;
  readonly auditing: Auditing | undefined;
}

async function assemble({ log, replicas, registry, settings, pki, logger, auditing }: Parts) {
  const issuer = `https://kubernetes.default.svc.${settings.clusterDomain}`;
  const tokens = serviceAccountTokens({
    signingKey: pki.serviceAccountKey,
    issuer,
    replicas,
    clock,
    random,
    legacyTokenUsed: secret => void noteTokenUse(api, secret, clock.now(), logger),
  });
  const rbac = await rbacAuthorizer(replicas, clock);
  const backends = localBackends({ agents: { ca: pki.ca, ...pki.agentClient }, frontProxy: pki.frontProxy });
  const extensions = await extensionsFrom(replicas, clock);
  const aggregation = createAggregation({ extensions, replicas, backends, clock, random });
  const authorizer = clusterAuthorizer(replicas, rbac);
  const admin = staticToken(pki.adminToken, { name: 'admin', uid: 'admin', groups: ['system:masters'] });
  const bearer = bearerTokens([admin, bootstrapTokens(replicas, clock), tokens], issuer);
  const store = { name: 'store', livez: true, check: async () => void (await log.head('namespaces')) };
  const fair = await flowControl({
    replicas,
    seats: settings.requestSeats,
    bootstrap: bootstrapObjects(),
    extent: extentIn(registry, replicas),
    clock,
    logger,
  });
  const debugFlowControl = (page: string, details: boolean) => dumpFlowControl(fair, page, details);
  const caller = localWebhookCaller();
  const api = createApi({
    log,
    replicas,
    registry,
    authenticators: [clientCertificate(), bearer],
    authorizer,
    nonResource: nonResourceHandler({ registry, aggregation, checks: [store], tokens, gitVersion, debugFlowControl }),
    admission: admissionPlugins({ replicas, rbac, authorizer, random, clock, registry, caller }),
    converter: webhookConverter(replicas, caller, random),
    allocators: [serviceAllocator({ replicas, serviceCidr: settings.serviceCidr, clock, random })],
    tokens: { issue: tokens.issue, review: bearer.review },
    backends,
    flowControl: fair,
    aggregation,
    ...(auditing ? { auditing } : {}),
    clock,
    random,
    logger,
  });
  const identity: Identity = {
    access: async (user, attributes) =>
      (await authorizer.authorize({ user, version: '*', namespace: '', name: '', ...attributes })).allowed,
    tokenFor: tokens.legacyToken,
  };
  return { api, backends, aggregation, identity };
}

/** Loaded only where requests are recorded. */
async function auditingOf(settings: ClusterSettings, path: string, logger: Logger): Promise<(Auditing & { sink: AuditFile }) | undefined> {
  if (settings.auditPolicy === undefined) return undefined;
  const [{ readPolicy }, { auditFile }] = await Promise.all([
    import('../functions/api/audit/policy.ts'),
    import('../functions/api/local/audit-file.ts'),
  ]);
  const policy = readPolicy(readFileSync(settings.auditPolicy, 'utf8'));
  return { policy, sink: await auditFile({ path: settings.auditLog ?? path, logger }) };
}

/** What the API server upstream does itself: it runs with every API. */
const ofServer = (registry: Served, aggregation: Aggregation, pki: ClusterPki) => [
  customResourceDefinitionReconciler(registry),
  apiServiceRegistration,
  apiServiceAvailability(extension => aggregation.probe(extension)),
  flowSchemaReconciler,
  ...flowControlBootstrapReconcilers(bootstrapObjects()),
  extensionAuthentication({ clientCa: pki.ca, frontProxy: { ca: pki.frontProxy.ca, allowedNames: [frontProxyName] } }),
];

/** The address of the first node on its own pod network, where pods reach the API. */
const gatewayOf = (settings: ClusterSettings): string => serviceAddress(podRange(settings.podCidr, 0), 1);

function hostsOf(settings: ClusterSettings, apiServiceIp: string): string[] {
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${settings.clusterDomain}`];
  const own = Object.values(networkInterfaces()).flatMap(list => (list ?? []).filter(one => one.family === 'IPv4').map(one => one.address));
  const listening = settings.host === everyAddress ? [hostname(), ...own] : [settings.host];
  return [...new Set(['localhost', '127.0.0.1', ...listening, ...service, apiServiceIp, gatewayOf(settings)])];
}

const listen = (api: Api, backends: LocalBackends, host: string, settings: ClusterSettings, pki: ClusterPki, logger: Logger) =>
  serve({ api, tls: { ...pki.server, clientCa: pki.ca }, host, port: settings.port, backends, logger });

/** The node's own address exists only once its agent has made it: tried until then. An API that listens everywhere has it anyway. */
function listenWhenThere(api: Api, backends: LocalBackends, settings: ClusterSettings, pki: ClusterPki, logger: Logger) {
  if (settings.host === everyAddress) return undefined;
  let server: LocalServer | undefined;
  let closed = false;
  let cancel = () => {};
  const attempt = async (): Promise<void> => {
    try {
      server = await listen(api, backends, gatewayOf(settings), settings, pki, logger);
      if (closed) await server.close();
    } catch {
      if (!closed) cancel = clock.after(100, () => void attempt());
    }
  };
  void attempt();
  return {
    async close(): Promise<void> {
      closed = true;
      cancel();
      await server?.close();
    },
  };
}

main().catch((error: unknown) => {
  const known = error instanceof StoreOpenError || error instanceof KeyFileError || (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  process.stderr.write(known ? `windvane: ${(error as Error).message}\n` : `${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
});
