/**
 * Metrics of autoscalers: `autoscaling/v1` knows only CPU and keeps the rest in annotations, in a form of its own (upstream
 * `pkg/apis/autoscaling/v1/conversion.go`). Fields stand in the order of the Go structs, because the texts are compared.
 */
type Fields = Record<string, unknown>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
/** Only what is there. */
const present = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
const reference = (object: unknown): Fields => {
  const { kind, name, apiVersion } = fieldsOf(object);
  return present({ kind: kind ?? '', name: name ?? '', apiVersion: apiVersion || undefined });
};

type Convert = (source: Fields) => Fields;
interface Conversion {
  readonly toV1: Convert;
  readonly fromV1: Convert;
}
const target = (source: Fields) => fieldsOf(source['target']);
const metric = (source: Fields) => fieldsOf(source['metric']);
const current = (source: Fields) => fieldsOf(source['current']);

const resourceSpec: Conversion = {
  toV1: source =>
    present({
      name: source['name'] ?? '',
      targetAverageUtilization: target(source)['averageUtilization'],
      targetAverageValue: target(source)['averageValue'],
      container: source['container'],
    }),
  fromV1: source =>
    present({
      name: source['name'] ?? '',
      container: source['container'],
      target: present({
        type: source['targetAverageUtilization'] === undefined ? 'AverageValue' : 'Utilization',
        averageValue: source['targetAverageValue'],
        averageUtilization: source['targetAverageUtilization'],
      }),
    }),
};
const resourceStatus: Conversion = {
  toV1: source =>
    present({
      name: source['name'] ?? '',
      currentAverageUtilization: current(source)['averageUtilization'],
      currentAverageValue: current(source)['averageValue'] ?? '0',
      container: source['container'],
    }),
  fromV1: source =>
    present({
      name: source['name'] ?? '',
      container: source['container'],
      current: present({ averageValue: source['currentAverageValue'], averageUtilization: source['currentAverageUtilization'] }),
    }),
};
const identifier = (name: unknown, selector: unknown): Fields => present({ name: name ?? '', selector });

const specs: Readonly<Record<string, Conversion>> = {
  object: {
    toV1: source =>
      present({
        target: reference(source['describedObject']),
        metricName: metric(source)['name'] ?? '',
        targetValue: target(source)['value'] ?? '0',
        selector: metric(source)['selector'],
        averageValue: target(source)['averageValue'],
      }),
    fromV1: source => ({
      describedObject: reference(source['target']),
      target: present({
        type: source['averageValue'] === undefined ? 'Value' : 'AverageValue',
        // This form cannot leave the value out, so a zero beside an average means that there is none.
        value: source['averageValue'] !== undefined && source['targetValue'] === '0' ? undefined : source['targetValue'],
        averageValue: source['averageValue'],
      }),
      metric: identifier(source['metricName'], source['selector']),
    }),
  },
  pods: {
    toV1: source =>
      present({
        metricName: metric(source)['name'] ?? '',
        targetAverageValue: target(source)['averageValue'] ?? '0',
        selector: metric(source)['selector'],
      }),
    fromV1: source => ({
      metric: identifier(source['metricName'], source['selector']),
      target: present({ type: 'AverageValue', averageValue: source['targetAverageValue'] }),
    }),
  },
  resource: resourceSpec,
  containerResource: resourceSpec,
  external: {
    toV1: source =>
      present({
        metricName: metric(source)['name'] ?? '',
        metricSelector: metric(source)['selector'],
        targetValue: target(source)['value'],
        targetAverageValue: target(source)['averageValue'],
      }),
    fromV1: source => ({
      metric: identifier(source['metricName'], source['metricSelector']),
      target: present({
        type: source['targetValue'] === undefined ? 'AverageValue' : 'Value',
        value: source['targetValue'],
        averageValue: source['targetAverageValue'],
      }),
    }),
  },
};
const statuses: Readonly<Record<string, Conversion>> = {
  object: {
    toV1: source =>
      present({
        target: reference(source['describedObject']),
        metricName: metric(source)['name'] ?? '',
        currentValue: current(source)['value'] ?? '0',
        selector: metric(source)['selector'],
        averageValue: current(source)['averageValue'],
      }),
    fromV1: source => ({
      metric: identifier(source['metricName'], source['selector']),
      current: present({ value: source['currentValue'], averageValue: source['averageValue'] }),
      describedObject: reference(source['target']),
    }),
  },
  pods: {
    toV1: source =>
      present({
        metricName: metric(source)['name'] ?? '',
        currentAverageValue: current(source)['averageValue'] ?? '0',
        selector: metric(source)['selector'],
      }),
    fromV1: source => ({
      metric: identifier(source['metricName'], source['selector']),
      current: present({ averageValue: source['currentAverageValue'] }),
    }),
  },
  resource: resourceStatus,
  containerResource: resourceStatus,
  external: {
    toV1: source =>
      present({
        metricName: metric(source)['name'] ?? '',
        metricSelector: metric(source)['selector'],
        currentValue: current(source)['value'] ?? '0',
        currentAverageValue: current(source)['averageValue'],
      }),
    fromV1: source => ({
      metric: identifier(source['metricName'], source['metricSelector']),
      current: present({ value: source['currentValue'], averageValue: source['currentAverageValue'] }),
    }),
  },
};

const each = (conversions: Readonly<Record<string, Conversion>>, way: keyof Conversion, value: unknown): Fields => {
  const source = fieldsOf(value);
  const result: Fields = { type: source['type'] ?? '' };
  for (const [field, conversion] of Object.entries(conversions))
    if (source[field] !== undefined && source[field] !== null) result[field] = conversion[way](fieldsOf(source[field]));
  return result;
};
export const metricToV1 = (value: unknown): Fields => each(specs, 'toV1', value);
export const metricFromV1 = (value: unknown): Fields => each(specs, 'fromV1', value);
export const metricStatusToV1 = (value: unknown): Fields => each(statuses, 'toV1', value);
export const metricStatusFromV1 = (value: unknown): Fields => each(statuses, 'fromV1', value);
