/** What a pod as a whole asks for and is limited to (component-helpers `resource/helpers.go`). */
import { add, isZero, type Quantity } from '../quantity.ts';
import type { Container, Pod } from '../types.ts';
import { type Amounts, addTo, parseAmounts, raiseTo, type Usage } from './amounts.ts';

type Kind = 'requests' | 'limits';
interface Status {
  name: string;
  resources?: { requests?: Amounts; limits?: Amounts };
  allocatedResources?: Amounts;
}

const isPodLevel = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
const podLevel = ({ spec }: Pod, kind: Kind): Amounts => {
  const all = (spec?.resources as { requests?: Amounts; limits?: Amounts } | undefined)?.[kind] ?? {};
  return Object.fromEntries(Object.entries(all).filter(([name]) => isPodLevel(name)));
};
/** Then containers need not say anything themselves. */
export const hasPodLevelResources = (pod: Pod): boolean =>
  (['requests', 'limits'] as const).some(kind => Object.keys(podLevel(pod, kind)).length > 0);

const isInfeasible = ({ status }: Pod): boolean =>
  status?.conditions?.find(({ type }) => type === 'PodResizePending')?.reason === 'Infeasible';

/** While a container is being resized, the larger of what it has and what it shall have. */
const ofContainer = (pod: Pod, container: Container, statuses: readonly Status[], kind: Kind): Usage => {
  const spec = parseAmounts(container.resources?.[kind] as Amounts | undefined);
  const status = statuses.find(({ name }) => name === container.name);
  if (!status?.resources) return spec;
  const result = isInfeasible(pod) ? new Map<string, Quantity>() : spec;
  raiseTo(result, parseAmounts(status.resources[kind]));
  if (kind === 'requests') raiseTo(result, parseAmounts(status.allocatedResources));
  return result;
};

/** Containers run together; init containers before them one by one, but those that restart stay. */
export const podResources = (pod: Pod, kind: Kind): Map<string, Quantity> => {
  const { spec, status } = pod;
  const total = new Map<string, Quantity>();
  if (!spec) return total;
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])] as Status[];
  for (const container of spec.containers) addTo(total, ofContainer(pod, container, statuses, kind));
  const staying = new Map<string, Quantity>();
  const initial = new Map<string, Quantity>();
  for (const container of spec.initContainers ?? []) {
    const stays = container.restartPolicy === 'Always';
    const own = ofContainer(pod, container, stays ? statuses : [], kind);
    const here = new Map(staying);
    addTo(here, own);
    if (stays) {
      addTo(total, own);
      addTo(staying, own);
    }
    raiseTo(initial, here);
  }
  raiseTo(total, initial);
  for (const [name, quantity] of parseAmounts(podLevel(pod, kind))) total.set(name, quantity);
  for (const [name, quantity] of parseAmounts(spec.overhead as Amounts | undefined)) {
    const before = total.get(name);
    // What is not limited is not limited to its overhead.
    if (kind === 'requests') total.set(name, before ? add(before, quantity) : quantity);
    else if (before && !isZero(before)) total.set(name, add(before, quantity));
  }
  return total;
};
