/** Options of Windows containers, and which fields a pod of either operating system may not set. */
import { forbidden, invalid, notSupported, type Path, required } from '../field.ts';
import { isDns1123Subdomain } from '../metadata.ts';
import { check, type Errors } from './check.ts';
import type { PodSpec, WindowsOptions } from './types.ts';
import { eachContainer } from './walk.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const control = /[\u0000-\u001f\u007f]/;
const netBios = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const dnsLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const dnsDomain = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);
const badUserCharacters = /["/\\:;|=,+*?<>@[\]]/;
const dotsAndSpaces = /^[. ]+$/;

const checkUserName = (name: string, path: Path, errors: Errors): void => {
  const wrong = (text: string) => errors.push(invalid(path, name, text));
  if (!name) {
    wrong('runAsUserName cannot be an empty string');
    return;
  }
  if (control.test(name)) {
    wrong('runAsUserName cannot contain control characters');
    return;
  }
  const parts = name.split('\\');
  if (parts.length > 2) {
    wrong('runAsUserName cannot contain more than one backslash');
    return;
  }
  const user = parts.at(-1) ?? '';
  const domain = parts.length === 2 ? parts[0] : undefined;
  if ((domain ?? '').length >= 256) wrong("runAsUserName's Domain length must be under 256 characters");
  if (domain !== undefined && !netBios.test(domain) && !dnsDomain.test(domain))
    wrong("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  if (!user) wrong("runAsUserName's User cannot be empty");
  else if (user.length > 104) wrong("runAsUserName's User length must not be longer than 104 characters");
  if (dotsAndSpaces.test(user)) wrong("runAsUserName's User cannot contain only periods or spaces");
  if (badUserCharacters.test(user)) wrong('runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]');
};

export const checkWindowsOptions = (options: WindowsOptions | undefined, path: Path, errors: Errors): void => {
  if (!options) return;
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName } = options;
  if (name !== undefined) check(isDns1123Subdomain, name, path.child('gmsaCredentialSpecName'), errors);
  if (spec !== undefined) {
    const at = path.child('gmsaCredentialSpec');
    if (!spec) errors.push(invalid(at, spec, 'gmsaCredentialSpec cannot be an empty string'));
    else if (spec.length > 64 * 1024) errors.push(invalid(at, spec, 'gmsaCredentialSpec size must be under 64 KiB'));
  }
  if (runAsUserName !== undefined) checkUserName(runAsUserName, path.child('runAsUserName'), errors);
};

/** Either all containers of a pod are host processes, or none is. */
export const checkHostProcess = (spec: PodSpec, path: Path, errors: Errors): void => {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  let containers = 0;
  let hostProcesses = 0;
  eachContainer(spec, path, (container, at) => {
    containers++;
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own)
      errors.push(
        invalid(
          at.child('securityContext', 'windowsOptions', 'hostProcess'),
          own,
          `pod hostProcess value must be identical if both are specified, was ${ofPod}`,
        ),
      );
    if (own ?? ofPod) hostProcesses++;
  });
  if (hostProcesses === 0) return;
  if (hostProcesses !== containers)
    errors.push(invalid(path, '', 'If pod contains any hostProcess containers then all containers must be HostProcess containers'));
  if (!spec.hostNetwork)
    errors.push(invalid(path.child('hostNetwork'), false, 'hostNetwork must be true if pod contains any hostProcess containers'));
};

const podSecurity = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'runAsUser',
].concat(['runAsGroup', 'supplementalGroups', 'supplementalGroupsPolicy', 'seLinuxChangePolicy']);
const podFields = ['hostUsers', 'hostPID', 'hostIPC', 'shareProcessNamespace'] as const;
const containerSecurity = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
].concat(['allowPrivilegeEscalation', 'procMount', 'runAsUser', 'runAsGroup']);
const set = (value: unknown): boolean => value !== undefined && !(Array.isArray(value) && value.length === 0);

const checkWindowsPod = (spec: PodSpec, path: Path, errors: Errors): void => {
  const refuse = (object: object | undefined, names: readonly string[], at: Path): void => {
    if (!object) return;
    for (const name of names)
      if (set((object as Record<string, unknown>)[name])) errors.push(forbidden(at.child(name), 'cannot be set for a windows pod'));
  };
  refuse(spec.securityContext, podSecurity, path.child('securityContext'));
  for (const field of podFields) {
    const value = spec[field];
    const absent = value === undefined || (value === false && (field === 'hostPID' || field === 'hostIPC'));
    if (!absent) errors.push(forbidden(path.child(field), 'cannot be set for a windows pod'));
  }
  eachContainer(spec, path, (container, at) => refuse(container.securityContext, containerSecurity, at.child('securityContext')));
};
const checkLinuxPod = (spec: PodSpec, path: Path, errors: Errors): void => {
  const text = 'windows options cannot be set for a linux pod';
  if (spec.securityContext?.windowsOptions) errors.push(forbidden(path.child('securityContext', 'windowsOptions'), text));
  eachContainer(spec, path, (container, at) => {
    if (container.securityContext?.windowsOptions) errors.push(forbidden(at.child('securityContext', 'windowsOptions'), text));
  });
};
export const checkOperatingSystem = (spec: PodSpec, path: Path, errors: Errors): void => {
  if (!spec.os) return;
  const { name } = spec.os;
  if (!name) errors.push(required(path.child('os', 'name')));
  else if (name === 'linux') checkLinuxPod(spec, path, errors);
  else if (name === 'windows') checkWindowsPod(spec, path, errors);
  else errors.push(notSupported(path.child('os'), name, ['linux', 'windows']));
};
