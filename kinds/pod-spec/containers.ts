/** Containers of all three sorts: regular, init (among them sidecars) and ephemeral. */
import { duplicate, forbidden, invalid, notFound, notSupported, type Path, required, tooMany } from '../field.ts';
import { isDns1123Label, isPortName, isPortNumber } from '../metadata.ts';
import { emptyAsGiven } from '../schema/given.ts';
import { checkChoice, checkOneOf, checkRequired, type Errors } from './check.ts';
import { checkEnv, checkEnvFrom } from './env.ts';
import { checkProbes } from './probes.ts';
import { checkContainerResources } from './resources.ts';
import { checkSecurityContext } from './security.ts';
import type { AnyContainer, ContainerPort, EphemeralContainer, PodSpec } from './types.ts';
import { checkDevices, checkMounts, type KnownVolumes } from './volumes.ts';

/** What the rules of a container know of its pod. */
export interface PodFacts {
  readonly spec: PodSpec;
  readonly volumes: KnownVolumes;
  readonly claims: ReadonlySet<string>;
  readonly hostUsers: boolean;
}

const protocols = ['SCTP', 'TCP', 'UDP'];
const checkPorts = (ports: readonly ContainerPort[] | undefined, path: Path, errors: Errors): void => {
  const names = new Set<string>();
  ports?.forEach((port, i) => {
    const at = path.index(i);
    if (port.name) {
      const problems = isPortName(port.name);
      for (const text of problems) errors.push(invalid(at.child('name'), port.name, text));
      if (problems.length === 0 && names.has(port.name)) errors.push(duplicate(at.child('name'), port.name));
      names.add(port.name);
    }
    if (!port.containerPort) errors.push(required(at.child('containerPort')));
    else for (const text of isPortNumber(port.containerPort)) errors.push(invalid(at.child('containerPort'), port.containerPort, text));
    if (port.hostPort) for (const text of isPortNumber(port.hostPort)) errors.push(invalid(at.child('hostPort'), port.hostPort, text));
    checkChoice(port.protocol, protocols, at.child('protocol'), errors);
  });
};
/** Two containers of a pod cannot have the same port of the host. */
const checkHostPorts = (containers: readonly AnyContainer[], path: Path, errors: Errors): void => {
  const taken = new Set<string>();
  containers.forEach((container, i) => {
    container.ports?.forEach((port, j) => {
      if (!port.hostPort) return;
      const key = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (taken.has(key)) errors.push(duplicate(path.index(i).child('ports').index(j).child('hostPort'), key));
      taken.add(key);
    });
  });
};

