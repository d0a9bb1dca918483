/** Questions about identity and access that are asked as objects and store nothing (kubernetes `pkg/registry/authorization`, `.../authentication`). */
import { timestamp } from '../../../kinds/environment.ts';
import { invalid as invalidField } from '../../../kinds/field.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { badRequest, type FieldError, invalid } from '../../../kinds/status.ts';
import { decodeObject } from '../body.ts';
import { type Answer, type Exchange, objectAnswer } from '../context.ts';
import { writeOptions } from '../options.ts';
import type { Attributes, User } from '../types.ts';
import { checkSelectors, type Selector } from './review-selectors.ts';

const decode = (exchange: Exchange): Promise<KubeObject> => {
  const options = writeOptions('CreateOptions', exchange.info.query, exchange.request.headers.get('user-agent'));
  return decodeObject(exchange, exchange.resource, options.fieldValidation);
};

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

const group = 'authorization.k8s.io';

const specOf = (review: KubeObject): AccessSpec => (review['spec'] ?? {}) as AccessSpec;

const refuse = (errors: FieldError[]): void => {
  if (errors.length > 0) throw invalid({ group, kind: '' }, '', errors);
};

const checkAttributes = (spec: AccessSpec): FieldError[] => {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (resource && path) {
    const value = { Path: path.path ?? '', Verb: path.verb ?? '' };
    return [invalidField('spec.nonResourceAttributes', value, 'cannot be specified in combination with resourceAttributes')];
  }
  if (resource || path) return [];
  return [invalidField('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified')];
};

const checkSubject = (spec: AccessSpec): FieldError[] =>
  spec.user || spec.groups?.length ? [] : [invalidField('spec.user', '', 'at least one of user or group must be specified')];

const selectorsOf = ({ resourceAttributes }: AccessSpec): FieldError[] => (resourceAttributes ? checkSelectors(resourceAttributes) : []);

const checkBareMetadata = ({ metadata }: KubeObject, namespace: string, why = 'must be empty'): FieldError[] => {
  const { managedFields: _, ...rest } = metadata;
  const others = Object.entries(rest).filter(([key, value]) => value !== undefined && !(key === 'namespace' && value === namespace));
  return others.length > 0 ? [invalidField('metadata', metadata, why)] : [];
};

const attributesFor = (user: User, { resourceAttributes, nonResourceAttributes }: AccessSpec): Attributes => {
  const from = resourceAttributes ?? {};
  return {
    user,
    verb: (resourceAttributes ?? nonResourceAttributes)?.verb ?? '',
    group: from.group ?? '',
    version: from.version ?? '',
    resource: from.resource ?? '',
    subresource: from.subresource ?? '',
    namespace: from.namespace ?? '',
    name: from.name ?? '',
    ...(nonResourceAttributes ? { path: nonResourceAttributes.path ?? '' } : {}),
  };
};

const decide = async (exchange: Exchange, review: KubeObject, user: User): Promise<Answer> => {
  const { allowed, reason } = await exchange.services.authorizer.authorize(attributesFor(user, specOf(review)));
  const status = { allowed, ...(reason ? { reason } : {}) };
  return objectAnswer(201, { ...review, status });
};

const subjectOf = ({ user = '', groups = [], uid, extra }: AccessSpec): User => ({
  name: user,
  groups,
  ...(uid ? { uid } : {}),
  ...(extra ? { extra } : {}),
});

export const subjectAccessReview = async (exchange: Exchange): Promise<Answer> => {
  const review = await decode(exchange);
  const spec = specOf(review);
  refuse([...checkAttributes(spec), ...checkSubject(spec), ...selectorsOf(spec), ...checkBareMetadata(review, '')]);
  return decide(exchange, review, subjectOf(spec));
};

export const selfSubjectAccessReview = async (exchange: Exchange): Promise<Answer> => {
  const review = await decode(exchange);
  const spec = specOf(review);
  refuse([...checkAttributes(spec), ...selectorsOf(spec), ...checkBareMetadata(review, '')]);
  return decide(exchange, review, exchange.user);
};

export const localSubjectAccessReview = async (exchange: Exchange): Promise<Answer> => {
  const review = await decode(exchange);
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
    errors.push(invalidField('spec.nonResourceAttributes', spec.nonResourceAttributes, 'disallowed on this kind of request'));
  else if (spec.resourceAttributes && spec.resourceAttributes.namespace !== namespace)
    errors.push(
      invalidField('spec.resourceAttributes.namespace', spec.resourceAttributes.namespace ?? '', 'must match metadata.namespace'),
    );
  refuse(errors);
  return decide(exchange, review, subjectOf(spec));
};

export const selfSubjectRulesReview = async (exchange: Exchange): Promise<Answer> => {
  const review = await decode(exchange);
  const { namespace = '' } = (review['spec'] ?? {}) as { namespace?: string };
  if (!namespace) throw badRequest('no namespace on request');
  const { authorizer } = exchange.services;
  const rules = await authorizer.rules?.(exchange.user, namespace);
  const status = rules ?? {
    resourceRules: [],
    nonResourceRules: [],
    incomplete: true,
    evaluationError: 'the authorizer cannot list rules',
  };
  return objectAnswer(201, { ...review, spec: {}, status });
};

const userInfo = ({ name, uid, groups, extra }: User): Record<string, unknown> => ({
  username: name,
  ...(uid ? { uid } : {}),
  ...(groups.length > 0 ? { groups } : {}),
  ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
});

export const selfSubjectReview = async (exchange: Exchange): Promise<Answer> => {
  const review = await decode(exchange);
  const creationTimestamp = timestamp(exchange.services.clock.now());
  const metadata = { ...review.metadata, creationTimestamp };
  return objectAnswer(201, { ...review, metadata, status: { userInfo: userInfo(exchange.user) } });
};

export const tokenReview = async (exchange: Exchange): Promise<Answer> => {
  const review = await decode(exchange);
  const { token = '', audiences } = (review['spec'] ?? {}) as { token?: string; audiences?: string[] };
  if (!token) throw badRequest('token is required for TokenReview in authentication');
  let status: Record<string, unknown> = { user: {} };
  try {
    const known = await exchange.services.tokens?.review(token, audiences ?? []);
    if (known) status = { authenticated: true, user: userInfo(known.user), audiences: known.audiences };
  } catch (error) {
    status = { user: {}, error: error instanceof Error ? error.message : String(error) };
  }
  return objectAnswer(201, { ...review, status });
};
