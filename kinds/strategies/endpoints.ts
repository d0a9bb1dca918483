/** Endpoints, the older form of EndpointSlices. */
import { check, oneOf, protocols, validatePortNumber } from '../checks.ts';
import { type Path, required, root } from '../field.ts';
import { addressWarnings, validateAddress, validateEndpointAddress } from '../ip.ts';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName } from '../names.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Endpoints } from '../types.ts';
import { wholeAndChange } from './metadata-checks.ts';

type Subset = NonNullable<Endpoints['subsets']>[number];
type Address = NonNullable<Subset['addresses']>[number];
const subsetsField = root('subsets');

const validateOne = (address: Address, field: Path): FieldError[] => [
  ...validateAddress(address.ip ?? '', field.child('ip')),
  ...(address.hostname ? check(isDns1123Label, address.hostname, field.child('hostname')) : []),
  ...(address.nodeName === undefined ? [] : check(isDns1123Subdomain, address.nodeName, field.child('nodeName'))),
  ...validateEndpointAddress(address.ip ?? '', field.child('ip')),
];

const validateSubset = (subset: Subset, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
  if (addresses.length + notReadyAddresses.length === 0) errors.push(required(field, 'must specify `addresses` or `notReadyAddresses`'));
  addresses.forEach((address, i) => {
    errors.push(...validateOne(address, field.child('addresses').index(i)));
  });
  notReadyAddresses.forEach((address, i) => {
    errors.push(...validateOne(address, field.child('notReadyAddresses').index(i)));
  });
  ports.forEach((port, i) => {
    const path = field.child('ports').index(i);
    if (port.name) errors.push(...check(isDns1123Label, port.name, path.child('name')));
    else if (ports.length > 1) errors.push(required(path.child('name')));
    errors.push(...validatePortNumber(port.port, path.child('port')), ...oneOf(port.protocol, protocols, path.child('protocol')));
    if (port.appProtocol !== undefined) errors.push(...check(isQualifiedName, port.appProtocol, path.child('appProtocol')));
  });
  return errors;
};

const shown = 3;
const summary = (subsets: readonly Subset[]): string => {
  if (subsets.length === 0) return '<none>';
  const list: string[] = [];
  let count = 0;
  for (const { addresses = [], ports = [] } of subsets) {
    for (const port of ports.length ? ports : [undefined]) {
      count += addresses.length;
      for (const { ip } of addresses) {
        if (list.length === shown) break;
        list.push(port ? `${ip.includes(':') ? `[${ip}]` : ip}:${port.port}` : ip);
      }
    }
  }
  return count > shown ? `${list.join(',')} + ${count - shown} more...` : list.join(',');
};

export const endpoints: Strategy<Endpoints> = {
  metadataChecks: wholeAndChange,
  allowCreateOnUpdate: true,
  defaults(object) {
    for (const subset of object.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
  },
  validate: object => object.subsets?.flatMap((subset, i) => validateSubset(subset, subsetsField.index(i))) ?? [],
  warnings(next) {
    const list = ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'];
    if (next.metadata.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller') return list;
    next.subsets?.forEach((subset, i) => {
      for (const kind of ['addresses', 'notReadyAddresses'] as const) {
        const field = subsetsField.index(i).child(kind);
        subset[kind]?.forEach(({ ip }, at) => {
          list.push(...addressWarnings(ip, field.index(at).child('ip')));
        });
      }
    });
    return list;
  },
  cells: (object, now) => [object.metadata.name, summary(object.subsets ?? []), age(object.metadata.creationTimestamp, now)],
};
