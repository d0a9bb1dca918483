import { startAgent } from './agent.ts';
import { readConfig } from './config.ts';
import { dockerEngine } from './docker/dockerode.ts';
import { removeNodeNetwork, startNodeNetwork } from './network/node-network.ts';
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
  if (process.argv.includes('--tear-down')) {
    await tearDown(dockerEngine(config.dockerSocket), nodeLabel(config.clusterName, config.nodeName), config.dataDir, systemExec);
    await removeNodeNetwork(config, logger);
    return;
  }
  const agent = await startAgent(config, {
    startNetwork: client => startNodeNetwork({ ...config, client, clock: systemClock, random: systemRandom, logger }),
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
