/** RuntimeClass. */

import type * as generated from '@kubernetes/client-node';
import { check } from '../checks.ts';
import { deprecatedLabel } from '../deprecated-labels.ts';
import { duplicate, required, root } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { isDns1123Label, validateImmutable, validateLabels } from '../metadata.ts';
import { checkTolerations } from '../pod-spec/affinity.ts';
import { checkOverhead } from '../pod-spec/resources.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind } from '../types.ts';
import { machinery, wholeAndChange } from './metadata-checks.ts';

type RuntimeClass = Kind<generated.V1RuntimeClass>;
const overheadField = root('overhead');
const schedulingField = root('scheduling');

export const runtimeClass: Strategy<RuntimeClass> = {
  metadataChecks: { ...machinery, ...wholeAndChange },
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  validate({ handler, overhead, scheduling }) {
    const errors: FieldError[] = handler ? check(isDns1123Label, handler, 'handler') : [required('handler')];
    if (overhead?.podFixed) checkOverhead(overhead.podFixed, overheadField, errors);
    if (!scheduling) return errors;
    errors.push(...validateLabels(scheduling.nodeSelector, schedulingField.child('nodeSelector')));
    const field = schedulingField.child('tolerations');
    checkTolerations(scheduling.tolerations, field, errors);
    const seen = new Set<string>();
    scheduling.tolerations?.forEach((toleration, i) => {
      const { key = '', operator = '', value = '', effect = '' } = toleration;
      const id = JSON.stringify([key, operator, value, effect]);
      if (seen.has(id)) errors.push(duplicate(field.index(i), internalForm('core.v1.Toleration', toleration)));
      seen.add(id);
    });
    return errors;
  },
  validateUpdate: (next, previous) => validateImmutable(next.handler ?? '', previous.handler ?? '', 'handler'),
  warnings: ({ scheduling }) =>
    Object.keys(scheduling?.nodeSelector ?? {}).flatMap(key => {
      const text = deprecatedLabel(key);
      return text ? [`${schedulingField.child('nodeSelector')}: ${text}`] : [];
    }),
  cells: ({ metadata, handler }, now) => [metadata.name, handler, age(metadata.creationTimestamp, now)],
};
