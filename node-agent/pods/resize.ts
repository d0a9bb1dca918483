import type { Container } from '../../kinds/types.ts';
import type { NodeContext } from './node-context.ts';
import type { BoundPod } from './pod.ts';
import { kernelResources } from './resources.ts';
import type { Tasks } from './tasks.ts';
import type { ContainerView } from './view.ts';

/**
 * Changes of requests and limits reach running containers without a restart. A container that an earlier agent started is told once what it
 * most likely has already: nothing else says what it has.
 */
export const createResizer = (
  { engine, node }: Pick<NodeContext, 'engine' | 'node'>,
  { launch, mustWait }: Tasks,
  adopted: ReadonlySet<string>,
): ((pod: BoundPod, container: Container, view: ContainerView) => void) => {
  const applied = new Map<string, string>();
  return (pod, container, { id }) => {
    const { OomScoreAdj: _, ...wanted } = kernelResources(pod, container, node.limits);
    const text = JSON.stringify(wanted);
    const before = applied.get(id);
    const name = `resize ${container.name}`;
    if (before === text || mustWait(name)) return;
    applied.set(id, text);
    if (before === undefined && !adopted.has(id)) return;
    launch(name, async () => {
      try {
        await engine.update(id, wanted);
      } catch (error) {
        applied.set(id, before ?? '');
        throw error;
      }
    });
  };
};
