/** Probes and life cycle hooks: both are handlers, of which exactly one kind must be given. */
import { forbidden, invalid, type Path, required } from '../field.ts';
import { isHttpHeaderName, isPortName, isPortNumber } from '../metadata.ts';
import { check, checkNonNegative, checkOneOf, type Errors } from './check.ts';
import type { AnyContainer, HTTPGetAction, Lifecycle, Probe } from './types.ts';

/** A port by number or by name. */
export const checkPort = (port: number | string | undefined, path: Path, errors: Errors): void => {
  if (typeof port === 'string') check(isPortName, port, path, errors);
  else for (const text of isPortNumber(port ?? 0)) errors.push(invalid(path, port ?? 0, text));
};

const checkHttpGet = (action: HTTPGetAction, path: Path, errors: Errors): void => {
  if (!action.path) errors.push(required(path.child('path')));
  checkPort(action.port, path.child('port'), errors);
  checkOneOf(action.scheme ?? '', ['HTTP', 'HTTPS'], path.child('scheme'), errors);
  for (const header of action.httpHeaders ?? []) check(isHttpHeaderName, header.name, path.child('httpHeaders'), errors);
};

type LifecycleHandler = NonNullable<Lifecycle['preStop']>;
interface Handler {
  exec?: { command?: string[] };
  httpGet?: HTTPGetAction;
  tcpSocket?: { port: number | string };
  grpc?: { port: number };
  sleep?: { seconds: number };
}
const checkSleep = (seconds: number, grace: number | undefined, path: Path, errors: Errors): void => {
  if (grace !== undefined && (seconds < 0 || seconds > grace))
    errors.push(invalid(path, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`));
};
const checkOneHandler = (handler: Handler, kind: keyof Handler, grace: number | undefined, path: Path, errors: Errors): void => {
  if (kind === 'exec' && !handler.exec?.command?.length) errors.push(required(path.child('command')));
  else if (kind === 'httpGet' && handler.httpGet) checkHttpGet(handler.httpGet, path, errors);
  else if (kind === 'tcpSocket') checkPort(handler.tcpSocket?.port, path.child('port'), errors);
  else if (kind === 'grpc') checkPort(handler.grpc?.port, path.child('port'), errors);
  else if (kind === 'sleep') checkSleep(handler.sleep?.seconds ?? 0, grace, path, errors);
};
const handlerKinds = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;
const checkHandler = (handler: Handler, grace: number | undefined, path: Path, errors: Errors): void => {
  let found = false;
  for (const kind of handlerKinds) {
    if (!handler[kind]) continue;
    if (found) errors.push(forbidden(path.child(kind), 'may not specify more than 1 handler type'));
    else checkOneHandler(handler, kind, grace, path.child(kind), errors);
    found = true;
  }
  if (!found) errors.push(required(path, 'must specify a handler type'));
};

const thresholds = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const;
const checkProbe = (probe: Probe, grace: number | undefined, path: Path, errors: Errors): void => {
  checkHandler(probe, grace, path, errors);
  for (const field of thresholds) checkNonNegative(probe[field], path.child(field), errors);
  const own = probe.terminationGracePeriodSeconds;
  if (own !== undefined && own <= 0) errors.push(invalid(path.child('terminationGracePeriodSeconds'), own, 'must be greater than 0'));
};

const checkOnce = (probe: Probe, path: Path, errors: Errors): void => {
  if (probe.successThreshold !== 1) errors.push(invalid(path.child('successThreshold'), probe.successThreshold ?? 0, 'must be 1'));
};
const checkLifecycle = (lifecycle: Lifecycle, grace: number | undefined, path: Path, errors: Errors): void => {
  const hooks: [string, LifecycleHandler | undefined][] = [
    ['postStart', lifecycle.postStart],
    ['preStop', lifecycle.preStop],
  ];
  for (const [name, handler] of hooks) if (handler) checkHandler(handler, grace, path.child(name), errors);
};

/** Hooks and probes of a container that runs beside others: a regular one or a sidecar. */
export const checkProbes = (container: AnyContainer, grace: number | undefined, path: Path, errors: Errors): void => {
  const { lifecycle, livenessProbe, readinessProbe, startupProbe } = container;
  if (lifecycle) checkLifecycle(lifecycle, grace, path.child('lifecycle'), errors);
  if (livenessProbe) {
    checkProbe(livenessProbe, grace, path.child('livenessProbe'), errors);
    checkOnce(livenessProbe, path.child('livenessProbe'), errors);
  }
  if (readinessProbe) {
    const at = path.child('readinessProbe');
    checkProbe(readinessProbe, grace, at, errors);
    const own = readinessProbe.terminationGracePeriodSeconds;
    if (own !== undefined) errors.push(invalid(at.child('terminationGracePeriodSeconds'), own, 'must not be set for readinessProbes'));
  }
  if (startupProbe) {
    checkProbe(startupProbe, grace, path.child('startupProbe'), errors);
    checkOnce(startupProbe, path.child('startupProbe'), errors);
  }
};
