/** Whether an extension API server answers: its own discovery document is what it must serve (kube-aggregator `remote_available_controller.go`). */
import type { Extension } from '../../extensions.ts';
import { aggregator, askExtension } from './ask-extension.ts';
import type { FrontProxyOptions } from './front-proxy.ts';

/** Each goes to an endpoint of its own. */
const attempts = 3;

const attempt = async (options: FrontProxyOptions, extension: Extension): Promise<string | undefined> => {
  const { name, group, version } = extension;
  const path = name === 'v1.' ? '/api/v1' : `/apis/${group}/${version}`;
  try {
    const { status, url } = await askExtension(options, extension, { path, as: aggregator });
    return status >= 200 && status < 300 ? undefined : `failing or missing response from ${url}: bad status from ${url}: ${status}`;
  } catch (error) {
    const { message } = error as Error;
    const url = /^Get "([^"]*)"/.exec(message)?.[1];
    return url ? `failing or missing response from ${url}: ${message}` : message;
  }
};

/** Undefined: it does. Otherwise why not. */
export const probe = async (options: FrontProxyOptions, extension: Extension): Promise<string | undefined> => {
  let failure: string | undefined;
  for (let i = 0; i < attempts; i++) {
    failure = await attempt(options, extension);
    if (failure === undefined) return undefined;
  }
  return failure;
};