const resizable = ['cpu', 'memory'];
const resizePolicies = ['NotRequired', 'RestartContainer'];
const checkResizePolicies = (container: AnyContainer, podRestart: string | undefined, path: Path, errors: Errors): void => {
  const seen = new Set<string>();
  container.resizePolicy?.forEach(({ resourceName = '', restartPolicy = '' }, i) => {
    if (seen.has(resourceName)) errors.push(duplicate(path.index(i), resourceName));
    seen.add(resourceName);
    checkChoice(resourceName, resizable, path, errors);
    checkChoice(restartPolicy, resizePolicies, path, errors);
    if (podRestart === 'Never' && restartPolicy !== 'NotRequired')
      errors.push(invalid(path, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
  });
};

const restartPolicies = ['Always', 'Never', 'OnFailure'];
const restartActions = ['Restart', 'RestartAllContainers'];
const policyFirst = 'must specify restartPolicy when restart rules are used';
/** A container may override the pod's restart policy, and add rules by exit code (KEP-5307). */
const checkRestart = (container: AnyContainer, path: Path, errors: Errors): void => {
  const { restartPolicy, restartPolicyRules: rules = [] } = container;
  if (restartPolicy === undefined) {
    if (rules.length) errors.push(required(path.child('restartPolicy'), policyFirst));
    else return;
  }
  checkOneOf(restartPolicy, restartPolicies, path.child('restartPolicy'), errors);
  if (rules.length > 20) errors.push(tooMany(path.child('restartPolicyRules'), rules.length, 20));
  rules.forEach((rule, i) => {
    const at = path.child('restartPolicyRules').index(i);
    if (!restartActions.includes(rule.action)) errors.push(notSupported(at.child('action'), rule.action ?? '', restartActions));
    const codes = at.child('exitCodes');
    if (!rule.exitCodes) {
      errors.push(required(codes, 'must be specified'));
      return;
    }
    checkOneOf(rule.exitCodes.operator ?? '', ['In', 'NotIn'], codes.child('operator'), errors);
    const count = rule.exitCodes.values?.length ?? 0;
    if (count > 255) errors.push(tooMany(codes.child('values'), count, 255));
  });
};

const checkCommon = (container: AnyContainer, facts: PodFacts, path: Path, errors: Errors): void => {
  checkRequired(isDns1123Label, container.name, path.child('name'), errors);
  if (!container.image) errors.push(required(path.child('image')));
  checkChoice(container.terminationMessagePolicy, ['File', 'FallbackToLogsOnError'], path.child('terminationMessagePolicy'), errors);
  if (container.ports) checkPorts(container.ports, path.child('ports'), errors);
  if (container.env) checkEnv(container.env, path.child('env'), errors);
  if (container.envFrom) checkEnvFrom(container.envFrom, path.child('envFrom'), errors);
  checkMounts(container, facts.volumes, path, errors);
  checkDevices(container, facts.volumes, path, errors);
  checkChoice(container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'], path.child('imagePullPolicy'), errors);
  checkContainerResources(container.resources, facts.claims, path.child('resources'), errors);
  if (container.resizePolicy) checkResizePolicies(container, facts.spec.restartPolicy, path.child('resizePolicy'), errors);
  checkSecurityContext(container.securityContext, facts.hostUsers, path.child('securityContext'), errors);
};

const checkRegular = (facts: PodFacts, path: Path, errors: Errors): void => {
  const containers = facts.spec.containers ?? [];
  if (containers.length === 0) {
    errors.push(required(path));
    return;
  }
  const names = new Set<string>();
  containers.forEach((container, i) => {
    const at = path.index(i);
    checkCommon(container, facts, at, errors);
    if (names.has(container.name)) errors.push(duplicate(at.child('name'), container.name));
    names.add(container.name);
    checkProbes(container, facts.spec.terminationGracePeriodSeconds, at, errors);
    checkRestart(container, at, errors);
  });
  checkHostPorts(containers, path, errors);
};

const onlyBeside = 'may not be set for init containers without restartPolicy=Always';
const checkInitial = (facts: PodFacts, path: Path, errors: Errors): void => {
  const names = new Set((facts.spec.containers ?? []).map(container => container.name));
  facts.spec.initContainers?.forEach((container, i) => {
    const at = path.index(i);
    checkCommon(container, facts, at, errors);
    if (container.restartPolicy !== undefined) checkRestart(container, at, errors);
    else if (container.restartPolicyRules?.length) errors.push(required(at.child('restartPolicy'), policyFirst));
    if (names.has(container.name)) errors.push(duplicate(at.child('name'), container.name));
    else if (container.name) names.add(container.name);
    // Init containers run one after another, so only ports of one and the same can clash; the path is upstream's.
    checkHostPorts([container], path, errors);
    if (container.restartPolicy === 'Always') {
      checkProbes(container, facts.spec.terminationGracePeriodSeconds, at, errors);
      return;
    }
    for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const)
      if (container[field]) errors.push(forbidden(at.child(field), onlyBeside));
    container.resizePolicy?.forEach((policy, j) => {
      if (policy.restartPolicy === 'RestartContainer')
        errors.push(
          invalid(
            at.child('resizePolicy').index(j).child('restartPolicy'),
            policy.restartPolicy,
            "must not be set to 'RestartContainer' for non-sidecar initContainers",
          ),
        );
    });
  });
};

const trimmed = (image: string): boolean => image.trim() === image;
/** Pods, unlike templates, refuse an image that no runtime could name. */
export const checkImage = (container: AnyContainer, path: Path, errors: Errors): void => {
  const { image = '' } = container;
  if (!trimmed(image)) errors.push(invalid(path.child('image'), image, 'must not have leading or trailing whitespace'));
};

const notForDebugging = ['ports', 'resources', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'resizePolicy'].concat([
  'restartPolicy',
  'restartPolicyRules',
]);
/** Given at all, empty or not; but requirements, which a container always has, with something in them. */
const isGiven = (container: EphemeralContainer, field: string): boolean => {
  const value = container[field as keyof EphemeralContainer];
  if (field !== 'resources') return value !== undefined || emptyAsGiven(container, field) !== undefined;
  const parts = ['requests', 'limits', 'claims'] as const;
  return parts.some(part => container.resources?.[part] !== undefined || emptyAsGiven(container.resources, part) !== undefined);
};
const checkEphemeral = (facts: PodFacts, path: Path, errors: Errors): void => {
  const { containers = [], initContainers = [], ephemeralContainers } = facts.spec;
  if (!ephemeralContainers?.length) return;
  const others = new Set([...containers, ...initContainers].map(container => container.name));
  const names = new Set(others);
  ephemeralContainers.forEach((container: EphemeralContainer, i) => {
    const at = path.index(i);
    checkCommon(container, facts, at, errors);
    checkImage(container, at, errors);
    if (names.has(container.name)) errors.push(duplicate(at.child('name'), container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target)) errors.push(notFound(at.child('targetContainerName'), target));
    for (const field of notForDebugging) {
      if (isGiven(container, field)) errors.push(forbidden(at.child(field), 'cannot be set for an Ephemeral Container'));
    }
    container.volumeMounts?.forEach((mount, j) => {
      for (const field of ['subPath', 'subPathExpr'] as const)
        if (mount[field])
          errors.push(forbidden(at.child('volumeMounts').index(j).child(field), 'cannot be set for an Ephemeral Container'));
    });
  });
};

export const checkContainers = (facts: PodFacts, path: Path, errors: Errors): void => {
  checkRegular(facts, path.child('containers'), errors);
  if (facts.spec.initContainers) checkInitial(facts, path.child('initContainers'), errors);
  checkEphemeral(facts, path.child('ephemeralContainers'), errors);
};
