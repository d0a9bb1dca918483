import { memoryLog } from '../../store/memory.ts';
import { ManualClock } from '../manual-clock.ts';
import { logContract, type OpenedLog } from './log-contract.ts';
import { rewriteContract } from './rewrite-contract.ts';

const open = async (): Promise<OpenedLog> => {
  const clock = new ManualClock();
  return { log: memoryLog({ clock }), clock };
};

logContract('in memory', open);
rewriteContract('in memory', open);
