/** Node. Its status may be set on creation, by the agent that registers it. */
import type * as generated from '@kubernetes/client-node';
import { forbidden, invalid, type Path, required, root } from '../field.ts';
import { blockWarnings, parseBlock, validateBlock } from '../ip.ts';
import { isLabelValue, validateLabelName } from '../metadata.ts';
import { validateResourceAmount } from '../resource-names.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Node, Taint } from '../types.ts';
import { wholeAndChange } from './metadata-checks.ts';
import { keepAllButStatus } from './status-update.ts';

type Address = generated.V1NodeAddress;
const specField = root('spec');
const statusField = root('status');
/** Upstream reports taints below metadata. */
const taintsField = root('metadata', 'taints');
const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

const validateTaints = (taints: readonly Taint[] | undefined, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  taints?.forEach((taint, i) => {
    const path = field.index(i);
    errors.push(...validateLabelName(taint.key ?? '', path.child('key')));
    const problems = isLabelValue(taint.value ?? '');
    if (problems.length) errors.push(invalid(path.child('value'), taint.value ?? '', problems.join(';')));
    if (!taint.effect) errors.push(required(path.child('effect')));
    else if (!effects.includes(taint.effect))
      errors.push({
        type: 'NotSupported',
        field: String(path.child('effect')),
        message: `Unsupported value: "${taint.effect}": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"`,
      });
    const id = `${taint.effect}\n${taint.key}`;
    if (seen.has(id)) {
      // The Go type has no field tags.
      const shown = JSON.stringify({ Key: taint.key, Value: taint.value ?? '', Effect: taint.effect, TimeAdded: taint.timeAdded ?? null });
      errors.push({
        type: 'Duplicate',
        field: String(path),
        message: `Duplicate value: ${shown}: taints must be unique by key and effect pair`,
      });
    }
    seen.add(id);
  });
  return errors;
};

const validateAmounts = (node: Node): FieldError[] => {
  const errors: FieldError[] = [];
  for (const kind of ['capacity', 'allocatable'] as const) {
    const amounts = node.status?.[kind];
    if (!amounts) continue;
    for (const [name, amount] of Object.entries(amounts))
      errors.push(...validateResourceAmount(name, amount, statusField.child(kind, name)));
  }
  return errors;
};

const featureName = /^[A-Z][A-Za-z0-9]*(\/[A-Za-z0-9]+)*$/;
const validateFeatures = (features: readonly string[] | undefined): FieldError[] => {
  const errors: FieldError[] = [];
  const field = statusField.child('declaredFeatures');
  features?.forEach((feature, i) => {
    if (!featureName.test(feature))
      errors.push(
        invalid(
          field.index(i),
          feature,
          `invalid feature name ${JSON.stringify(feature)}: must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`,
        ),
      );
    const next = features[i + 1];
    if (next === feature) errors.push({ type: 'Duplicate', field: String(field.index(i + 1)), message: `Duplicate value: "${next}"` });
    else if (next !== undefined && feature > next) errors.push(invalid(field.index(i + 1), next, 'list must be sorted alphabetically'));
  });
  return errors;
};

const validateBlocks = (blocks: readonly string[] | undefined): FieldError[] => {
  if (!blocks?.length) return [];
  const field = specField.child('podCIDRs');
  const errors = blocks.flatMap((block, i) => validateBlock(block, field.index(i)));
  if (blocks.length < 2) return errors;
  const families = new Set(blocks.map(block => parseBlock(block)?.family));
  if (blocks.length > 2 || families.size < 2) errors.push(invalid(field, blocks, 'may specify no more than one CIDR for each IP family'));
  return errors;
};

const validateStatus = (node: Node): FieldError[] => [...validateAmounts(node), ...validateFeatures(node.status?.declaredFeatures)];
const validateSpec = (node: Node): FieldError[] => [
  ...validateTaints(node.spec?.taints, taintsField),
  ...validateStatus(node),
  ...validateBlocks(node.spec?.podCIDRs),
];

