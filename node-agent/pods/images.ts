import type { Clock, Logger } from '../../kinds/environment.ts';
import type { Secret } from '../../kinds/types.ts';
import { type Engine, EngineError, type EngineImage, type RegistryAuth } from '../docker/engine.ts';
import { withDefaultTag } from '../docker/image-name.ts';
import { createBackoff } from './backoff.ts';
import { registryAuths } from './registry-auth.ts';

/** Why a container has no image yet, in the words of its status, and how long to wait before asking again. */
export interface ImageTrouble {
  reason: 'ErrImagePull' | 'ImagePullBackOff' | 'ErrImageNeverPull' | 'InvalidImageName' | 'ImageInspectError';
  message: string;
  retryAfter: number;
}
export type ImageResult = { image: EngineImage; trouble?: undefined } | { image?: undefined; trouble: ImageTrouble };

export interface ImageRequest {
  uid: string;
  name: string;
  policy: string;
  secrets(): Promise<Secret[]>;
  event(type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** Images as containers ask for them: present, pulled, or why not (kubelet `images/image_manager.go`, with its events and texts). */
export interface Images {
  ensure(request: ImageRequest): Promise<ImageResult>;
  forget(uid: string): void;
}

/** Go's text of a duration: milliseconds below a second. */
const took = (ms: number): string => (ms < 1000 ? `${ms}ms` : `${Number((ms / 1000).toFixed(3))}s`);

export const createImages = ({ engine, clock, logger }: { engine: Engine; clock: Clock; logger: Logger }): Images => {
  const backoff = createBackoff({ clock, initial: 10_000, longest: 300_000 });
  const failures = new Map<string, { at: number; message: string }>();
  const pulls = new Map<string, Promise<void>>();

  const pullWith = async (name: string, auth: RegistryAuth | undefined) => {
    const key = JSON.stringify([name, auth]);
    // Ten pods that want one image pull it once.
    const running = pulls.get(key) ?? engine.pull(name, auth).finally(() => pulls.delete(key));
    pulls.set(key, running);
    await running;
  };

  const pull = async (name: string, auths: RegistryAuth[]): Promise<void> => {
    let failure: unknown;
    for (const auth of auths.length > 0 ? auths : [undefined]) {
      try {
        await pullWith(name, auth);
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };

  const looked = async (name: string): Promise<EngineImage | ImageTrouble | undefined> => {
    try {
      return await engine.image(name);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return { reason: 'ImageInspectError', message: `Failed to inspect image "${name}": ${error.message}`, retryAfter: 10_000 };
    }
  };

  return {
    async ensure({ uid, name: requested, policy, secrets, event }) {
      const name = withDefaultTag(requested);
      if (name === undefined) {
        const message = `Failed to apply default image tag "${requested}": couldn't parse image name "${requested}": invalid reference format`;
        event('Warning', 'InspectFailed', message);
        return { trouble: { reason: 'InvalidImageName', message, retryAfter: 60_000 } };
      }
      if (policy !== 'Always') {
        const found = await looked(name);
        if (found && 'reason' in found) {
          event('Warning', 'InspectFailed', found.message);
          return { trouble: found };
        }
        if (found) {
          event('Normal', 'Pulled', `Container image "${requested}" already present on machine and can be accessed by the pod`);
          return { image: found };
        }
        if (policy === 'Never') {
          const message = `Container image "${requested}" is not present with pull policy of Never`;
          event('Warning', 'ErrImageNeverPull', message);
          return { trouble: { reason: 'ErrImageNeverPull', message, retryAfter: 10_000 } };
        }
      }
      const key = `${uid}_${name}`;
      const failed = failures.get(key);
      const wait = failed ? backoff.remaining(key, failed.at) : 0;
      if (failed && wait > 0) {
        event('Normal', 'BackOff', `Back-off pulling image "${requested}"`);
        return {
          trouble: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${requested}": ${failed.message}`, retryAfter: wait },
        };
      }
      event('Normal', 'Pulling', `Pulling image "${requested}"`);
      const began = clock.now();
      try {
        await pull(name, registryAuths(name, await secrets()));
        const image = await engine.image(name);
        if (!image) throw new EngineError(404, `the image ${name} is not there after it was pulled`);
        const time = took(clock.now() - began);
        event(
          'Normal',
          'Pulled',
          `Successfully pulled image "${requested}" in ${time} (${time} including waiting). Image size: ${image.sizeBytes} bytes.`,
        );
        failures.delete(key);
        return { image };
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (!(error instanceof EngineError)) logger.warn('pull failed', { image: name, error: message });
        event('Warning', 'Failed', `Failed to pull image "${requested}": ${message}`);
        backoff.next(key, clock.now());
        failures.set(key, { at: clock.now(), message: `ErrImagePull: ${message}` });
        // Soon again, to say that the next pull waits; that one is made when the back-off has passed.
        return { trouble: { reason: 'ErrImagePull', message, retryAfter: 2000 } };
      }
    },
    forget(uid) {
      backoff.forget(`${uid}_`);
      for (const key of failures.keys()) if (key.startsWith(`${uid}_`)) failures.delete(key);
    },
  };
};
