import { readFile, writeFile } from 'node:fs/promises';
import { startAgent } from './agent.ts';
import { readConfig } from './config.ts';
import { dockerEngine } from './docker/dockerode.ts';
import { runSystemCommand } from './network/command.ts';
import { createPodNetwork } from './network/pod-network.ts';
import { createResolvConf } from './network/resolv-conf.ts';
import { nodeLabel } from './pods/labels.ts';
import { systemClock, systemExec, systemLogger, systemRandom } from './system.ts';
import { tearDown } from './tear-down.ts';

/** `windvane-agent --config FILE [--tear-down]`: one node of a cluster. SIGTERM ends the agent and leaves its pods running. */
const main = async (): Promise<void> => {
  const at = process.argv.indexOf('--config');
  const path = at < 0 ? undefined : process.argv[at + 1];
  if (path === undefined) throw new Error('usage: windvane-agent --config FILE [--tear-down]');
  const config = await readConfig(path);
  const logger = systemLogger(config.logLevel ?? 'info');
  const network = createPodNetwork({
    podCidr: config.podCidr,
    run: runSystemCommand,
    writeSetting: (setting, value) => writeFile(setting, value),
    logger,
  });
  if (process.argv.includes('--tear-down')) {
    await tearDown(dockerEngine(config.dockerSocket), nodeLabel(config.clusterName, config.nodeName), config.dataDir, systemExec);
    await network.remove([config.clusterDns]);
    return;
  }
  await network.prepare([config.clusterDns]);
  const agent = await startAgent(config, {
    network,
    resolvConf: createResolvConf({
      clusterDns: config.clusterDns,
      clusterDomain: config.clusterDomain,
      host: await readFile('/etc/resolv.conf', 'utf8').catch(() => ''),
    }),
    podGateway: network.gateway,
    exec: systemExec,
    clock: systemClock,
    random: systemRandom,
    logger,
  });
  const end = () => {
    logger.info('the agent ends; its pods run on');
    agent.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error('the agent did not end well', { error: String(error) });
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
};

main().catch((error: unknown) => {
  process.stderr.write(`windvane: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
