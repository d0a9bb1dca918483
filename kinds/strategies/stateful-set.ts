/** StatefulSet. */
import type * as generated from '@kubernetes/client-node';
import { formEqual } from '../equality.ts';
import { forbidden, invalid, notSupported, type Path, quote, required, root } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { isDns1123Label, validateAnnotations, validateLabels } from '../metadata.ts';
import { checkPodAnnotations } from '../pod-spec/annotations.ts';
import { check, checkNonNegative, type Errors } from '../pod-spec/check.ts';
import { checkClaimSpec } from '../pod-spec/claim.ts';
import { defaultTemplate } from '../pod-spec/defaults.ts';
import { canonicalizeRequirements } from '../pod-spec/quantities.ts';
import { quantity } from '../pod-spec/resources.ts';
import { checkAlwaysRunning, checkSelectorAndTemplate, prepareTemplate, requirementsOf } from '../pod-spec/template.ts';
import { metaOf, type PodTemplateSpec, type Volume } from '../pod-spec/types.ts';
import { templateWarnings } from '../pod-spec/warnings.ts';
import { amountOf, checkAtMostWhole, checkCollisions, checkCounts, checkIntOrPercent, checkReplicaStatus } from '../pod-spec/workload.ts';
import { formatQuantity, isWhole } from '../quantity.ts';
import { formatLabelSelector } from '../selector/label-selector.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import { containerCells } from '../table/cells.ts';
import type { Kind } from '../types.ts';

type StatefulSet = Kind<generated.V1StatefulSet>;
type Spec = NonNullable<StatefulSet['spec']>;
type UpdateStrategy = NonNullable<Spec['updateStrategy']>;
const specPath = root('spec');
const statusPath = root('status');
const templatePath = specPath.child('template');
const counted = ['replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas', 'observedGeneration'].concat([
  'collisionCount',
]);

const defaults = (object: StatefulSet): void => {
  object.spec ??= { selector: {}, template: {} };
  const { spec } = object;
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  const { updateStrategy } = spec;
  if (!updateStrategy.type) {
    updateStrategy.type = 'RollingUpdate';
    updateStrategy.rollingUpdate ??= {};
  }
  if (updateStrategy.type === 'RollingUpdate' && updateStrategy.rollingUpdate) updateStrategy.rollingUpdate.partition ??= 0;
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.serviceName ??= '';
  spec.template ??= {};
  defaultTemplate(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= 'v1';
    claim.kind ??= 'PersistentVolumeClaim';
    claim.spec ??= {};
    claim.spec.volumeMode ??= 'Filesystem';
    canonicalizeRequirements(claim.spec.resources);
    claim.status ??= {};
    claim.status.phase ??= 'Pending';
  }
  object.status ??= { replicas: 0 };
  object.status.replicas ??= 0;
  object.status.availableReplicas ??= 0;
};

/** Fields behind a gate that is off: dropped unless the set already had them. */
const dropGated = (spec: Spec | undefined): void => {
  if (spec?.updateStrategy?.rollingUpdate) delete spec.updateStrategy.rollingUpdate.maxUnavailable;
  prepareTemplate(spec?.template);
};

const checkUpdateStrategy = (strategy: UpdateStrategy, path: Path, errors: Errors): void => {
  const { type = '', rollingUpdate } = strategy;
  const at = path.child('rollingUpdate');
  if (type === 'OnDelete') {
    if (rollingUpdate)
      errors.push(
        invalid(
          at,
          internalForm('apps.v1.RollingUpdateStatefulSetStrategy', rollingUpdate),
          "only allowed for updateStrategy 'RollingUpdate'",
        ),
      );
  } else if (type !== 'RollingUpdate')
    errors.push(invalid(path, internalForm('apps.v1.StatefulSetUpdateStrategy', strategy), "must be 'RollingUpdate' or 'OnDelete'"));
  else if (rollingUpdate) {
    checkNonNegative(rollingUpdate.partition, at.child('partition'), errors);
    const { maxUnavailable } = rollingUpdate;
    if (maxUnavailable === undefined) return;
    checkIntOrPercent(maxUnavailable, at.child('maxUnavailable'), errors);
    if (amountOf(maxUnavailable) === 0) errors.push(invalid(at.child('maxUnavailable'), maxUnavailable, 'cannot be 0'));
    checkAtMostWhole(maxUnavailable, at.child('maxUnavailable'), errors);
  }
};

/** The template as its pods will be: with a volume for each claim template; host name and subdomain are the controller's to set. */
const effectiveTemplate = (spec: Spec): PodTemplateSpec => {
  const template = spec.template ?? {};
  const claims = spec.volumeClaimTemplates ?? [];
  const podSpec = template.spec;
  if (!podSpec || (!podSpec.hostname && !podSpec.subdomain && claims.length === 0)) return template;
  const { hostname: _hostname, subdomain: _subdomain, ...rest } = podSpec;
  const names = new Set(claims.map(claim => claim.metadata?.name ?? ''));
  const made: Volume[] = [...names].map(name => ({ name, persistentVolumeClaim: { claimName: name } }));
  const others = (podSpec.volumes ?? []).filter(volume => !names.has(volume.name));
  return { ...template, spec: { ...rest, volumes: [...made, ...others] } };
};

