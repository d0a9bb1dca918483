/** Ingress (upstream: `pkg/apis/networking/validation`). */
import type * as generated from '@kubernetes/client-node';
import { check, validatePortNumber } from '../checks.ts';
import { invalid, notSupported, type Path, required, root } from '../field.ts';
import { parseAddress, validateAddress } from '../ip.ts';
import { isDns1123Label, isDns1123Subdomain, isPathSegment, isPortName, isWildcardDns1123Subdomain } from '../names.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind, Wire } from '../types.ts';
import { wholeAndChange } from './metadata-checks.ts';
import { keepAllButStatus } from './status-update.ts';

type Ingress = Kind<generated.V1Ingress>;
type Backend = Wire<generated.V1IngressBackend>;
type HttpPath = Wire<generated.V1HTTPIngressPath>;
const specField = root('spec');
const classAnnotation = 'kubernetes.io/ingress.class';

const validateHost = (host: string, field: Path): FieldError[] =>
  check(host.includes('*') ? isWildcardDns1123Subdomain : isDns1123Subdomain, host, field);
const notAnAddress = (host: string, field: Path): FieldError[] =>
  parseAddress(host) ? [invalid(field, host, 'must be a DNS name, not an IP address')] : [];

const validateBackend = ({ resource, service }: Backend, field: Path): FieldError[] => {
  if (resource && service) return [invalid(field, '', 'cannot set both resource and service backends')];
  if (!resource && !service) return [invalid(field, '', 'resource or service backend is required')];
  const errors: FieldError[] = [];
  if (resource) {
    const path = field.child('resource');
    const group = resource.apiGroup ?? undefined;
    if (group !== undefined) errors.push(...check(isDns1123Subdomain, group, path.child('apiGroup')));
    for (const name of ['kind', 'name'] as const)
      errors.push(...(resource[name] ? check(isPathSegment, resource[name], path.child(name)) : [required(path.child(name))]));
    return errors;
  }
  const path = field.child('service');
  errors.push(...(service?.name ? check(isDns1123Label, service.name, path.child('name')) : [required(path.child('name'))]));
  const { name, number } = service?.port ?? {};
  if (name && number) errors.push(invalid(field, '', 'cannot set both port name & port number'));
  else if (name) errors.push(...check(isPortName, name, path.child('port', 'name')));
  else if (number) errors.push(...validatePortNumber(number, path.child('port', 'number')));
  else errors.push(required(field, 'port name or number is required'));
  return errors;
};

const validatePath = (rule: HttpPath, field: Path): FieldError[] => {
  const { pathType, path = '' } = rule;
  if (pathType === undefined || pathType === null) return [required(field.child('pathType'), 'pathType must be specified')];
  const errors: FieldError[] = [];
  const pathField = field.child('path');
  const strict = pathType === 'Exact' || pathType === 'Prefix';
  if (!strict && pathType !== 'ImplementationSpecific')
    errors.push(notSupported(field.child('pathType'), pathType, ['Exact', 'ImplementationSpecific', 'Prefix']));
  else if ((strict || path) && !path.startsWith('/')) errors.push(invalid(pathField, path, 'must be an absolute path'));
  if (strict) {
    for (const part of ['//', '/./', '/../', '%2f', '%2F'])
      if (path.includes(part)) errors.push(invalid(pathField, path, `must not contain '${part}'`));
    for (const end of ['/..', '/.']) if (path.endsWith(end)) errors.push(invalid(pathField, path, `cannot end with '${end}'`));
  }
  return [...errors, ...validateBackend(rule.backend ?? {}, field.child('backend'))];
};

const validateSpec = (spec: NonNullable<Ingress['spec']>): FieldError[] => {
  const errors: FieldError[] = [];
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec;
  if (rules.length === 0 && !defaultBackend) errors.push(invalid(specField, null, 'either `defaultBackend` or `rules` must be specified'));
  if (defaultBackend) errors.push(...validateBackend(defaultBackend, specField.child('defaultBackend')));
  rules.forEach(({ host, http }, i) => {
    const field = specField.child('rules').index(i);
    if (host) errors.push(...notAnAddress(host, field.child('host')), ...validateHost(host, field.child('host')));
    if (!http) return;
    const paths = http.paths ?? [];
    if (paths.length === 0) errors.push(required(field.child('http', 'paths')));
    errors.push(...paths.flatMap((path, at) => validatePath(path, field.child('http', 'paths').index(at))));
  });
  tls.forEach(({ hosts = [], secretName }, i) => {
    const field = specField.child('tls').index(i);
    errors.push(...hosts.flatMap((host, at) => validateHost(host, field.child('hosts').index(at))));
    if (secretName) errors.push(...check(isDns1123Subdomain, secretName, field.child('secretName')));
  });
  if (ingressClassName !== undefined) errors.push(...check(isDns1123Subdomain, ingressClassName, specField.child('ingressClassName')));
  return errors;
};

const ingressOf = (object: Ingress) => object.status?.loadBalancer?.ingress ?? [];

export const ingress: Strategy<Ingress> = {
  metadataChecks: wholeAndChange,
  generation: true,
  validate(object) {
    const errors = validateSpec(object.spec ?? {});
    const annotated = object.metadata.annotations?.[classAnnotation];
    const name = object.spec?.ingressClassName;
    // A stored object may have come to this state before the rule.
    if (annotated !== undefined && name !== undefined && annotated !== name && !object.metadata.resourceVersion)
      errors.push(invalid(`annotations.${classAnnotation}`, annotated, 'must match `ingressClassName` when both are specified'));
    return errors;
  },
  warnings(next, previous) {
    if (previous || next.metadata.annotations?.[classAnnotation] === undefined || next.spec?.ingressClassName !== undefined) return [];
    return [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`];
  },
  subresources: {
    status: {
      prepareForUpdate: keepAllButStatus,
      validateUpdate(next, previous) {
        const known = ingressOf(previous).flatMap(({ ip }) => (ip ? [ip] : []));
        return ingressOf(next).flatMap(({ ip, hostname }, i) => {
          const field = root('status', 'loadBalancer', 'ingress').index(i);
          return [
            ...(ip ? validateAddress(ip, field.child('ip'), known) : []),
            ...(hostname ? check(isDns1123Subdomain, hostname, field.child('hostname')) : []),
            ...(hostname ? notAnAddress(hostname, field.child('hostname')) : []),
          ];
        });
      },
    },
  },
  cells(object, now) {
    const rules = object.spec?.rules ?? [];
    const hosts = rules.slice(0, 3).flatMap(({ host }) => (host ? [host] : []));
    const more = hosts.length && rules.length > 3 ? ` + ${rules.length - 3} more...` : '';
    const addresses = [...new Set(ingressOf(object).flatMap(({ ip, hostname }) => ip || hostname || []))].sort();
    return [
      object.metadata.name,
      object.spec?.ingressClassName ?? '<none>',
      hosts.length ? `${hosts.join(',')}${more}` : '*',
      addresses.join(','),
      object.spec?.tls?.length ? '80, 443' : '80',
      age(object.metadata.creationTimestamp, now),
    ];
  },
};
