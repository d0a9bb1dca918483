/** Who may do what, asked as objects (kubernetes `pkg/registry/authorization`). */
import { invalid as invalidField } from '../../../kinds/field.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { badRequest, type FieldError, invalid } from '../../../kinds/status.ts';
import { type Answer, type Exchange, objectAnswer } from '../context.ts';
import type { Attributes, User } from '../types.ts';
import { type Question, question } from './question.ts';
import { checkSelectors, fieldRequirements, labelProblem, type Selector } from './review-selectors.ts';

interface ResourceAttributes {
  namespace?: string;
  verb?: string;
  group?: string;
  version?: string;
  resource?: string;
  subresource?: string;
  name?: string;
  fieldSelector?: Selector;
  labelSelector?: Selector;
}
interface AccessSpec {
  resourceAttributes?: ResourceAttributes;
  nonResourceAttributes?: { path?: string; verb?: string };
  user?: string;
  groups?: string[];
  uid?: string;
  extra?: Record<string, string[]>;
}

const specOf = (review: KubeObject): AccessSpec => (review['spec'] ?? {}) as AccessSpec;

const refuse = (errors: FieldError[]): void => {
  if (errors.length > 0) throw invalid({ group: 'authorization.k8s.io', kind: '' }, '', errors);
};

/** The internal type has no field tags, and clients see its Go names. */
const internalForm = ({ path = '', verb = '' }: { path?: string; verb?: string }) => ({ Path: path, Verb: verb });

const checkAttributes = ({ resourceAttributes: resource, nonResourceAttributes: path }: AccessSpec): FieldError[] => {
  if (resource && path)
    return [invalidField('spec.nonResourceAttributes', internalForm(path), 'cannot be specified in combination with resourceAttributes')];
  if (resource || path) return [];
  return [invalidField('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified')];
};

const checkSubject = (spec: AccessSpec): FieldError[] =>
  spec.user || spec.groups?.length ? [] : [invalidField('spec.user', '', 'at least one of user or group must be specified')];

const selectorsOf = ({ resourceAttributes }: AccessSpec): FieldError[] => (resourceAttributes ? checkSelectors(resourceAttributes) : []);

const checkBareMetadata = ({ metadata }: KubeObject, namespace: string, why = 'must be empty'): FieldError[] => {
  const { managedFields, ...rest } = metadata;
  const others = Object.entries(rest).filter(([key, value]) => value !== undefined && !(key === 'namespace' && value === namespace));
  return others.length > 0 ? [invalidField('metadata', { ...rest, ...(managedFields ? { managedFields } : {}) }, why)] : [];
};

const attributesFor = (user: User, { resourceAttributes, nonResourceAttributes }: AccessSpec): Attributes => {
  const from = resourceAttributes ?? {};
  const selector = from.fieldSelector && fieldRequirements(from.fieldSelector).requirements;
  return {
    user,
    verb: (resourceAttributes ?? nonResourceAttributes)?.verb ?? '',
    group: from.group ?? '',
    version: from.version || '*',
    resource: from.resource ?? '',
    subresource: from.subresource ?? '',
    namespace: from.namespace ?? '',
    name: from.name ?? '',
    ...(nonResourceAttributes ? { path: nonResourceAttributes.path ?? '' } : {}),
    ...(selector?.length ? { fieldSelector: selector } : {}),
  };
};

/** What of the question could not be understood; what was left out makes the question only wider. */
const evaluationError = ({ resourceAttributes }: AccessSpec): string => {
  const { fieldSelector, labelSelector } = resourceAttributes ?? {};
  const fields = fieldSelector && fieldRequirements(fieldSelector);
  const ignored = (which: string, partially: boolean): string =>
    `spec.resourceAttributes.${which} ${partially ? 'partially ' : ''}ignored due to parse error`;
  const labels = labelSelector && labelProblem(labelSelector);
  return [
    ...(fields?.broken ? [ignored('fieldSelector', fields.requirements.length > 0)] : []),
    ...(labels ? [ignored('labelSelector', labels === 'partly')] : []),
  ].join('; ');
};

const decide = async (exchange: Exchange, { object: review, admitted }: Question, user: User): Promise<Answer> => {
  await admitted();
  const spec = specOf(review);
  const { allowed, reason } = await exchange.services.authorizer.authorize(attributesFor(user, spec));
  const problem = evaluationError(spec);
  const status = { allowed, ...(reason ? { reason } : {}), ...(problem ? { evaluationError: problem } : {}) };
  return objectAnswer(201, { ...review, status });
};

const subjectOf = ({ user = '', groups = [], uid, extra }: AccessSpec): User => ({
  name: user,
  groups,
  ...(uid ? { uid } : {}),
  ...(extra ? { extra } : {}),
});

export const subjectAccessReview = async (exchange: Exchange): Promise<Answer> => {
  const asked = await question(exchange);
  const spec = specOf(asked.object);
  refuse([...checkAttributes(spec), ...checkSubject(spec), ...selectorsOf(spec), ...checkBareMetadata(asked.object, '')]);
  return decide(exchange, asked, subjectOf(spec));
};

export const selfSubjectAccessReview = async (exchange: Exchange): Promise<Answer> => {
  const asked = await question(exchange);
  const spec = specOf(asked.object);
  refuse([...checkAttributes(spec), ...selectorsOf(spec), ...checkBareMetadata(asked.object, '')]);
  return decide(exchange, asked, exchange.user);
};

export const localSubjectAccessReview = async (exchange: Exchange): Promise<Answer> => {
  const asked = await question(exchange);
  const { object: review } = asked;
  const { namespace } = exchange;
  if (review.metadata.namespace && review.metadata.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  review.metadata.namespace = namespace;
  const spec = specOf(review);
  const errors = [
    ...checkAttributes(spec),
    ...checkSubject(spec),
    ...selectorsOf(spec),
    ...checkBareMetadata(review, namespace, 'must be empty except for namespace'),
  ];
  if (spec.nonResourceAttributes)
    errors.push(invalidField('spec.nonResourceAttributes', internalForm(spec.nonResourceAttributes), 'disallowed on this kind of request'));
  if (spec.resourceAttributes && spec.resourceAttributes.namespace !== namespace)
    errors.push(
      invalidField('spec.resourceAttributes.namespace', spec.resourceAttributes.namespace ?? '', 'must match metadata.namespace'),
    );
  refuse(errors);
  return decide(exchange, asked, subjectOf(spec));
};

/** The answer is an object of its own: nothing of the question but its kind. */
export const selfSubjectRulesReview = async (exchange: Exchange): Promise<Answer> => {
  const { object: review, admitted } = await question(exchange);
  const { namespace = '' } = (review['spec'] ?? {}) as { namespace?: string };
  if (!namespace) throw badRequest('no namespace on request');
  await admitted();
  const { authorizer } = exchange.services;
  const status = (await authorizer.rules?.(exchange.user, namespace)) ?? {
    resourceRules: [],
    nonResourceRules: [],
    incomplete: true,
    evaluationError: 'the authorizer cannot list rules',
  };
  return objectAnswer(201, { apiVersion: review.apiVersion, kind: review.kind, metadata: {}, spec: {}, status } as unknown as KubeObject);
};
