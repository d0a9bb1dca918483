import type { Clock } from '../../kinds/environment.ts';
import type { Engine } from '../docker/engine.ts';
import { createFrameReader } from '../docker/frames.ts';

const longest = 10 * 1024;

/** Runs a command in a container and answers its exit code and the first 10 KiB that it wrote. */
export const runCommand = async (
  { engine, clock }: { engine: Engine; clock: Clock },
  id: string,
  command: string[],
  signal: AbortSignal,
): Promise<{ exitCode: number; output: string }> => {
  const exec = await engine.exec(id, { command, stdin: false, stdout: true, stderr: true, tty: false });
  const give = () => exec.stream.destroy(new Error('timed out'));
  signal.addEventListener('abort', give);
  try {
    const read = createFrameReader();
    const parts: Buffer[] = [];
    let size = 0;
    for await (const chunk of exec.stream) {
      for (const { data } of read(chunk as Buffer)) {
        if (size < longest) parts.push(data.subarray(0, longest - size));
        size += data.length;
      }
    }
    // The stream may end a moment before Docker has noted the code.
    for (let tries = 0; tries < 50; tries++) {
      const exitCode = await exec.exitCode();
      if (exitCode === undefined) {
        await new Promise<void>(resolve => clock.after(10, resolve));
        continue;
      }
      const output = Buffer.concat(parts).toString();
      // Docker tells in the output that a command could not even begin, as in a container that is just ending.
      if (exitCode > 125 && /^(OCI runtime exec failed|cannot exec in a)/.test(output)) throw new Error(output.trim());
      return { exitCode, output };
    }
    throw new Error('the command ended without an exit code');
  } finally {
    signal.removeEventListener('abort', give);
    exec.stream.destroy();
  }
};