const retention = ['Retain', 'Delete'];
const validate = ({ spec }: StatefulSet, previous?: StatefulSet): FieldError[] => {
  const errors: Errors = [];
  if (!spec) return [required(specPath)];
  const policy = spec.podManagementPolicy;
  if (!policy) errors.push(required(specPath.child('podManagementPolicy')));
  else if (policy !== 'OrderedReady' && policy !== 'Parallel')
    errors.push(invalid(specPath.child('podManagementPolicy'), policy, "must be 'OrderedReady' or 'Parallel'"));
  checkUpdateStrategy(spec.updateStrategy ?? {}, specPath.child('updateStrategy'), errors);
  for (const field of ['whenDeleted', 'whenScaled'] as const) {
    const value = spec.persistentVolumeClaimRetentionPolicy?.[field] ?? '';
    if (!retention.includes(value))
      errors.push(notSupported(specPath.child('persistentVolumeClaimRetentionPolicy', field), value, retention));
  }
  // Neither can change, so what is wrong with them was let in before the rule.
  const fixed = previous !== undefined;
  for (const [i, claim] of fixed ? [] : (spec.volumeClaimTemplates ?? []).entries())
    checkClaimSpec(claim.spec ?? {}, specPath.child('volumeClaimTemplates').index(i).child('spec'), errors);
  checkCounts(spec, ['replicas', 'minReadySeconds'], specPath, errors);
  if (spec.ordinals) checkNonNegative(spec.ordinals.start, specPath.child('ordinals.start'), errors);
  if (spec.serviceName && !fixed) check(isDns1123Label, spec.serviceName, specPath.child('serviceName'), errors);
  const template = effectiveTemplate(spec);
  checkSelectorAndTemplate({ kind: 'StatefulSet', selector: spec.selector, template }, specPath, errors);
  if (requirementsOf(spec.selector)) {
    // Upstream checks these twice, and clients see the causes twice.
    const meta = metaOf(template);
    errors.push(...validateLabels(meta.labels, templatePath.child('labels')));
    errors.push(...validateAnnotations(meta.annotations, templatePath.child('annotations')));
    checkPodAnnotations(meta, template.spec ?? { containers: [] }, templatePath.child('annotations'), errors);
  }
  checkAlwaysRunning(spec.template ?? {}, 'StatefulSet', templatePath, errors);
  return errors;
};

const changeable = ['replicas', 'template', 'updateStrategy', 'minReadySeconds', 'ordinals', 'revisionHistoryLimit'].concat([
  'persistentVolumeClaimRetentionPolicy',
]);
const fixedPart = (spec: Spec | undefined): unknown => {
  const rest = { ...spec } as Record<string, unknown>;
  for (const field of changeable) delete rest[field];
  return rest;
};
const immutableText =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

const claimWarnings = (spec: Spec | undefined, update: boolean): string[] =>
  (spec?.volumeClaimTemplates ?? []).flatMap((claim, i) => {
    const at = specPath.child('volumeClaimTemplates').index(i);
    const path = update ? at.child('Spec') : at;
    return (['requests', 'limits'] as const).flatMap(list => {
      const amount = quantity(claim.spec?.resources?.[list]?.['storage']);
      if (!amount || isWhole(amount)) return [];
      return [
        `${path.child('resources', list).key('storage')}: fractional byte value ${quote(formatQuantity(amount))} is invalid, must be an integer`,
      ];
    });
  });

export const statefulSet: Strategy<StatefulSet> = {
  nameRule: 'dns-label',
  generation: true,
  defaults,
  prepareForCreate(object) {
    object.status = { availableReplicas: 0, replicas: 0 };
    dropGated(object.spec);
  },
  prepareForUpdate(next, previous) {
    if (previous.status) next.status = previous.status;
    dropGated(next.spec);
  },
  validate,
  validateUpdate: (next, previous) =>
    formEqual(fixedPart(next.spec), fixedPart(previous.spec)) ? [] : [forbidden(specPath, immutableText)],
  warnings(next, previous) {
    const changed = !previous || next.metadata.generation !== previous.metadata.generation;
    const limit = next.spec?.revisionHistoryLimit ?? 0;
    return [
      ...(changed ? templateWarnings(next.spec?.template, templatePath) : []),
      ...claimWarnings(next.spec, previous !== undefined),
      ...(limit < 0 ? ['spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended'] : []),
    ];
  },
  subresources: {
    status: {
      prepareForUpdate(next, previous) {
        if (previous.spec) next.spec = previous.spec;
      },
      validateUpdate({ status }, previous) {
        const errors: Errors = [];
        if (!status) return errors;
        checkCounts(status, counted, statusPath, errors);
        const bounded = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'];
        checkReplicaStatus(status, bounded, 'status.readyReplicas', statusPath, errors);
        checkCollisions(status.collisionCount, previous.status?.collisionCount, statusPath, errors);
        return errors;
      },
    },
  },
  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    age(metadata.creationTimestamp, now),
    ...containerCells(spec?.template?.spec?.containers),
  ],
  scale: {
    specReplicas: ['spec', 'replicas'],
    statusReplicas: ['status', 'replicas'],
    selector: ({ spec }) => formatLabelSelector(requirementsOf(spec?.selector) ?? []),
  },
};
