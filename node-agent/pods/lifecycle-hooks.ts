import type { Clock } from '../../kinds/environment.ts';
import type { Container } from '../../kinds/types.ts';
import { sleep } from '../abortable.ts';
import type { Engine } from '../docker/engine.ts';
import { httpProbe } from '../probes/http.ts';
import { runCommand } from './run-command.ts';

export type Hook = NonNullable<NonNullable<Container['lifecycle']>['postStart']>;

/** Runs a postStart or preStop hook; fails with why it failed. */
export type RunHook = (hook: Hook, container: Container, id: string, podIp: string, signal: AbortSignal) => Promise<void>;

export const createHookRunner =
  ({ engine, clock }: { engine: Engine; clock: Clock }): RunHook =>
  async (hook, container, id, podIp, signal) => {
    if (hook.exec) {
      const { exitCode, output } = await runCommand({ engine, clock }, id, hook.exec.command ?? [], signal);
      if (exitCode !== 0) throw new Error(`Exec lifecycle hook failed with exit code ${exitCode}: ${output}`);
    } else if (hook.httpGet) {
      const result = await httpProbe(hook.httpGet, container, podIp, signal);
      if (!result.success) throw new Error(result.output);
    } else if (hook.sleep) {
      await sleep(clock, hook.sleep.seconds * 1000, signal);
    }
    // tcpSocket of a hook is accepted by the API and never acted on.
  };
