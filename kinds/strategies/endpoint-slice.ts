/** EndpointSlice (upstream: `pkg/apis/discovery/validation`). */
import { check, oneOf, optionalOneOf, protocols, repeatsIn } from '../checks.ts';
import { semanticEqual } from '../equality.ts';
import { duplicate, invalid, type Path, required, root, tooMany } from '../field.ts';
import { addressWarnings, parseAddress, validateAddress, validateCanonicalAddress, validateEndpointAddress } from '../ip.ts';
import { isDns1123Label, isDns1123Subdomain, isLabelValue, isQualifiedName, validateImmutable, validateLabels } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { EndpointSlice } from '../types.ts';
import { whole } from './metadata-checks.ts';

type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];
type Port = NonNullable<EndpointSlice['ports']>[number];
const endpointsField = root('endpoints');
const portsField = root('ports');

const validateDomain = (name: string, field: Path): FieldError[] => {
  if (!name) return [required(field)];
  const text = name.replace(/\.$/, '');
  const problems = isDns1123Subdomain(text);
  if (problems.length) return [invalid(field, text, problems.join(','))];
  const labels = text.split('.');
  if (labels.length < 2) return [invalid(field, text, 'should be a domain with at least two segments separated by dots')];
  const bad = labels.find(label => isDns1123Label(label).length > 0);
  return bad === undefined ? [] : [invalid(field, bad, isDns1123Label(bad).join(','))];
};

const validateOne = (address: string, type: string, list: Path, at: number): FieldError[] => {
  const field = list.index(at);
  if (type === 'FQDN') return validateDomain(address, field);
  if (type !== 'IPv4' && type !== 'IPv6') return [];
  const malformed = type === 'IPv4' ? validateAddress(address, field) : validateCanonicalAddress(address, field);
  if (malformed.length) return malformed;
  const wrong = parseAddress(address)?.family === type ? [] : [invalid(list, address, `must be an ${type} address`)];
  return [...wrong, ...validateEndpointAddress(address, field)];
};

const validateHints = (names: readonly string[] | undefined, rule: (name: string) => readonly string[], field: Path): FieldError[] => {
  if (!names) return [];
  if (names.length > 8) return [tooMany(field, names.length, 8)];
  const repeats = repeatsIn(names);
  return names.flatMap((name, i) => {
    const path = field.index(i).child('name');
    return [...(repeats.has(i) ? [duplicate(path, name)] : []), ...check(rule, name, path)];
  });
};

const validateEndpoint = (endpoint: Endpoint, type: string, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const list = field.child('addresses');
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) errors.push(required(list, 'must contain at least 1 address'));
  else if (addresses.length > 100) errors.push(tooMany(list, addresses.length, 100));
  addresses.forEach((address, i) => {
    errors.push(...validateOne(address, type, list, i));
  });
  if (endpoint.nodeName !== undefined) errors.push(...check(isDns1123Subdomain, endpoint.nodeName, field.child('nodeName')));
  const topology = field.child('deprecatedTopology');
  const size = Object.keys(endpoint.deprecatedTopology ?? {}).length;
  if (size > 16) errors.push(tooMany(topology, size, 16));
  errors.push(...validateLabels(endpoint.deprecatedTopology, topology));
  if (endpoint.hostname !== undefined) errors.push(...check(isDns1123Label, endpoint.hostname, field.child('hostname')));
  const { forZones, forNodes } = endpoint.hints ?? {};
  errors.push(
    ...validateHints(
      forZones?.map(zone => zone.name),
      isLabelValue,
      field.child('hints', 'forZones'),
    ),
  );
  errors.push(
    ...validateHints(
      forNodes?.map(node => node.name),
      isDns1123Subdomain,
      field.child('hints', 'forNodes'),
    ),
  );
  return errors;
};

const validatePorts = (ports: readonly Port[] | null | undefined): FieldError[] => {
  if (!ports) return [];
  if (ports.length > 20_000) return [tooMany(portsField, ports.length, 20_000)];
  const names = new Set<string>();
  return ports.flatMap((port, i) => {
    const field = portsField.index(i);
    const name = port.name ?? '';
    const errors: FieldError[] = name ? check(isDns1123Label, name, field.child('name')) : [];
    if (names.has(name)) errors.push(duplicate(field.child('name'), name));
    names.add(name);
    if (port.protocol === undefined) errors.push(required(field.child('protocol')));
    errors.push(...optionalOneOf(port.protocol, protocols, field.child('protocol')));
    if (port.appProtocol !== undefined) errors.push(...check(isQualifiedName, port.appProtocol, field.child('appProtocol')));
    return errors;
  });
};

const more = (list: readonly string[]): string => {
  const text = list.slice(0, 3).join(',');
  return list.length > 3 ? `${text} + ${list.length - 3} more...` : text || '<unset>';
};

const managed = (object: EndpointSlice): boolean =>
  ['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io'].includes(
    object.metadata.labels?.['endpointslice.kubernetes.io/managed-by'] ?? '',
  );

const validateEndpoints = ({ addressType: type = '', endpoints }: EndpointSlice): FieldError[] => {
  const list = endpoints ?? [];
  return list.length > 1000
    ? [tooMany(endpointsField, list.length, 1000)]
    : list.flatMap((endpoint, i) => validateEndpoint(endpoint, type, endpointsField.index(i)));
};

export const endpointSlice: Strategy<EndpointSlice> = {
  metadataChecks: whole,
  defaults(object) {
    for (const port of object.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  prepareForCreate(object) {
    object.metadata.generation = 1;
    for (const endpoint of object.endpoints ?? []) delete endpoint.deprecatedTopology;
  },
  prepareForUpdate(next, previous) {
    const keys = ['addressType', 'endpoints', 'ports'] as const;
    const changed =
      keys.some(key => !semanticEqual(next[key], previous[key])) || !semanticEqual(next.metadata.labels, previous.metadata.labels);
    next.metadata.generation = (previous.metadata.generation ?? 0) + (changed ? 1 : 0);
    if (!semanticEqual(next.endpoints, previous.endpoints)) for (const endpoint of next.endpoints ?? []) delete endpoint.deprecatedTopology;
  },
  validate: object => [...oneOf(object.addressType ?? '', ['FQDN', 'IPv4', 'IPv6'], 'addressType'), ...validatePorts(object.ports)],
  validateCreate: object => validateEndpoints(object),
  validateUpdate: (next, previous) => [
    // What was there before may stay.
    ...(semanticEqual(next.endpoints, previous.endpoints) ? [] : validateEndpoints(next)),
    ...validateImmutable(next.addressType ?? '', previous.addressType ?? '', 'addressType'),
  ],
  warnings(next, previous) {
    const list: string[] = [];
    if (!previous && next.addressType === 'FQDN') list.push('spec.addressType: FQDN endpoints are deprecated');
    if (managed(next)) return list;
    next.endpoints?.forEach((endpoint, i) => {
      endpoint.addresses?.forEach((address, at) => {
        list.push(...addressWarnings(address, endpointsField.index(i).child('addresses').index(at)));
      });
    });
    return list;
  },
  cells(object, now) {
    const ports = (object.ports ?? []).map(({ port, name }) => (port === undefined ? (name ?? '*') : String(port)));
    const addresses = (object.endpoints ?? []).flatMap(endpoint => endpoint.addresses ?? []);
    return [object.metadata.name, object.addressType ?? '', more(ports), more(addresses), age(object.metadata.creationTimestamp, now)];
  },
};
