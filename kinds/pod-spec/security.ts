/** Security contexts of pods and containers, and the annotations that came before their fields. */
import { duplicate, forbidden, invalid, notSupported, type Path, required } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { longerThan } from '../metadata.ts';
import { checkOneOf, type Errors } from './check.ts';
import { checkDescendingPath, checkRange } from './paths.ts';
import type { AppArmorProfile, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext, TemplateMeta } from './types.ts';
import { eachContainer } from './walk.ts';
import { checkWindowsOptions } from './windows.ts';

const largestId = 2 ** 31 - 1;
const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];

const checkSeccomp = (profile: SeccompProfile | undefined, path: Path, errors: Errors): void => {
  if (!profile) return;
  const { type, localhostProfile } = profile;
  if (!type) errors.push(required(path.child('type'), 'type is required when seccompProfile is set'));
  else checkOneOf(type, profileTypes, path.child('type'), errors);
  const at = path.child('localhostProfile');
  if (type !== 'Localhost') {
    if (localhostProfile !== undefined)
      errors.push(invalid(at, internalForm('core.v1.SeccompProfile', profile), 'can only be set when seccomp type is Localhost'));
  } else if (localhostProfile === undefined) errors.push(required(at, 'must be set when seccomp type is Localhost'));
  else checkDescendingPath(localhostProfile, at, errors);
};

const longestProfile = 4095;
export const checkAppArmor = (profile: AppArmorProfile | undefined, path: Path, errors: Errors): void => {
  if (!profile) return;
  const { type, localhostProfile } = profile;
  const at = path.child('localhostProfile');
  if (!type) errors.push(required(path.child('type'), 'type is required when appArmorProfile is set'));
  else if (type === 'Localhost') {
    if (!localhostProfile) errors.push(required(at, 'must be set when AppArmor type is Localhost'));
    else {
      if (localhostProfile.trim() !== localhostProfile) errors.push(invalid(at, localhostProfile, 'must not be padded with whitespace'));
      if (longerThan(localhostProfile, longestProfile))
        errors.push({ type: 'TooLong', field: String(at), message: `Too long: may not be more than ${longestProfile} bytes` });
    }
  } else if (!profileTypes.includes(type)) errors.push(notSupported(path.child('type'), type, profileTypes));
  else if (localhostProfile !== undefined) errors.push(invalid(at, localhostProfile, 'can only be set when AppArmor type is Localhost'));
};

/** `hostUsers`: the pod shares the host's user namespace. */
export const checkSecurityContext = (context: SecurityContext | undefined, hostUsers: boolean, path: Path, errors: Errors): void => {
  if (!context) return;
  checkRange(context.runAsUser, 0, largestId, path.child('runAsUser'), errors);
  checkRange(context.runAsGroup, 0, largestId, path.child('runAsGroup'), errors);
  const { procMount } = context;
  if (procMount !== undefined) {
    const at = path.child('procMount');
    if (procMount !== 'Default' && procMount !== 'Unmasked') errors.push(notSupported(at, procMount, ['Default', 'Unmasked']));
    if (hostUsers && procMount === 'Unmasked') errors.push(invalid(at, procMount, '`hostUsers` must be false to use `Unmasked`'));
  }
  checkSeccomp(context.seccompProfile, path.child('seccompProfile'), errors);
  if (context.allowPrivilegeEscalation === false) {
    const refuse = (why: string) => errors.push(invalid(path, internalForm('core.v1.SecurityContext', context), why));
    if (context.privileged) refuse('cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
    for (const capability of context.capabilities?.add ?? []) {
      if (capability === 'CAP_SYS_ADMIN') refuse('cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN');
    }
  }
  checkWindowsOptions(context.windowsOptions, path.child('windowsOptions'), errors);
  checkAppArmor(context.appArmorProfile, path.child('appArmorProfile'), errors);
};

const segment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const sysctlSource = `^(${segment}[\\./])*${segment}$`;
const sysctlName = new RegExp(sysctlSource);
const longestSysctl = 253;
const ipcSysctl = /^(?:kernel[./](?:shm|msg|sem$)|fs[./]mqueue[./])/;
const netSysctl = /^net[./]/;

const checkSysctls = (context: PodSecurityContext, spec: PodSpec, path: Path, errors: Errors): void => {
  const seen = new Set<string>();
  context.sysctls?.forEach(({ name = '' }, i) => {
    const at = path.index(i).child('name');
    if (!name) errors.push(required(at));
    else if (name.length > longestSysctl || !sysctlName.test(name))
      errors.push(invalid(at, name, `must have at most ${longestSysctl} characters and match regex ${sysctlSource}`));
    else if (seen.has(name)) errors.push(duplicate(at, name));
    if (spec.hostNetwork && netSysctl.test(name)) errors.push(invalid(at, name, "may not be specified when 'hostNetwork' is true"));
    else if (spec.hostIPC && ipcSysctl.test(name)) errors.push(invalid(at, name, "may not be specified when 'hostIPC' is true"));
    seen.add(name);
  });
};

export const checkPodSecurityContext = (spec: PodSpec, specPath: Path, errors: Errors, previous?: PodSpec): void => {
  const context = spec.securityContext;
  if (!context) return;
  const path = specPath.child('securityContext');
  checkRange(context.fsGroup, 0, largestId, path.child('fsGroup'), errors);
  checkRange(context.runAsUser, 0, largestId, path.child('runAsUser'), errors);
  checkRange(context.runAsGroup, 0, largestId, path.child('runAsGroup'), errors);
  context.supplementalGroups?.forEach((group, i) => {
    checkRange(group, 0, largestId, path.child('supplementalGroups').index(i), errors);
  });
  if (spec.shareProcessNamespace && spec.hostPID)
    errors.push(invalid(path.child('shareProcessNamespace'), true, 'ShareProcessNamespace and HostPID cannot both be enabled'));
  if (context.sysctls?.length) checkSysctls(context, spec, path.child('sysctls'), errors);
  checkOneOf(context.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], path.child('fsGroupChangePolicy'), errors);
  checkSeccomp(context.seccompProfile, path.child('seccompProfile'), errors);
  checkWindowsOptions(context.windowsOptions, path.child('windowsOptions'), errors);
  checkAppArmor(context.appArmorProfile, path.child('appArmorProfile'), errors);
  checkOneOf(context.supplementalGroupsPolicy, ['Merge', 'Strict'], path.child('supplementalGroupsPolicy'), errors);
  // Mounting with a label is behind a gate that is off by default, and left alone where it is in use.
  const policies = previous?.securityContext?.seLinuxChangePolicy === undefined ? ['Recursive'] : ['MountOption', 'Recursive'];
  checkOneOf(context.seLinuxChangePolicy, policies, path.child('seLinuxChangePolicy'), errors);
};

