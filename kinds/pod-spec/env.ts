/** Environment variables and where they come from. */
import { invalid, type Path, required } from '../field.ts';
import { isConfigMapKey, isDns1123Label, isDns1123Subdomain, isEnvironmentName } from '../metadata.ts';
import { check, checkRequired, type Errors } from './check.ts';
import { checkFieldRef, checkResourceField } from './field-ref.ts';
import { checkNoBacksteps } from './paths.ts';
import type { EnvFromSource, EnvVar } from './types.ts';

const checkKeyRef = (ref: { name?: string; key: string }, path: Path, errors: Errors): void => {
  check(isDns1123Subdomain, ref.name ?? '', path.child('name'), errors);
  checkRequired(isConfigMapKey, ref.key, path.child('key'), errors);
};

type ValueFrom = NonNullable<EnvVar['valueFrom']>;
const checkFileKeyRef = (ref: NonNullable<ValueFrom['fileKeyRef']>, path: Path, errors: Errors): void => {
  checkRequired(isEnvironmentName, ref.key, path.child('key'), errors);
  checkRequired(isDns1123Label, ref.volumeName, path.child('volumeName'), errors);
  if (!ref.path) errors.push(required(path.child('path')));
  else checkNoBacksteps(ref.path, path.child('path'), errors);
};

const checkValueFrom = (source: ValueFrom, value: string | undefined, path: Path, errors: Errors): void => {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  let sources = 0;
  if (fieldRef) {
    sources++;
    checkFieldRef(fieldRef, 'environment', path.child('fieldRef'), errors);
  }
  if (resourceFieldRef) {
    sources++;
    checkResourceField(resourceFieldRef, false, path.child('resourceFieldRef'), errors);
  }
  if (configMapKeyRef) {
    sources++;
    checkKeyRef(configMapKeyRef, path.child('configMapKeyRef'), errors);
  }
  if (secretKeyRef) {
    sources++;
    checkKeyRef(secretKeyRef, path.child('secretKeyRef'), errors);
  }
  if (fileKeyRef) {
    sources++;
    checkFileKeyRef(fileKeyRef, path.child('fileKeyRef'), errors);
  }
  if (sources === 0)
    errors.push(
      invalid(path, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'),
    );
  else if (value) errors.push(invalid(path, '', 'may not be specified when `value` is not empty'));
  else if (sources > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
};

export const checkEnv = (variables: readonly EnvVar[] | undefined, path: Path, errors: Errors): void => {
  variables?.forEach((variable, i) => {
    const at = path.index(i);
    checkRequired(isEnvironmentName, variable.name, at.child('name'), errors);
    if (variable.valueFrom) checkValueFrom(variable.valueFrom, variable.value, at.child('valueFrom'), errors);
  });
};

export const checkEnvFrom = (sources: readonly EnvFromSource[] | undefined, path: Path, errors: Errors): void => {
  sources?.forEach(({ prefix, configMapRef, secretRef }, i) => {
    const at = path.index(i);
    if (prefix) check(isEnvironmentName, prefix, at.child('prefix'), errors);
    if (configMapRef) checkRequired(isDns1123Subdomain, configMapRef.name, at.child('configMapRef', 'name'), errors);
    if (secretRef) checkRequired(isDns1123Subdomain, secretRef.name, at.child('secretRef', 'name'), errors);
    if (!configMapRef && !secretRef) errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (configMapRef && secretRef) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  });
};
