/** The rules over a whole pod spec, in pods and templates (`ValidatePodSpec` of kubernetes `pkg/apis/core/validation`). */
import { duplicate, forbidden, invalid, notFound, nowhere, type Path, required } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, rangeText, validateLabels } from '../metadata.ts';
import { checkAffinity, checkSpread, checkTolerations } from './affinity.ts';
import { check, checkChoice, checkOneOf, type Errors } from './check.ts';
import { checkContainers } from './containers.ts';
import { checkDns, checkHostAliases, checkHostNetwork, checkHostname, checkHostUsers, checkNames } from './network.ts';
import { checkOverhead, checkPodResources } from './resources.ts';
import { checkPodSecurityContext } from './security.ts';
import type { PodResourceClaim, PodSpec, TemplateMeta } from './types.ts';
import { checkVolumes, type KnownVolumes } from './volumes.ts';
import { eachContainer } from './walk.ts';
import { checkHostProcess, checkOperatingSystem } from './windows.ts';

export const mirrorAnnotation = 'kubernetes.io/config.mirror';
const largestInteger = 2 ** 31 - 1;
const restartPolicies = ['Always', 'OnFailure', 'Never'];
const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const preemptionPolicies = ['PreemptLowerPriority', 'Never'];
const noNames: ReadonlySet<string> = new Set();

const checkClaims = (
  claims: readonly PodResourceClaim[] | undefined,
  pod: TemplateMeta | undefined,
  path: Path,
  errors: Errors,
): ReadonlySet<string> => {
  if (!claims?.length) return noNames;
  const names = new Set<string>();
  claims.forEach((claim, i) => {
    if (pod?.annotations && Object.hasOwn(pod.annotations, mirrorAnnotation)) {
      errors.push(forbidden(nowhere, 'static pods do not support resource claims'));
      return;
    }
    const at = path.index(i);
    if (!claim.name) errors.push(required(at.child('name')));
    else if (names.has(claim.name)) errors.push(duplicate(at.child('name'), claim.name));
    else {
      check(isDns1123Label, claim.name, at.child('name'), errors);
      names.add(claim.name);
    }
    const { resourceClaimName: own, resourceClaimTemplateName: template } = claim;
    const wrong = (text: string) => errors.push(invalid(at, internalForm('core.v1.PodResourceClaim', claim), text));
    if (own !== undefined && template !== undefined)
      wrong('at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified');
    if (own === undefined && template === undefined) wrong('must specify one of: `resourceClaimName`, `resourceClaimTemplateName`');
    if (own !== undefined) check(isDns1123Subdomain, own, at.child('resourceClaimName'), errors);
    if (template !== undefined) check(isDns1123Subdomain, template, at.child('resourceClaimTemplateName'), errors);
  });
  return names;
};

const checkGates = (spec: PodSpec, path: Path, errors: Errors): void => {
  spec.readinessGates?.forEach((gate, i) => {
    check(isQualifiedName, gate.conditionType ?? '', path.child('readinessGates').index(i).child('conditionType'), errors);
  });
  const seen = new Set<string>();
  spec.schedulingGates?.forEach(({ name = '' }, i) => {
    const at = path.child('schedulingGates').index(i);
    check(isQualifiedName, name, at, errors);
    if (seen.has(name)) errors.push(duplicate(at, name));
    seen.add(name);
  });
};

const checkReferences = (spec: PodSpec, path: Path, errors: Errors): void => {
  if (spec.serviceAccountName) check(isDns1123Subdomain, spec.serviceAccountName, path.child('serviceAccountName'), errors);
  if (spec.nodeName) check(isDns1123Subdomain, spec.nodeName, path.child('nodeName'), errors);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > largestInteger))
    errors.push(invalid(path.child('activeDeadlineSeconds'), deadline, rangeText(1, largestInteger)));
  checkNames(spec, path, errors);
  checkTolerations(spec.tolerations, path.child('tolerations'), errors);
  checkHostAliases(spec, path, errors);
  if (spec.priorityClassName) check(isDns1123Subdomain, spec.priorityClassName, path.child('priorityClassName'), errors);
  if (spec.runtimeClassName !== undefined) check(isDns1123Subdomain, spec.runtimeClassName, path.child('runtimeClassName'), errors);
  if (spec.preemptionPolicy === '') errors.push(required(path.child('preemptionPolicy')));
  else checkOneOf(spec.preemptionPolicy, preemptionPolicies, path.child('preemptionPolicy'), errors);
  if (spec.overhead) checkOverhead(spec.overhead, path.child('overhead'), errors);
};

/** Variables read from a file need an emptyDir that another container fills. */
const checkEnvFiles = (spec: PodSpec, path: Path, errors: Errors): void => {
  eachContainer(spec, path, (container, at) => {
    container.env?.forEach((variable, i) => {
      const ref = variable.valueFrom?.fileKeyRef;
      if (!ref) return;
      const name = ref.volumeName ?? '';
      const field = () => at.child('env').index(i).child('valueFrom', 'fileKeyRef', 'volumeName');
      const volume = spec.volumes?.findLast(candidate => candidate.name === name);
      if (!volume) errors.push(notFound(field(), name));
      else if (!volume.emptyDir) errors.push(invalid(field(), name, 'referenced volume must be of type emptyDir'));
    });
  });
};

/** `pod` is the metadata of a pod; absent for a template. `previous`: what an update replaces. */
export const checkPodSpec = (spec: PodSpec, pod: TemplateMeta | undefined, path: Path, errors: Errors, previous?: PodSpec): void => {
  if (spec.terminationGracePeriodSeconds === undefined) errors.push(required(path.child('terminationGracePeriodSeconds')));
  const volumes: KnownVolumes = checkVolumes(spec.volumes, pod, path.child('volumes'), errors);
  const claims = checkClaims(spec.resourceClaims, pod, path.child('resourceClaims'), errors);
  checkContainers({ spec, volumes, claims, hostUsers: spec.hostUsers !== false }, path, errors);
  checkPodResources(spec, claims, path, errors);
  checkHostNetwork(spec, pod !== undefined, path, errors);
  checkChoice(spec.restartPolicy, restartPolicies, path.child('restartPolicy'), errors);
  checkChoice(spec.dnsPolicy, dnsPolicies, path.child('dnsPolicy'), errors);
  if (spec.nodeSelector) errors.push(...validateLabels(spec.nodeSelector, path.child('nodeSelector')));
  checkPodSecurityContext(spec, path, errors, previous);
  checkAffinity(spec.affinity, path.child('affinity'), errors);
  checkDns(spec, path, errors);
  checkGates(spec, path, errors);
  checkSpread(spec.topologySpreadConstraints, path.child('topologySpreadConstraints'), errors);
  checkHostProcess(spec, path, errors);
  checkHostUsers(spec, path, errors);
  checkHostname(spec, path, errors);
  checkReferences(spec, path, errors);
  checkOperatingSystem(spec, path, errors);
  checkEnvFiles(spec, path, errors);
};
