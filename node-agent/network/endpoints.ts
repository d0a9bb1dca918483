/** Which endpoints of a Service port take new connections. Source: KEP-1669 (terminating endpoints), kubernetes `pkg/proxy/topology.go`. */
import type { EndpointSlice } from '../../kinds/types.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly nodeName: string | undefined;
  readonly hostname: string | undefined;
}

/** The ready ones; when there are none, those that still serve while they end. `portName` is empty for an unnamed port. */
export function endpointsOf(slices: readonly EndpointSlice[], portName: string): Endpoint[] {
  const ready = new Map<string, Endpoint>();
  const ending = new Map<string, Endpoint>();
  for (const slice of slices) {
    const port = slice.ports?.find(one => (one.name ?? '') === portName)?.port;
    if (port === undefined) continue;
    for (const { addresses, conditions, nodeName, hostname } of slice.endpoints ?? []) {
      const address = addresses[0];
      if (address === undefined) continue;
      const endpoint = { address, port, nodeName, hostname };
      const key = `${address}:${port}`;
      if (conditions?.ready !== false) ready.set(key, endpoint);
      else if (conditions?.serving && conditions.terminating) ending.set(key, endpoint);
    }
  }
  return [...(ready.size > 0 ? ready : ending).values()];
}
