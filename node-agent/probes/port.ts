import type { Container } from '../../kinds/types.ts';

/** A probe's port: a number, or the name of one of the container's ports. */
export const resolvePort = (port: number | string | undefined, container: Container): number => {
  const number =
    typeof port === 'string' && !/^\d+$/.test(port) ? container.ports?.find(({ name }) => name === port)?.containerPort : Number(port);
  if (number === undefined) throw new Error(`couldn't find port: ${JSON.stringify(port)} in container ${container.name}`);
  if (!(number > 0 && number < 65_536)) throw new Error(`invalid port number: ${number}`);
  return number;
};
