/** OpenAPI of extension API servers: version 3 is listed and read through, version 2 becomes part of the one document (kube-aggregator `pkg/controllers/openapi`). */
import type { Clock } from '../../../kinds/environment.ts';
import type { JsonObject } from '../../../kinds/object.ts';
import { pathsBelow, type Swagger } from '../../../kinds/openapi/index.ts';
import type { Extension } from '../../extensions.ts';
import type { User } from '../types.ts';
import { askExtension, type ExtensionAnswer } from './ask-extension.ts';
import { serviceKey } from './discovery.ts';
import type { FrontProxyOptions } from './front-proxy.ts';
import { Remembered } from './remembered.ts';

const reader: User = { name: 'system:aggregator', groups: ['system:masters'] };

type Paths = Readonly<Record<string, JsonObject>>;

const body = (answer: ExtensionAnswer): JsonObject => {
  if (answer.status !== 200) throw new Error(`no OpenAPI: ${answer.status}`);
  return JSON.parse(answer.text) as JsonObject;
};

export interface ExtensionOpenApi {
  /** What the extensions' own indexes list, and whose each is. */
  index(extensions: readonly Extension[]): Promise<ReadonlyMap<string, { readonly entry: JsonObject; readonly extension: Extension }>>;
  /** The documents of those that have one, each with its own paths only. The same values as long as nothing has changed. */
  documents(extensions: readonly Extension[]): Promise<readonly Swagger[]>;
}

export const extensionOpenApi = (options: FrontProxyOptions & { readonly clock: Clock }): ExtensionOpenApi => {
  const ask = (path: string) => (extension: Extension, etag: string) =>
    askExtension(options, extension, { path, as: reader, headers: etag ? { 'if-none-match': etag } : {} });
  const indexes = new Remembered<Paths>(options.clock, ask('/openapi/v3'), answer => (body(answer)['paths'] ?? {}) as Paths);
  const documents = new Remembered<JsonObject>(options.clock, ask('/openapi/v2'), body);
  const cut = new WeakMap<JsonObject, Map<string, Swagger>>();

  const own = (document: JsonObject, { group, version }: Extension): Swagger => {
    const known = cut.get(document) ?? new Map<string, Swagger>();
    cut.set(document, known);
    const prefix = `/apis/${group}/${version}/`;
    const found = known.get(prefix) ?? pathsBelow(document, prefix);
    known.set(prefix, found);
    return found;
  };
  /** Of a server that does not answer, what it said before. */
  const learn = async <T>(from: Remembered<T>, extension: Extension): Promise<T | undefined> => {
    const key = serviceKey(extension.service);
    return extension.available ? (await from.learn(key, extension)).value : from.recall(key);
  };
  const forget = (extensions: readonly Extension[]): void => {
    const keys = new Set(extensions.map(({ service }) => serviceKey(service)));
    indexes.forgetOthers(keys);
    documents.forgetOthers(keys);
  };

  return {
    async index(extensions) {
      forget(extensions);
      const found = new Map<string, { entry: JsonObject; extension: Extension }>();
      await Promise.all(
        extensions.map(async extension => {
          for (const [path, entry] of Object.entries((await learn(indexes, extension)) ?? {})) found.set(path, { entry, extension });
        }),
      );
      return found;
    },
    async documents(extensions) {
      forget(extensions);
      const learned = await Promise.all(
        extensions.map(async extension => {
          const document = await learn(documents, extension);
          return document ? [own(document, extension)] : [];
        }),
      );
      return learned.flat();
    },
  };
};