const blockChange = 'node updates may not change podCIDR except from "" to valid';
const validateChange = (next: Node, previous: Node): FieldError[] => {
  const errors = validateTaints(next.spec?.taints, taintsField);
  const addresses = new Set<string>();
  next.status?.addresses?.forEach((address, i) => {
    const id = `${address.type}\n${address.address}`;
    if (addresses.has(id)) {
      const shown = JSON.stringify({ Type: address.type, Address: address.address });
      errors.push({ type: 'Duplicate', field: String(statusField.child('addresses').index(i)), message: `Duplicate value: ${shown}` });
    }
    addresses.add(id);
  });
  const before = previous.spec?.podCIDRs ?? [];
  const after = next.spec?.podCIDRs ?? [];
  if (before.length) {
    const field = specField.child('podCIDRs');
    if (before.length !== after.length) errors.push(forbidden(field, blockChange));
    else for (const [i, block] of before.entries()) if (block !== after[i]) errors.push(forbidden(field, blockChange));
  }
  if (previous.spec?.providerID && previous.spec.providerID !== next.spec?.providerID)
    errors.push(forbidden(specField.child('providerID'), 'node updates may not change providerID except from "" to valid'));
  if ((next.spec?.externalID ?? '') !== (previous.spec?.externalID ?? ''))
    errors.push(forbidden(specField.child('externalID'), 'may not be updated'));
  return errors;
};

/** `podCIDR` mirrors the first of `podCIDRs`; whichever is given fills the other. */
const pairBlocks = (node: Node): void => {
  node.spec ??= {};
  const { spec } = node;
  if (spec.podCIDR && !spec.podCIDRs?.length) spec.podCIDRs = [spec.podCIDR];
  else if (spec.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
  else if (!spec.podCIDR && spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
};

const roles = (labels: Record<string, string> = {}): string[] => {
  const found = new Set<string>();
  for (const [key, value] of Object.entries(labels)) {
    if (key.startsWith('node-role.kubernetes.io/')) {
      const role = key.slice('node-role.kubernetes.io/'.length);
      if (role) found.add(role);
    } else if (key === 'kubernetes.io/role' && value) found.add(value);
  }
  return [...found].sort();
};
const readiness = (node: Node): string => {
  const ready = node.status?.conditions?.findLast(condition => condition.type === 'Ready');
  const state = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
  return node.spec?.unschedulable ? `${state},SchedulingDisabled` : state;
};
const addressOf = (addresses: readonly Address[] | undefined, type: string): string =>
  addresses?.find(address => address.type === type)?.address ?? '<none>';

export const node: Strategy<Node> = {
  metadataChecks: wholeAndChange,
  statusOnCreation: true,
  defaults(object) {
    pairBlocks(object);
    object.status ??= {};
    const { status } = object;
    if (status.capacity && !status.allocatable) status.allocatable = status.capacity;
  },
  prepareForCreate(object) {
    delete object.spec?.configSource;
    delete object.status?.config;
  },
  prepareForUpdate(next, previous) {
    if (!previous.spec?.configSource) delete next.spec?.configSource;
  },
  validate: validateSpec,
  validateUpdate: (next, previous) => [...validateStatus(next), ...validateChange(next, previous)],
  warnings({ spec = {} }) {
    const list: string[] = [];
    if (spec.configSource) list.push('spec.configSource: the feature is removed');
    if (spec.externalID) list.push('spec.externalID: this field is deprecated, and is unused by Kubernetes');
    return [...list, ...(spec.podCIDRs ?? []).flatMap((block, i) => blockWarnings(block, specField.child('podCIDRs').index(i)))];
  },
  subresources: {
    status: {
      prepareForUpdate(next, previous) {
        keepAllButStatus(next, previous);
        if (!previous.status?.config) delete next.status?.config;
      },
      validateUpdate: (next, previous) => [...validateStatus(next), ...validateChange(next, previous)],
    },
  },
  fields: object => ({ 'spec.unschedulable': String(object.spec?.unschedulable ?? false) }),
  cells(object, now) {
    const info = object.status?.nodeInfo;
    const addresses = object.status?.addresses;
    const kernel = `${info?.kernelVersion || '<unknown>'}${info?.architecture ? ` (${info.architecture})` : ''}`;
    return [
      object.metadata.name,
      readiness(object),
      roles(object.metadata.labels).join(',') || '<none>',
      age(object.metadata.creationTimestamp, now),
      info?.kubeletVersion ?? '',
      addressOf(addresses, 'InternalIP'),
      addressOf(addresses, 'ExternalIP'),
      info?.osImage || '<unknown>',
      kernel,
      info?.containerRuntimeVersion || '<unknown>',
    ];
  },
};
