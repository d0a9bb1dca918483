/** Names and addresses of a pod: DNS, host aliases, host name, host network. */
import { forbidden, invalid, type Path, required } from '../field.ts';
import { validateAddress } from '../ip.ts';
import { isDns1123Label, isDns1123Subdomain, isDns1123SubdomainWithUnderscore, longerThan } from '../metadata.ts';
import { check, type Errors } from './check.ts';
import type { PodDNSConfig, PodSpec } from './types.ts';
import { eachContainer } from './walk.ts';

const checkConfig = (config: PodDNSConfig, path: Path, errors: Errors): void => {
  const { nameservers = [], searches = [], options = [] } = config;
  if (nameservers.length > 3) errors.push(invalid(path.child('nameservers'), nameservers, 'must not have more than 3 nameservers'));
  nameservers.forEach((server, i) => {
    errors.push(...validateAddress(server, path.child('nameservers').index(i)));
  });
  if (searches.length > 32) errors.push(invalid(path.child('searches'), searches, 'must not have more than 32 search paths'));
  if (longerThan(searches.join(' '), 2048))
    errors.push(invalid(path.child('searches'), searches, 'must not have more than 2048 characters (including spaces) in the search list'));
  searches.forEach((search, i) => {
    if (search === '.') return;
    check(isDns1123SubdomainWithUnderscore, search.endsWith('.') ? search.slice(0, -1) : search, path.child('searches').index(i), errors);
  });
  options.forEach((option, i) => {
    if (!option.name) errors.push(required(path.child('options').index(i), 'must not be empty'));
  });
};
export const checkDns = (spec: PodSpec, specPath: Path, errors: Errors): void => {
  const path = specPath.child('dnsConfig');
  const config = spec.dnsConfig;
  if (spec.dnsPolicy === 'None') {
    if (!config) {
      errors.push(required(path, 'must provide `dnsConfig` when `dnsPolicy` is None'));
      return;
    }
    if (!config.nameservers?.length) {
      errors.push(required(path.child('nameservers'), 'must provide at least one DNS nameserver when `dnsPolicy` is None'));
      return;
    }
  }
  if (config) checkConfig(config, path, errors);
};

/** `exact`: pods, where an absent host port has been defaulted; templates may leave it out. */
export const checkHostNetwork = (spec: PodSpec, exact: boolean, path: Path, errors: Errors): void => {
  if (!spec.hostNetwork) return;
  spec.containers?.forEach((container, i) => {
    container.ports?.forEach(({ hostPort = 0, containerPort }, j) => {
      if ((exact || hostPort !== 0) && hostPort !== containerPort)
        errors.push(
          invalid(
            path.child('containers').index(i).child('ports').index(j).child('hostPort'),
            hostPort,
            'must match `containerPort` when `hostNetwork` is true',
          ),
        );
    });
  });
};

/** A user namespace of its own rules out the host's other namespaces. */
export const checkHostUsers = (spec: PodSpec, path: Path, errors: Errors): void => {
  if (spec.hostUsers !== false) return;
  const text = 'when `hostUsers` is false';
  if (spec.hostNetwork) errors.push(forbidden(path.child('hostNetwork'), text));
  if (spec.hostPID) errors.push(forbidden(path.child('HostPID'), text));
  if (spec.hostIPC) errors.push(forbidden(path.child('HostIPC'), text));
  eachContainer(spec, path, (container, at) => {
    if (container.volumeDevices?.length) errors.push(forbidden(at.child('volumeDevices'), text));
  });
};

export const checkHostname = (spec: PodSpec, path: Path, errors: Errors): void => {
  const name = spec.hostnameOverride;
  if (name === undefined) return;
  const at = path.child('hostnameOverride');
  if (spec.setHostnameAsFQDN) errors.push(forbidden(at, 'may not be specified when setHostnameAsFQDN is true'));
  if (spec.hostNetwork) errors.push(forbidden(at, 'may not be specified when hostNetwork is true'));
  if (longerThan(name, 64)) errors.push({ type: 'TooLong', field: String(at), message: 'Too long: may not be more than 64 bytes' });
  check(isDns1123Subdomain, name, at, errors);
};

export const checkHostAliases = (spec: PodSpec, path: Path, errors: Errors): void => {
  spec.hostAliases?.forEach((alias, i) => {
    const at = path.child('hostAliases').index(i);
    errors.push(...validateAddress(alias.ip ?? '', at.child('ip')));
    alias.hostnames?.forEach((name, j) => {
      check(isDns1123Subdomain, name, at.child('hostnames').index(j), errors);
    });
  });
};
export const checkNames = (spec: PodSpec, path: Path, errors: Errors): void => {
  if (spec.hostname) check(isDns1123Label, spec.hostname, path.child('hostname'), errors);
  if (spec.subdomain) check(isDns1123Label, spec.subdomain, path.child('subdomain'), errors);
};
