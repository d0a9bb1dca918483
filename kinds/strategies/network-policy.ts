/** NetworkPolicy. */
import { check } from '../checks.ts';
import { forbidden, invalid, notSupported, type Path, required, root } from '../field.ts';
import { blockWarnings, contains, parseBlock, validateBlock } from '../ip.ts';
import { validateLabelSelector } from '../metadata.ts';
import { isPortName, isPortNumber } from '../names.ts';
import type { KubeObject } from '../object.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import { formatSelector } from '../table/cells.ts';
import type { LabelSelector } from '../types.ts';

interface Port {
  protocol?: string;
  port?: number | string;
  endPort?: number;
}
interface Peer {
  podSelector?: LabelSelector;
  namespaceSelector?: LabelSelector;
  ipBlock?: { cidr?: string; except?: string[] };
}
interface Rule {
  ports?: Port[];
  from?: Peer[];
  to?: Peer[];
}
interface NetworkPolicy extends KubeObject {
  spec?: { podSelector?: LabelSelector; policyTypes?: string[]; ingress?: Rule[]; egress?: Rule[] };
}

const specField = root('spec');
const directions = [
  ['ingress', 'from'],
  ['egress', 'to'],
] as const;

const validatePolicyPort = ({ protocol, port, endPort }: Port, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  if (protocol !== undefined && !['TCP', 'UDP', 'SCTP'].includes(protocol))
    errors.push(notSupported(field.child('protocol'), protocol, ['TCP', 'UDP', 'SCTP']));
  const end = field.child('endPort');
  if (port === undefined) {
    if (endPort !== undefined) errors.push(invalid(end, endPort, 'may not be specified when `port` is not specified'));
  } else if (typeof port === 'string') {
    if (endPort !== undefined) errors.push(invalid(end, endPort, 'may not be specified when `port` is non-numeric'));
    errors.push(...check(isPortName, port, field.child('port')));
  } else {
    for (const text of isPortNumber(port)) errors.push(invalid(field.child('port'), port, text));
    if (endPort === undefined) return errors;
    if (endPort < port) errors.push(invalid(end, port, 'must be greater than or equal to `port`'));
    for (const text of isPortNumber(endPort)) errors.push(invalid(end, endPort, text));
  }
  return errors;
};

const validateIpBlock = ({ cidr, except = [] }: NonNullable<Peer['ipBlock']>, field: Path): FieldError[] => {
  if (!cidr) return [required(field.child('cidr'))];
  const errors = validateBlock(cidr, field.child('cidr'));
  const whole = parseBlock(cidr);
  if (!whole) return errors;
  except.forEach((text, i) => {
    const path = field.child('except').index(i);
    errors.push(...validateBlock(text, path));
    const part = parseBlock(text);
    if (part && (!contains(whole, part) || whole.length >= part.length))
      errors.push(invalid(path, text, 'must be a strict subset of `cidr`'));
  });
  return errors;
};

const validatePeer = ({ podSelector, namespaceSelector, ipBlock }: Peer, field: Path): FieldError[] => {
  const errors = [
    ...validateLabelSelector(podSelector, field.child('podSelector')),
    ...validateLabelSelector(namespaceSelector, field.child('namespaceSelector')),
    ...(ipBlock ? validateIpBlock(ipBlock, field.child('ipBlock')) : []),
  ];
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(required(field, 'must specify a peer'));
  else if (ipBlock && (podSelector || namespaceSelector)) errors.push(forbidden(field, 'may not specify both ipBlock and another peer'));
  return errors;
};

export const networkPolicy: Strategy<NetworkPolicy> = {
  generation: true,
  defaults({ spec }) {
    if (!spec) return;
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
    for (const [direction] of directions) {
      for (const { ports } of spec[direction] ?? []) for (const port of ports ?? []) port.protocol ??= 'TCP';
    }
  },
  validate({ spec = {} }) {
    const errors = validateLabelSelector(spec.podSelector, specField.child('podSelector'));
    for (const [direction, peers] of directions) {
      spec[direction]?.forEach((rule, i) => {
        const field = specField.child(direction).index(i);
        rule.ports?.forEach((port, at) => {
          errors.push(...validatePolicyPort(port, field.child('ports').index(at)));
        });
        rule[peers]?.forEach((peer, at) => {
          errors.push(...validatePeer(peer, field.child(peers).index(at)));
        });
      });
    }
    const types = spec.policyTypes ?? [];
    const typesField = specField.child('policyTypes');
    if (types.length > 2) return [...errors, invalid(typesField, types, 'may not specify more than two policyTypes')];
    types.forEach((type, i) => {
      if (type !== 'Ingress' && type !== 'Egress') errors.push(notSupported(typesField.index(i), type, ['Ingress', 'Egress']));
    });
    return errors;
  },
  warnings({ spec = {} }) {
    const list: string[] = [];
    for (const [direction, peers] of directions) {
      spec[direction]?.forEach((rule, i) => {
        rule[peers]?.forEach(({ ipBlock }, at) => {
          if (!ipBlock) return;
          const field = specField.child(direction).index(i).child(peers).index(at).child('ipBlock');
          list.push(...blockWarnings(ipBlock.cidr ?? '', field.child('cidr')));
          ipBlock.except?.forEach((text, n) => {
            list.push(...blockWarnings(text, field.child('except').index(n)));
          });
        });
      });
    }
    return list;
  },
  cells: (object, now) => [object.metadata.name, formatSelector(object.spec?.podSelector), age(object.metadata.creationTimestamp, now)],
};
