import { Duplex, PassThrough, Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import type { Engine, ExecOptions } from '../docker/engine.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { silent } from '../testing/silent.ts';
import { logQuery } from './logs.ts';
import { commandRequest, exitStatus, runRemoteCommand } from './remote-command.ts';

describe('what is asked of a log', () => {
  const ask = (text: string) => logQuery(new URLSearchParams(text), Date.parse('2026-01-01T00:01:00Z'));
  test('nothing: all that there is', () => {
    expect(ask('')).toEqual({
      follow: false,
      previous: false,
      timestamps: false,
      tail: undefined,
      since: undefined,
      limit: undefined,
      stdout: true,
      stderr: true,
    });
  });
  test('everything', () => {
    expect(ask('follow=true&previous=true&timestamps=true&tailLines=0&sinceSeconds=60&limitBytes=9&stream=Stderr')).toEqual({
      follow: true,
      previous: true,
      timestamps: true,
      tail: 0,
      since: '1767225600.000',
      limit: 9,
      stdout: false,
      stderr: true,
    });
    expect(ask('sinceTime=2026-01-01T00:00:00.5Z').since).toBe('1767225600.500');
  });
  test.each(['tailLines=-1', 'tailLines=x', 'limitBytes=0', 'sinceSeconds=0', 'sinceTime=yesterday'])('%s is refused', text => {
    expect(() => ask(text)).toThrow('invalid value for');
  });
});

describe('a command in a container', () => {
  const frame = (stream: number, text: string): Buffer =>
    Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);
  const run = async (query: string, reply: Buffer[], code: number) => {
    const options: ExecOptions[] = [];
    const typed: string[] = [];
    const engine = {
      exec: async (_: string, asked: ExecOptions) => {
        options.push(asked);
        const chunks = [...reply];
        const stream = new Duplex({
          read() {
            this.push(chunks.shift() ?? null);
          },
          write(chunk, _encoding, done) {
            typed.push(String(chunk));
            done();
          },
        });
        return { stream, resize: async () => undefined, exitCode: async () => code };
      },
    } as unknown as Engine;
    const said = { stdout: '', stderr: '' };
    const sink = (name: 'stdout' | 'stderr') =>
      new Writable({
        write(chunk, _encoding, done) {
          said[name] += String(chunk);
          done();
        },
      });
    const stdin = new PassThrough();
    stdin.end('in');
    const request = commandRequest('exec', new URLSearchParams(query), { id: 'c', tty: false });
    const status = await runRemoteCommand(
      { engine, find: () => undefined, clock: fakeClock(), logger: silent },
      request,
      { stdin, stdout: sink('stdout'), stderr: sink('stderr'), onResize: () => undefined },
      new AbortController().signal,
    );
    return { status, said, typed, options };
  };
  test('its two outputs come apart, its exit code is told', async () => {
    const result = await run('command=a&command=b&input=1&output=1&error=1', [frame(1, 'out'), frame(2, 'err')], 3);
    expect(result.options).toEqual([{ command: ['a', 'b'], stdin: true, stdout: true, stderr: true, tty: false }]);
    expect(result.said).toEqual({ stdout: 'out', stderr: 'err' });
    expect(result.typed).toEqual(['in']);
    expect(result.status).toEqual(exitStatus(3));
  });
  test('a terminal has one output, as it is', async () => {
    const result = await run('command=sh&stdout=true&tty=true', [Buffer.from('raw')], 0);
    expect(result.said).toEqual({ stdout: 'raw', stderr: '' });
    expect(result.status).toMatchObject({ status: 'Success' });
  });
  test('the status of an exit code is what clients parse', () => {
    expect(exitStatus(7)).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      message: 'command terminated with exit code 7',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    });
  });
});
