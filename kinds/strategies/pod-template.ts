/** PodTemplate. */
import type * as generated from '@kubernetes/client-node';
import { root } from '../field.ts';
import type { Errors } from '../pod-spec/check.ts';
import { defaultTemplate } from '../pod-spec/defaults.ts';
import { checkTemplate, prepareTemplate } from '../pod-spec/template.ts';
import { metaOf } from '../pod-spec/types.ts';
import { templateWarnings } from '../pod-spec/warnings.ts';
import type { Strategy } from '../strategy.ts';
import { containerCells, formatLabels } from '../table/cells.ts';
import type { Kind } from '../types.ts';

type PodTemplate = Kind<generated.V1PodTemplate>;
const templatePath = root('template');

export const podTemplate: Strategy<PodTemplate> = {
  generation: true,
  defaults(object) {
    object.template ??= {};
    defaultTemplate(object.template);
  },
  prepareForCreate: object => prepareTemplate(object.template),
  prepareForUpdate: next => prepareTemplate(next.template),
  validate({ template }) {
    const errors: Errors = [];
    checkTemplate(template ?? {}, templatePath, errors);
    return errors;
  },
  warnings: ({ template }) => templateWarnings(template, templatePath),
  cells: ({ metadata, template }) => [
    metadata.name,
    ...containerCells(template?.spec?.containers),
    formatLabels(metaOf(template ?? {}).labels),
  ],
};
