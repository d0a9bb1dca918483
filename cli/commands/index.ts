/** Every command of `windvane`. */
import type { Command } from '../command.ts';
import { down } from './down.ts';
import { kubeconfig } from './kubeconfig.ts';
import { logs } from './logs.ts';
import { rotateKeys } from './rotate-keys.ts';
import { status } from './status.ts';
import { token } from './token.ts';
import { up } from './up.ts';

export const commands: readonly Command[] = [up, down, status, logs, kubeconfig, token, rotateKeys];
