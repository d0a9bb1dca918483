import { describe, expect, test } from '@jest/globals';
import type { Secret } from '../../kinds/types.ts';
import { type Engine, EngineError, type EngineImage, type RegistryAuth } from '../docker/engine.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { silent } from '../testing/silent.ts';
import { createBackoff, goDuration } from './backoff.ts';
import { createImages } from './images.ts';
import { registryAuths } from './registry-auth.ts';

const image: EngineImage = { id: 'sha256:1', digests: [], user: '', sizeBytes: 7 };
const aNode = (present: string[]) => {
  const clock = fakeClock();
  const there = new Set(present);
  const pulled: [string, RegistryAuth | undefined][] = [];
  let failure: string | undefined;
  const engine = {
    image: async (name: string) => (there.has(name) ? image : undefined),
    pull: async (name: string, auth: RegistryAuth | undefined) => {
      pulled.push([name, auth]);
      if (failure) throw new EngineError(500, failure);
      there.add(name);
    },
  } as unknown as Engine;
  const events: string[] = [];
  const images = createImages({ engine, clock, logger: silent });
  return {
    clock,
    pulled,
    events,
    fail: (message: string | undefined) => {
      failure = message;
    },
    ensure: (name: string, policy = 'IfNotPresent') =>
      images.ensure({
        uid: 'u1',
        name,
        policy,
        secrets: async () => [],
        event: (_, reason, message) => events.push(`${reason}: ${message}`),
      }),
  };
};

describe('an image', () => {
  test('that is there is not pulled, unless that is wanted', async () => {
    const node = aNode(['web:latest']);
    expect(await node.ensure('web')).toEqual({ image });
    expect(node.pulled).toEqual([]);
    await node.ensure('web', 'Always');
    expect(node.pulled).toEqual([['web:latest', undefined]]);
    expect(node.events.at(-1)).toBe('Pulled: Successfully pulled image "web" in 0ms (0ms including waiting). Image size: 7 bytes.');
  });
  test('that cannot be pulled is tried again later and later', async () => {
    const node = aNode([]);
    node.fail('no such host');
    expect((await node.ensure('web')).trouble).toMatchObject({ reason: 'ErrImagePull', message: 'no such host' });
    await node.clock.advance(2000);
    expect((await node.ensure('web')).trouble).toEqual({
      reason: 'ImagePullBackOff',
      message: 'Back-off pulling image "web": ErrImagePull: no such host',
      retryAfter: 8000,
    });
    await node.clock.advance(8000);
    await node.ensure('web');
    expect(node.pulled.length).toBe(2);
    expect((await node.ensure('web')).trouble?.retryAfter).toBe(20_000);
    node.fail(undefined);
    await node.clock.advance(20_000);
    expect(await node.ensure('web')).toEqual({ image });
  });
  test('that must not be pulled, and one that has no name', async () => {
    const node = aNode([]);
    expect((await node.ensure('web', 'Never')).trouble).toMatchObject({
      reason: 'ErrImageNeverPull',
      message: 'Container image "web" is not present with pull policy of Never',
    });
    expect((await node.ensure('WEB')).trouble?.reason).toBe('InvalidImageName');
  });
  test('is pulled once for many', async () => {
    const node = aNode([]);
    await Promise.all([node.ensure('web'), node.ensure('web'), node.ensure('web')]);
    expect(node.pulled.length).toBe(1);
  });
});

test('waits double up to a bound, and are forgotten after it went well', async () => {
  const clock = fakeClock(0);
  const backoff = createBackoff({ clock, initial: 10_000, longest: 40_000 });
  const waits: number[] = [];
  for (let round = 0; round < 4; round++) {
    backoff.next('a', clock.now());
    waits.push(backoff.remaining('a', clock.now()));
  }
  expect(waits).toEqual([10_000, 20_000, 40_000, 40_000]);
  await clock.advance(100_000);
  expect(backoff.remaining('a', clock.now())).toBe(0);
  backoff.next('a', clock.now());
  expect(backoff.get('a')).toBe(10_000);
  expect([10_000, 80_000, 300_000, 3_600_000].map(goDuration)).toEqual(['10s', '1m20s', '5m0s', '1h0m0s']);
});

describe('credentials', () => {
  const secret = (auths: Record<string, unknown>): Secret =>
    ({ data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') } }) as unknown as Secret;
  const auth = Buffer.from('me:pass:word').toString('base64');
  test('fit by registry and by the longest path', () => {
    const secrets = [secret({ 'ghcr.io': { auth }, 'https://ghcr.io/team/': { username: 'team', password: 'x' }, 'quay.io': { auth } })];
    expect(registryAuths('ghcr.io/team/app:1', secrets).map(({ username }) => username)).toEqual(['team', 'me']);
    expect(registryAuths('ghcr.io/teams/app:1', secrets)).toEqual([{ username: 'me', password: 'pass:word', serveraddress: 'ghcr.io' }]);
    expect(registryAuths('busybox', secrets)).toEqual([]);
  });
  test("Docker's own registry has many names", () => {
    for (const key of ['https://index.docker.io/v1/', 'docker.io', 'registry-1.docker.io']) {
      expect(registryAuths('library/busybox', [secret({ [key]: { auth } })]).length).toBe(1);
    }
  });
  test('a Secret that is no JSON is as good as none', () => {
    expect(registryAuths('busybox', [{ data: { '.dockerconfigjson': Buffer.from('{').toString('base64') } } as unknown as Secret])).toEqual(
      [],
    );
  });
});
