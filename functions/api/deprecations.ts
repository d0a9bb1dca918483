/** Served kinds that clients should leave, and the words upstream has for it (`APILifecycleReplacement` of each kind). */
import type { Resource } from '../../kinds/resource.ts';

const core: Readonly<Record<string, readonly string[]>> = {
  endpoints: ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'],
  componentstatuses: ['v1 ComponentStatus is deprecated in v1.19+'],
};
const none: readonly string[] = [];

export const deprecations = ({ group, resource, warnings }: Resource): readonly string[] =>
  group === '' ? (core[resource] ?? none) : (warnings ?? none);
