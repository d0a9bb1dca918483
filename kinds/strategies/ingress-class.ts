/** IngressClass. */
import type * as generated from '@kubernetes/client-node';
import { check } from '../checks.ts';
import { forbidden, invalid, notSupported, required, root, tooLong } from '../field.ts';
import { isDns1123Label, isDns1123Subdomain, isPathSegment, longerThan, patternText, validateImmutable } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind } from '../types.ts';
import { wholeAndChange } from './metadata-checks.ts';

type IngressClass = Kind<generated.V1IngressClass>;
const specField = root('spec');
const controllerField = specField.child('controller');
const parametersField = specField.child('parameters');
const httpPath = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const httpPathExpression = new RegExp(`^${httpPath}$`);

const validateController = (controller: string): FieldError[] => {
  const errors = longerThan(controller, 250) ? [tooLong(controllerField, 250)] : [];
  if (!controller) return [...errors, required(controllerField)];
  const slash = controller.indexOf('/');
  const host = controller.slice(0, Math.max(slash, 0));
  const path = controller.slice(slash + 1);
  if (slash < 0 || !host || !path)
    return [...errors, invalid(controllerField, controller, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  errors.push(...check(isDns1123Subdomain, host, controllerField));
  if (!httpPathExpression.test(path)) errors.push(invalid(controllerField, path, patternText('Invalid path', httpPath)));
  return errors;
};

const validateParameters = (parameters: NonNullable<IngressClass['spec']>['parameters']): FieldError[] => {
  if (!parameters) return [];
  const errors: FieldError[] = [];
  const { apiGroup, scope, namespace } = parameters;
  const namespaceField = parametersField.child('namespace');
  if (apiGroup !== undefined) errors.push(...check(isDns1123Subdomain, apiGroup, parametersField.child('apiGroup')));
  for (const name of ['kind', 'name'] as const) {
    const field = parametersField.child(name);
    errors.push(...(parameters[name] ? check(isPathSegment, parameters[name], field) : [required(field)]));
  }
  if (scope === undefined) errors.push(required(parametersField.child('scope')));
  else if (scope === 'Namespace') {
    if (namespace === undefined) errors.push(required(namespaceField, "`parameters.scope` is set to 'Namespace'"));
    else errors.push(...check(isDns1123Label, namespace, namespaceField));
  } else if (scope === 'Cluster') {
    if (namespace !== undefined) errors.push(forbidden(namespaceField, "`parameters.scope` is set to 'Cluster'"));
  } else errors.push(notSupported(parametersField.child('scope'), scope, ['Cluster', 'Namespace']));
  return errors;
};

const defaultAnnotation = 'ingressclass.kubernetes.io/is-default-class';
export const ingressClass: Strategy<IngressClass> = {
  metadataChecks: wholeAndChange,
  generation: true,
  defaults(object) {
    if (object.spec?.parameters) object.spec.parameters.scope ??= 'Cluster';
  },
  validate: ({ spec = {} }) => [...validateController(spec.controller ?? ''), ...validateParameters(spec.parameters)],
  validateUpdate: (next, previous) => validateImmutable(next.spec?.controller ?? '', previous.spec?.controller ?? '', controllerField),
  cells(object, now) {
    const parameters = object.spec?.parameters;
    const kind = parameters && `${parameters.kind}${parameters.apiGroup === undefined ? '' : `.${parameters.apiGroup}`}`;
    return [
      `${object.metadata.name}${object.metadata.annotations?.[defaultAnnotation] === 'true' ? ' (default)' : ''}`,
      object.spec?.controller ?? '',
      parameters ? `${kind}/${parameters.name}` : '<none>',
      age(object.metadata.creationTimestamp, now),
    ];
  },
};
