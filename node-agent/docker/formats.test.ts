import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createFrameReader } from './frames.ts';
import { parseImageName, withDefaultTag } from './image-name.ts';
import { pauseProgram } from './pause.ts';
import { tar } from './tar.ts';

describe('the program of a sandbox', () => {
  test.each(['x64', 'arm64'] as const)('%s is a small static executable', architecture => {
    const program = pauseProgram(architecture);
    const view = new DataView(program.buffer);
    expect(program.length).toBeLessThan(200);
    expect([...program.subarray(0, 4)]).toEqual([0x7f, 0x45, 0x4c, 0x46]);
    expect(view.getUint16(18, true)).toBe(architecture === 'x64' ? 62 : 183);
    // It begins where its code does, inside the one segment.
    expect(view.getBigUint64(24, true) - view.getBigUint64(80, true)).toBe(120n);
    expect(view.getBigUint64(96, true)).toBe(BigInt(program.length));
  });
});

test('a tar that the system reads, with modes and contents', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tar-'));
  try {
    const file = join(dir, 'a.tar');
    writeFileSync(file, tar([{ name: 'pause', mode: 0o755, data: Buffer.from('x'.repeat(513)) }]));
    expect(execFileSync('tar', ['-tvf', file]).toString()).toMatch(/^-rwxr-xr-x .* 513 .* pause\n$/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

describe('framed streams', () => {
  const frame = (stream: number, text: string): Buffer => {
    const head = Buffer.alloc(8);
    head[0] = stream;
    head.writeUInt32BE(text.length, 4);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  test('come apart wherever chunks end', () => {
    const all = Buffer.concat([frame(1, 'out'), frame(2, 'error'), frame(1, ''), frame(1, 'end')]);
    for (let size = 1; size <= all.length; size++) {
      const read = createFrameReader();
      const said = { stdout: '', stderr: '' };
      for (let at = 0; at < all.length; at += size) {
        for (const { stream, data } of read(all.subarray(at, at + size))) said[stream] += data.toString();
      }
      expect(said).toEqual({ stdout: 'outend', stderr: 'error' });
    }
  });
});

describe('image names', () => {
  test.each([
    ['busybox', 'docker.io', 'busybox', undefined],
    ['library/busybox:1.36', 'docker.io', 'library/busybox', '1.36'],
    ['ghcr.io/a/b:v1', 'ghcr.io', 'ghcr.io/a/b', 'v1'],
    ['localhost/a', 'localhost', 'localhost/a', undefined],
    ['registry:5000/a', 'registry:5000', 'registry:5000/a', undefined],
  ])('%s', (name, registry, repository, tag) => {
    expect(parseImageName(name)).toEqual({ registry, repository, tag, digest: undefined });
  });
  test.each(['No Such Image', 'UPPER', '', 'a//b', 'a:', `a${'b'.repeat(600)}`])('%j is none', name => {
    expect(parseImageName(name)).toBeUndefined();
  });
  test('a name without tag or digest means the latest', () => {
    const digest = `a@sha256:${'0'.repeat(64)}`;
    expect([withDefaultTag('a'), withDefaultTag('a:1'), withDefaultTag(digest)]).toEqual(['a:latest', 'a:1', digest]);
  });
});
