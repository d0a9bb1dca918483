/** How the kinds of upstream look at metadata when an object changes. */
import type { MetadataChecks } from '../strategy.ts';

/** The rules of creation and those of a change. */
export const wholeAndChange: MetadataChecks = { update: ['whole', 'change'] };
/** The rules of creation only. */
export const whole: MetadataChecks = { update: ['whole'] };
/** Nothing beyond what is checked for all kinds. */
export const none: MetadataChecks = { update: [] };
/** By kinds of the machinery itself, which know no standard finalizers. */
export const machinery: MetadataChecks = { machinery: true };
