import { memoryLog } from '../../store/memory.ts';
import { ManualClock } from '../manual-clock.ts';
import { logContract } from './log-contract.ts';

logContract('in memory', async () => {
  const clock = new ManualClock();
  return { log: memoryLog({ clock }), clock };
});
