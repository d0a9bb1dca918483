/** What is legal in a pod, but hardly meant (kubernetes `pkg/api/pod/warnings.go`). `base` is the path of a template; absent for a pod. */
import { deprecatedLabel } from '../deprecated-labels.ts';
import { semanticEqual } from '../equality.ts';
import { type Path, quote, root } from '../field.ts';
import { addressWarnings } from '../ip.ts';
import { isLabelValue } from '../metadata.ts';
import { formatQuantity, isWhole } from '../quantity.ts';
import { overlapWarnings } from './overlaps.ts';
import { portWarnings } from './port-warnings.ts';
import { appArmorProfileOf } from './prepare.ts';
import { quantity } from './resources.ts';
import { appArmorAnnotation } from './security.ts';
import type { AnyContainer, NodeSelectorTerm, PodSpec, PodTemplateSpec, ResourceList, TemplateMeta, Volume } from './types.ts';
import { metaOf } from './types.ts';
import { eachContainer } from './walk.ts';

const deprecatedAnnotations = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
] as const;
const deprecatedVolumes: readonly (readonly [field: keyof Volume, text: string, shown?: string])[] = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+', 'storageOS'],
  ['quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

const termWarnings = (term: NodeSelectorTerm, values: boolean, path: Path, out: string[]): void => {
  term.matchExpressions?.forEach((expression, i) => {
    const at = path.child('matchExpressions').index(i);
    const text = deprecatedLabel(expression.key);
    if (text) out.push(`${at.child('key')}: ${expression.key} is ${text}`);
    if (!values) return;
    expression.values?.forEach((value, j) => {
      for (const problem of isLabelValue(value)) out.push(`${at.child('values').index(j)}: ${value} is invalid, ${problem}`);
    });
  });
};
const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
const placementWarnings = (spec: PodSpec, path: Path, out: string[]): void => {
  for (const key in spec.nodeSelector) {
    const text = deprecatedLabel(key);
    if (text) out.push(`${path.child('nodeSelector').key(key)}: ${text}`);
  }
  const node = spec.affinity?.nodeAffinity;
  const at = path.child('affinity', 'nodeAffinity');
  node?.[required]?.nodeSelectorTerms?.forEach((term, i) => {
    termWarnings(term, false, at.child(required, 'nodeSelectorTerms').index(i), out);
  });
  node?.[preferred]?.forEach((term, i) => {
    termWarnings(term.preference, true, at.child(preferred).index(i).child('preference'), out);
  });
  spec.topologySpreadConstraints?.forEach((constraint, i) => {
    const where = path.child('topologySpreadConstraints').index(i);
    const text = deprecatedLabel(constraint.topologyKey);
    if (text) out.push(`${where.child('topologyKey')}: ${constraint.topologyKey} is ${text}`);
    if (!constraint.labelSelector) out.push(`${where.child('labelSelector')}: a null labelSelector results in matching no pod`);
  });
};
const podAffinityWarnings = (spec: PodSpec, path: Path, out: string[]): void => {
  for (const field of ['podAffinity', 'podAntiAffinity'] as const) {
    const affinity = spec.affinity?.[field];
    const at = path.child('affinity', field);
    const check = (selector: unknown, where: Path) => {
      if (!selector) out.push(`${where.child('labelSelector')}: a null labelSelector results in matching no pod`);
    };
    affinity?.[required]?.forEach((term, i) => {
      check(term.labelSelector, at.child(required).index(i));
    });
    affinity?.[preferred]?.forEach((term, i) => {
      check(term.podAffinityTerm.labelSelector, at.child(preferred).index(i).child('podAffinityTerm'));
    });
  }
};

const fractions = (list: ResourceList | undefined, names: readonly string[], path: () => Path, out: string[]): void => {
  for (const name of names) {
    const amount = quantity(list?.[name]);
    if (amount && !isWhole(amount))
      out.push(`${path().key(name)}: fractional byte value ${quote(formatQuantity(amount))} is invalid, must be an integer`);
  }
};
const bytes = ['memory'];
const scratch = ['ephemeral-storage'];
const storage = ['storage'];

const volumeWarnings = (spec: PodSpec, path: Path, out: string[]): void => {
  spec.volumes?.forEach((volume, i) => {
    const at = path.child('volumes').index(i);
    for (const [field, text, shown] of deprecatedVolumes) if (volume[field]) out.push(`${at.child(shown ?? field)}: ${text}`);
    const claim = volume.ephemeral?.volumeClaimTemplate?.spec.resources;
    const where = at.child('ephemeral', 'volumeClaimTemplate', 'spec', 'resources');
    fractions(claim?.requests, storage, () => where.child('requests'), out);
    fractions(claim?.limits, storage, () => where.child('limits'), out);
  });
  out.push(...overlapWarnings(spec.volumes));
};

const duplicates = (items: readonly string[], what: string, path: (i: number) => Path, out: string[]): void => {
  const seen = new Set<string>();
  items.forEach((item, i) => {
    if (seen.has(item)) out.push(`${path(i)}: duplicate ${what} ${quote(item)}`);
    seen.add(item);
  });
};

const environmentWarnings = ({ env }: AnyContainer, at: Path, out: string[]): void => {
  const seen = new Set<string>();
  env?.forEach(({ name, value = '', valueFrom }, i) => {
    const reference = `$(${name})`;
    const builds = !valueFrom && value !== reference && value.includes(reference);
    if (seen.has(name) && !builds)
      out.push(`${at.child('env').index(i)}: hides previous definition of ${quote(name)}, which may be dropped when using apply`);
    seen.add(name);
  });
};
const containerWarnings = (spec: PodSpec, meta: TemplateMeta, base: Path | undefined, path: Path, out: string[]): void => {
  const annotations = meta.annotations ?? {};
  const where = base ? base.child('metadata', 'annotations') : root('metadata', 'annotations');
  const seccomp = 'non-functional in v1.27+; use the "seccompProfile" field instead';
  const ofPod = 'seccomp.security.alpha.kubernetes.io/pod';
  if (!spec.securityContext?.seccompProfile && Object.hasOwn(annotations, ofPod)) out.push(`${where.key(ofPod)}: ${seccomp}`);
  eachContainer(spec, path, (container, at) => {
    const key = `container.seccomp.security.alpha.kubernetes.io/${container.name}`;
    if (!container.securityContext?.seccompProfile && Object.hasOwn(annotations, key)) out.push(`${where.key(key)}: ${seccomp}`);
    const appArmor = annotations[appArmorAnnotation + container.name];
    if (base && appArmor !== undefined && !container.securityContext?.appArmorProfile) {
      const profile = spec.securityContext?.appArmorProfile;
      if (!profile || !semanticEqual(profile, appArmorProfileOf(appArmor)))
        out.push(`${where.key(appArmorAnnotation + container.name)}: deprecated since v1.30; use the "appArmorProfile" field instead`);
    }
    for (const names of [bytes, scratch]) {
      fractions(container.resources?.limits, names, () => at.child('resources', 'limits'), out);
      fractions(container.resources?.requests, names, () => at.child('resources', 'requests'), out);
    }
    environmentWarnings(container, at, out);
  });
};

export const podWarnings = (spec: PodSpec, meta: TemplateMeta, base: Path | undefined): string[] => {
  const out: string[] = [];
  const path = base ? base.child('spec') : root('spec');
  placementWarnings(spec, path, out);
  for (const [key, text] of deprecatedAnnotations) {
    if (meta.annotations && Object.hasOwn(meta.annotations, key))
      out.push(`${(base ? base.child('metadata', 'annotations') : root('metadata', 'annotations')).key(key)}: ${text}`);
  }
  volumeWarnings(spec, path, out);
  duplicates(
    (spec.hostAliases ?? []).map(alias => alias.ip),
    'ip',
    i => path.child('hostAliases').index(i).child('ip'),
    out,
  );
  const secrets = (spec.imagePullSecrets ?? []).map(secret => secret.name ?? '');
  duplicates(secrets, 'name', i => path.child('imagePullSecrets').index(i).child('name'), out);
  secrets.forEach((name, i) => {
    if (!name) out.push(`${path.child('imagePullSecrets').index(i).child('name')}: invalid empty name ""`);
  });
  for (const names of [bytes, scratch]) fractions(spec.overhead, names, () => path.child('overhead'), out);
  containerWarnings(spec, meta, base, path, out);
  portWarnings(spec, path, out);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    out.push(`${path.child('terminationGracePeriodSeconds')}: must be >= 0; negative values are invalid and will be treated as 1`);
  podAffinityWarnings(spec, path, out);
  spec.dnsConfig?.nameservers?.forEach((server, i) => {
    out.push(...addressWarnings(server, path.child('dnsConfig', 'nameservers').index(i)));
  });
  spec.hostAliases?.forEach((alias, i) => {
    out.push(...addressWarnings(alias.ip, path.child('hostAliases').index(i).child('ip')));
  });
  return out;
};

const noSpec: PodSpec = { containers: [] };
export const templateWarnings = (template: PodTemplateSpec | undefined, base: Path): string[] =>
  template ? podWarnings(template.spec ?? noSpec, metaOf(template), base) : [];

/** Names that become parts of host names. */
export const hostnameWarning = (where: string, problems: readonly string[]): string[] =>
  problems.length
    ? [
        `metadata.name: this is used in ${where}, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`,
      ]
    : [];