const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/';
export const appArmorAnnotation = 'container.apparmor.security.beta.kubernetes.io/';

const checkSeccompAnnotation = (value: string, path: Path, errors: Errors): void => {
  if (value === 'runtime/default' || value === 'docker/default' || value === 'unconfined') return;
  if (value.startsWith('localhost/')) checkDescendingPath(value.slice('localhost/'.length), path, errors);
  else errors.push(invalid(path, value, 'must be a valid seccomp profile'));
};
const hasContainer = (spec: PodSpec, name: string): boolean =>
  [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])].some(c => c.name === name);

/** The annotations of old that still steer something. */
export const checkSecurityAnnotations = (meta: TemplateMeta, spec: PodSpec, path: Path, errors: Errors): void => {
  for (const key in meta.annotations) {
    const value = meta.annotations[key] ?? '';
    if (key === seccompPod || key.startsWith(seccompContainer)) checkSeccompAnnotation(value, path.child(key), errors);
    if (!key.startsWith(appArmorAnnotation)) continue;
    const container = key.slice(appArmorAnnotation.length);
    if (!hasContainer(spec, container)) errors.push(invalid(path.key(key), container, 'container not found'));
    if (value && value !== 'runtime/default' && value !== 'unconfined' && !value.startsWith('localhost/'))
      errors.push(invalid(path.key(key), value, `invalid AppArmor profile name: ${JSON.stringify(value)}`));
  }
};

interface Profile {
  readonly type: string;
  readonly localhostProfile?: string;
}
const checkAgreement = (what: string, annotation: string, profile: Profile, path: Path, errors: Errors): void => {
  const mismatch = (field: 'type' | 'localhostProfile') =>
    errors.push(forbidden(path.child(field), `${what} ${field === 'type' ? 'type' : 'profile'} in annotation and field must match`));
  const isDefault = annotation === 'runtime/default' || (what === 'seccomp' && annotation === 'docker/default');
  if (profile.type === 'Unconfined' && annotation !== 'unconfined') mismatch('type');
  else if (profile.type === 'RuntimeDefault' && !isDefault) mismatch('type');
  else if (profile.type === 'Localhost') {
    if (!annotation.startsWith('localhost/')) mismatch('type');
    else if (annotation.slice('localhost/'.length) !== profile.localhostProfile) mismatch('localhostProfile');
  }
};
/** On creation an annotation and the field that replaced it must say the same. */
export const checkAnnotationsAgree = (meta: TemplateMeta, spec: PodSpec, specPath: Path, errors: Errors): void => {
  const { annotations } = meta;
  if (!annotations) return;
  const pod = spec.securityContext;
  const own = annotations[seccompPod];
  if (own !== undefined && pod?.seccompProfile)
    checkAgreement('seccomp', own, pod.seccompProfile, specPath.child('securityContext', 'seccompProfile'), errors);
  eachContainer(spec, specPath, (container, path) => {
    const seccomp = annotations[seccompContainer + container.name];
    const profile = container.securityContext?.seccompProfile;
    if (seccomp !== undefined && profile)
      checkAgreement('seccomp', seccomp, profile, path.child('securityContext', 'seccompProfile'), errors);
  });
  if (spec.os?.name === 'windows') return;
  eachContainer(spec, specPath, (container, path) => {
    const appArmor = annotations[appArmorAnnotation + container.name];
    const profile = container.securityContext?.appArmorProfile ?? pod?.appArmorProfile;
    if (appArmor !== undefined && profile)
      checkAgreement('apparmor', appArmor, profile, path.child('securityContext', 'appArmorProfile'), errors);
  });
};
