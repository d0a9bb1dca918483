/** Which level of the Pod Security Standards a namespace asks for, by its labels, and what a pod does against it. */
import { invalid, type Path, root } from '../../../../kinds/field.ts';
import type { ObjectMeta } from '../../../../kinds/object.ts';
import type { FieldError } from '../../../../kinds/status.ts';
import type { PodSpec } from '../../../../kinds/types.ts';
import { baseline } from './baseline.ts';
import type { Candidate, Check, CheckPod, Violation } from './check.ts';
import { restricted } from './restricted.ts';

const levels = ['privileged', 'baseline', 'restricted'] as const;
/** In rising strictness. */
export type Level = (typeof levels)[number];

export interface LevelVersion {
  readonly level: Level;
  /** The minor version, or `latest`. */
  readonly version: number | 'latest';
}

export interface Policy {
  readonly enforce: LevelVersion;
  readonly warn: LevelVersion;
  readonly audit: LevelVersion;
  /** What is wrong with the labels. The policy holds all the same: the strictest, but for warnings and records none. */
  readonly errors: readonly FieldError[];
}

const prefix = 'pod-security.kubernetes.io/';
const modes = ['enforce', 'audit', 'warn'] as const;
const labels = modes.flatMap(mode => [`${prefix}${mode}`, `${prefix}${mode}-version`]);
const none: LevelVersion = { level: 'privileged', version: 'latest' };
export const unrestricted: Policy = { enforce: none, warn: none, audit: none, errors: [] };

export const strictness = (level: Level): number => levels.indexOf(level);
export const show = ({ level, version }: LevelVersion): string => `${level}:${version === 'latest' ? version : `v1.${version}`}`;
export const same = (one: LevelVersion, other: LevelVersion): boolean => one.level === other.level && one.version === other.version;

const versionShape = /^v1\.([0-9]|[1-9][0-9]*)$/;
const parseVersion = (text: string): LevelVersion['version'] | undefined => {
  if (text === 'latest') return text;
  const minor = Number(versionShape.exec(text)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(minor) ? minor : undefined;
};

/** A level that was named, also where it is none. */
interface Mode extends LevelVersion {
  readonly named: boolean;
  readonly known: boolean;
  readonly versionNamed: boolean;
}

const at: Path = root('metadata').child('labels');

const readMode = (given: Readonly<Record<string, string>>, mode: (typeof modes)[number], errors: FieldError[]): Mode => {
  const levelLabel = `${prefix}${mode}`;
  const versionLabel = `${levelLabel}-version`;
  const text = given[levelLabel];
  const level = levels.find(one => one === text);
  if (text !== undefined && !level) errors.push(invalid(at.key(levelLabel), text, `must be one of ${levels.join(', ')}`));
  const versionText = given[versionLabel];
  const version = versionText === undefined ? 'latest' : parseVersion(versionText);
  if (version === undefined) errors.push(invalid(at.key(versionLabel), versionText, 'must be "latest" or "v1.x"'));
  // A policy nobody understands is enforced at its strictest, but does not fill anybody's screen.
  const fallback = mode === 'enforce' ? 'restricted' : 'privileged';
  return {
    level: text === undefined ? 'privileged' : (level ?? fallback),
    version: version ?? 'latest',
    named: text !== undefined,
    known: level !== undefined,
    versionNamed: versionText !== undefined,
  };
};

export const policyOf = (given: Readonly<Record<string, string>> | undefined): Policy => {
  if (!given || !labels.some(label => Object.hasOwn(given, label))) return unrestricted;
  const errors: FieldError[] = [];
  const [enforce, audit, warn] = modes.map(mode => readMode(given, mode, errors)) as [Mode, Mode, Mode];
  const follows = !warn.named && enforce.known && strictness(enforce.level) > strictness(warn.level);
  return {
    enforce: { level: enforce.level, version: enforce.version },
    warn: {
      level: follows ? enforce.level : warn.level,
      version: follows && !warn.versionNamed ? enforce.version : warn.version,
    },
    audit: { level: audit.level, version: audit.version },
    errors,
  };
};

/** Nothing has changed since. */
const newest = Math.max(...[...baseline, ...restricted].flatMap(({ versions }) => versions.map(({ since }) => since)));
const inForce = (checks: readonly Check[], minor: number) =>
  checks.flatMap(({ id, versions }) => {
    const found = versions.findLast(({ since }) => since <= minor);
    return found ? [{ id, ...found }] : [];
  });

const cache = new Map<string, readonly CheckPod[]>();
const checksOf = (level: Level, version: LevelVersion['version']): readonly CheckPod[] => {
  const minor = version === 'latest' ? newest : Math.min(version, newest);
  const key = `${level}:${minor}`;
  const known = cache.get(key);
  if (known) return known;
  const more = level === 'restricted' ? inForce(restricted, minor) : [];
  const overridden = new Set(more.flatMap(({ overrides }) => overrides ?? []));
  const checks = [...inForce(baseline, minor).filter(({ id }) => !overridden.has(id)), ...more].map(({ check }) => check);
  cache.set(key, checks);
  return checks;
};

export const candidateOf = (metadata: Partial<ObjectMeta> | undefined, spec: PodSpec): Candidate => ({
  annotations: metadata?.annotations ?? {},
  spec,
  containers: [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])],
});

export const violations = (candidate: Candidate, { level, version }: LevelVersion): Violation[] =>
  level === 'privileged' ? [] : checksOf(level, version).flatMap(check => check(candidate) ?? []);

export const details = (found: readonly Violation[]): string =>
  found.map(({ reason, detail }) => (detail ? `${reason} (${detail})` : reason)).join(', ');
