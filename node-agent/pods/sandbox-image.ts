import { createHash } from 'node:crypto';
import type { Engine } from '../docker/engine.ts';
import { type Architecture, pauseProgram } from '../docker/pause.ts';
import { tar } from '../docker/tar.ts';

const repository = 'windvane/pause';

/** The image of every sandbox, made if this Docker has it not; its tag is its content, so a newer agent makes a newer one. */
export const ensureSandboxImage = async (engine: Engine): Promise<string> => {
  const { architecture } = await engine.version();
  const known: Record<string, Architecture> = { amd64: 'x64', arm64: 'arm64' };
  const machine = known[architecture];
  if (!machine) throw new Error(`this agent has no sandbox for the architecture ${architecture}`);
  const program = pauseProgram(machine);
  const tag = createHash('sha256').update(program).digest('hex').slice(0, 12);
  const name = `${repository}:${tag}`;
  if (!(await engine.image(name))) {
    await engine.importImage(tar([{ name: 'pause', mode: 0o755, data: program }]), repository, tag, ['ENTRYPOINT ["/pause"]']);
  }
  return name;
};
