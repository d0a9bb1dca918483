import { chmod, chown, mkdir, readFile } from 'node:fs/promises';
import { parseQuantity, toNumber } from '../../kinds/quantity.ts';
import type { VolumeType } from './volume.ts';

/** The kernel's table of mounts writes blanks and the like in octal. */
export const isMounted = async (path: string): Promise<boolean> =>
  (await readFile('/proc/self/mounts', 'utf8')).split('\n').some(line => line.split(' ')[1] === path.replaceAll(' ', '\\040'));

export const emptyDir: VolumeType = {
  field: 'emptyDir',
  refreshes: false,
  readOnly: false,
  async setUp({ emptyDir: source }, { dir, exec, pod }) {
    await mkdir(dir, { recursive: true });
    if (source?.medium === 'Memory' && !(await isMounted(dir))) {
      const limit = source.sizeLimit === undefined ? 0 : Math.ceil(toNumber(parseQuantity(source.sizeLimit)));
      await exec('mount', ['-t', 'tmpfs', '-o', `mode=0777${limit > 0 ? `,size=${limit}` : ''}`, 'tmpfs', dir]);
    }
    const group = pod.spec.securityContext?.fsGroup;
    if (group !== undefined) await chown(dir, 0, group);
    await chmod(dir, group === undefined ? 0o777 : 0o2777);
    return dir;
  },
};
