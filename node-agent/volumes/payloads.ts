import { isNotFound } from '../../kinds/status.ts';
import { fieldValue, resourceValue } from '../pods/downward.ts';
import { namespaceOf, rolesOf } from '../pods/pod.ts';
import { defaultMode, type Payload, type VolumeContext } from './volume.ts';

interface KeyToPath {
  key: string;
  path: string;
  mode?: number;
}
interface ObjectSource {
  name?: string;
  items?: KeyToPath[];
  optional?: boolean;
}
interface DownwardFile {
  path: string;
  mode?: number;
  fieldRef?: { fieldPath: string };
  resourceFieldRef?: { containerName?: string; resource: string; divisor?: string };
}

const select = (what: string, data: Map<string, Buffer>, { items = [], optional }: ObjectSource, mode: number): Payload => {
  if (items.length === 0) return new Map([...data].map(([key, content]) => [key, { data: content, mode }]));
  const payload: Payload = new Map();
  for (const item of items) {
    const content = data.get(item.key);
    if (content) payload.set(item.path, { data: content, mode: item.mode ?? mode });
    else if (!optional) throw new Error(`${what} references non-existent ${what === 'configmap' ? 'config' : 'secret'} key: ${item.key}`);
  }
  return payload;
};

export const configMapPayload = async (source: ObjectSource, context: VolumeContext, mode = defaultMode): Promise<Payload> => {
  try {
    const { data = {}, binaryData = {} } = await context.sources.configMap(namespaceOf(context.pod), source.name ?? '');
    const content = new Map<string, Buffer>();
    for (const [key, text] of Object.entries(data)) content.set(key, Buffer.from(text));
    for (const [key, text] of Object.entries(binaryData)) content.set(key, Buffer.from(text, 'base64'));
    return select('configmap', content, source, mode);
  } catch (error) {
    if (source.optional && isNotFound(error)) return new Map();
    throw error;
  }
};

export const secretPayload = async (source: ObjectSource, context: VolumeContext, mode = defaultMode): Promise<Payload> => {
  try {
    const { data = {} } = await context.sources.secret(namespaceOf(context.pod), source.name ?? '');
    const content = new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64')]));
    return select('secret', content, source, mode);
  } catch (error) {
    if (source.optional && isNotFound(error)) return new Map();
    throw error;
  }
};

export const downwardPayload = (files: DownwardFile[], { pod, addresses, node }: VolumeContext, mode = defaultMode): Payload =>
  new Map(
    files.map(({ path, fieldRef, resourceFieldRef, mode: own }) => {
      let text = '';
      if (fieldRef) text = fieldValue(fieldRef.fieldPath, pod, addresses);
      else if (resourceFieldRef) {
        const owner = rolesOf(pod).find(({ container }) => container.name === resourceFieldRef.containerName)?.container;
        if (!owner) throw new Error(`container ${resourceFieldRef.containerName ?? ''} not found`);
        text = resourceValue(resourceFieldRef, owner, node);
      }
      return [path, { data: Buffer.from(text), mode: own ?? mode }];
    }),
  );
