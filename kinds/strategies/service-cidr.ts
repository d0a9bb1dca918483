/** ServiceCIDR: a range that cluster IPs come from. */
import type * as generated from '@kubernetes/client-node';
import { invalid, required, root } from '../field.ts';
import { parseBlock, validateCanonicalBlock } from '../ip.ts';
import { immutableText } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind } from '../types.ts';
import { strictStatus } from './status-update.ts';

type ServiceCidr = Kind<generated.V1ServiceCIDR>;
const blocksField = root('spec', 'cidrs');

const validateBlocks = (blocks: readonly string[]): FieldError[] => {
  if (blocks.length === 0) return [required(blocksField, 'at least one CIDR required')];
  // The Go type has no field tags.
  if (blocks.length > 2) return [invalid(blocksField, { CIDRs: blocks }, 'may only hold up to 2 values')];
  const errors = blocks.flatMap((block, i) => validateCanonicalBlock(block, blocksField.index(i)));
  const [first, second] = blocks.map(block => parseBlock(block)?.family);
  if (first && first === second)
    errors.push(invalid(blocksField, blocks, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'));
  return errors;
};

export const serviceCidr: Strategy<ServiceCidr> = {
  validateCreate: object => validateBlocks(object.spec?.cidrs ?? []),
  validateUpdate(next, previous) {
    const after = next.spec?.cidrs ?? [];
    const before = previous.spec?.cidrs ?? [];
    // A second family may join; nothing else moves.
    const joined = before.length === 1 && after.length === 2;
    if (before.length !== after.length && !joined) return [invalid(blocksField, after, immutableText)];
    const changes = before.flatMap((block, i) => (after[i] === block ? [] : [invalid(blocksField.index(i), after[i], immutableText)]));
    return joined ? [...changes, ...validateBlocks(after)] : changes;
  },
  subresources: { status: strictStatus },
  cells: (object, now) => [object.metadata.name, (object.spec?.cidrs ?? []).join(','), age(object.metadata.creationTimestamp, now)],
};
