/** What an autoscaler aims at and where it is, as its table shows: `cpu: 40%/80%, memory: <unknown>/500Mi + 1 more...`. */
import type * as generated from '@kubernetes/client-node';
import type { Wire } from '../types.ts';

type Metric = Wire<generated.V2MetricSpec>;
type Status = Wire<generated.V2MetricStatus>;
const unknown = '<unknown>';
const percent = (share: number | undefined, otherwise: string): string => (share === undefined ? otherwise : `${share}%`);

interface Aim {
  readonly averageValue?: string;
  readonly averageUtilization?: number;
  readonly value?: string;
}
/** External and object metrics: an amount for each pod, or one for all. */
const amount = (target: Aim, now: Aim | undefined): string =>
  target.averageValue === undefined
    ? `${now ? (now.value ?? '<nil>') : unknown}/${target.value ?? '<nil>'}`
    : `${now?.averageValue ?? unknown}/${target.averageValue} (avg)`;
const resource = (name: string, target: Aim, now: Aim | undefined): string =>
  target.averageValue === undefined
    ? `${name}: ${percent(now?.averageUtilization, unknown)}/${percent(target.averageUtilization, '<auto>')}`
    : `${name}: ${now ? (now.averageValue ?? '<nil>') : unknown}/${target.averageValue}`;

const format = (metric: Metric, status: Status | undefined): string => {
  if (metric.type === 'External' && metric.external) return amount(metric.external.target, status?.external?.current);
  if (metric.type === 'Object' && metric.object) return amount(metric.object.target, status?.object?.current);
  if (metric.type === 'Pods' && metric.pods)
    return `${status?.pods ? (status.pods.current.averageValue ?? '<nil>') : unknown}/${metric.pods.target.averageValue ?? '<nil>'}`;
  if (metric.type === 'Resource' && metric.resource)
    return resource(metric.resource.name, metric.resource.target, status?.resource?.current);
  if (metric.type === 'ContainerResource' && metric.containerResource)
    return resource(metric.containerResource.name, metric.containerResource.target, status?.containerResource?.current);
  return '<unknown type>';
};

export const formatMetrics = (metrics: readonly Metric[], statuses: readonly Status[]): string => {
  if (metrics.length === 0) return '<none>';
  const shown = metrics.slice(0, 2).map((metric, i) => format(metric, statuses[i]));
  return `${shown.join(', ')}${metrics.length > 2 ? ` + ${metrics.length - 2} more...` : ''}`;
};
