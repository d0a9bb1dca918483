/** RoleBinding and ClusterRoleBinding. */
import { check } from '../checks.ts';
import { invalid, notSupported, type Path, required, root } from '../field.ts';
import { isDns1123Subdomain, isPathSegment } from '../names.ts';
import type { Json } from '../object.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { ClusterRoleBinding, RoleBinding } from '../types.ts';
import { wholeAndChange } from './metadata-checks.ts';

type Binding = RoleBinding | ClusterRoleBinding;
type Subject = NonNullable<Binding['subjects']>[number];
const group = 'rbac.authorization.k8s.io';
const roleField = root('roleRef');
const subjectsField = root('subjects');

const validateSubject = (subject: Subject, namespaced: boolean, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const { kind, name, apiGroup = '' } = subject;
  if (!name) errors.push(required(field.child('name')));
  switch (kind) {
    case 'ServiceAccount':
      if (name) errors.push(...check(isDns1123Subdomain, name, field.child('name')));
      if (apiGroup) errors.push(notSupported(field.child('apiGroup'), apiGroup, ['']));
      if (!namespaced && !subject.namespace) errors.push(required(field.child('namespace')));
      break;
    case 'User':
    case 'Group':
      if (apiGroup !== group) errors.push(notSupported(field.child('apiGroup'), apiGroup, [group]));
      break;
    default:
      errors.push(notSupported(field.child('kind'), kind ?? '', ['ServiceAccount', 'User', 'Group']));
  }
  return errors;
};

const validate = (object: Binding, kinds: readonly string[]): FieldError[] => {
  const { apiGroup = '', kind = '', name = '' } = object.roleRef ?? {};
  const errors: FieldError[] = [];
  if (apiGroup !== group) errors.push(notSupported(roleField.child('apiGroup'), apiGroup, [group]));
  if (!kinds.includes(kind)) errors.push(notSupported(roleField.child('kind'), kind, kinds));
  errors.push(...(name ? check(isPathSegment, name, roleField.child('name')) : [required(roleField.child('name'))]));
  object.subjects?.forEach((subject, i) => {
    errors.push(...validateSubject(subject, kinds.includes('Role'), subjectsField.index(i)));
  });
  return errors;
};

const setDefaults = (object: Binding): void => {
  if (object.roleRef) object.roleRef.apiGroup ||= group;
  for (const subject of object.subjects ?? []) if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= group;
};

const validateUpdate = (next: Binding, previous: Binding): FieldError[] => {
  const { apiGroup, kind, name } = next.roleRef;
  if (apiGroup === previous.roleRef.apiGroup && kind === previous.roleRef.kind && name === previous.roleRef.name) return [];
  // The internal type has no field tags, and clients see its Go names.
  return [invalid(roleField, { APIGroup: apiGroup, Kind: kind, Name: name }, 'cannot change roleRef')];
};

const cells = (object: Binding, now: number): Json[] => {
  const subjects = object.subjects ?? [];
  const names = (kind: string) => subjects.filter(subject => subject.kind === kind).map(subject => subject.name);
  const accounts = subjects.filter(subject => subject.kind === 'ServiceAccount').map(({ namespace = '', name }) => `${namespace}/${name}`);
  const role = `${object.roleRef.kind}/${object.roleRef.name}`;
  return [
    object.metadata.name,
    role,
    age(object.metadata.creationTimestamp, now),
    names('User').join(', '),
    names('Group').join(', '),
    accounts.join(', '),
  ];
};

const common = {
  metadataChecks: wholeAndChange,
  nameRule: isPathSegment,
  allowCreateOnUpdate: true,
  defaults: setDefaults,
  validateUpdate,
  cells,
} as const;
export const roleBinding: Strategy<RoleBinding> = { ...common, validate: object => validate(object, ['Role', 'ClusterRole']) };
export const clusterRoleBinding: Strategy<ClusterRoleBinding> = { ...common, validate: object => validate(object, ['ClusterRole']) };
