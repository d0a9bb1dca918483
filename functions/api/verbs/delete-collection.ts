/** DELETE of all objects of a collection that match; answers with the list of them as they were. */
import { isNotFound } from '../../../kinds/status.ts';
import type { Answer, Exchange } from '../context.ts';
import { deleteObject } from '../deletion.ts';
import { listOptions } from '../options.ts';
import { select } from '../selection.ts';
import { readDeleteOptions } from './delete.ts';
import { listSelected } from './list.ts';

/** Deletions under way at a time: enough to share flushes of the log. */
const concurrency = 16;

export const deleteCollection = async (exchange: Exchange): Promise<Answer> => {
  const query = listOptions(exchange.info.query, false);
  const options = await readDeleteOptions(exchange);
  const answer = await listSelected(exchange, query, select(exchange, query.labelSelector, query.fieldSelector));
  // One that cannot be read is told before any is gone.
  for (const entry of answer.entries) void entry.bytes;
  const queue = answer.entries.values();
  const worker = async (): Promise<void> => {
    for (const { namespace, name } of queue) {
      try {
        await deleteObject({ ...exchange, namespace, name }, options);
      } catch (error) {
        // Gone already is what was wanted.
        if (!isNotFound(error)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, answer.entries.length) }, worker));
  return answer;
};
