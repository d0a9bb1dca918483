/** DELETE of one object. Options come in the body or, without one, in the query. */
import { decodeDeleteOptions } from '../body.ts';
import type { Answer, Exchange } from '../context.ts';
import { deleteObject, deletionAnswer } from '../deletion.ts';
import { checkDeleteOptions, type DeleteOptions, deleteOptionsOfQuery } from '../options.ts';

const orphanWarning =
  'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning';

export const readDeleteOptions = async (exchange: Exchange): Promise<DeleteOptions> => {
  const body = await decodeDeleteOptions(exchange);
  const options = checkDeleteOptions(body ?? deleteOptionsOfQuery(exchange.info.query));
  if (exchange.resource.storage.name === 'jobs.batch' && options.propagationPolicy === undefined && options.orphanDependents === undefined)
    exchange.warnings.push(orphanWarning);
  return options;
};

export const remove = async (exchange: Exchange): Promise<Answer> => {
  const options = await readDeleteOptions(exchange);
  return deletionAnswer(exchange, options, await deleteObject(exchange, options));
};
