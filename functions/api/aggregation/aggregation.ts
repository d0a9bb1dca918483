/** Everything that this server does for the extension API servers behind it. Composition only. */
import type { ExtensionDiscovery } from '../../../kinds/discovery-merge.ts';
import type { Clock } from '../../../kinds/environment.ts';
import type { Extension, Extensions, Priority } from '../../extensions.ts';
import type { ApiRequest, ApiResponse, Connection, UpgradeTarget, User } from '../types.ts';
import { askExtension, type ExtensionAnswer, type Question } from './ask-extension.ts';
import { extensionDiscovery } from './discovery.ts';
import { destinationOf, type FrontProxyOptions, forward } from './front-proxy.ts';
import { type ExtensionOpenApi, extensionOpenApi } from './openapi.ts';
import { probe } from './probe.ts';

export interface From {
  readonly request: ApiRequest;
  readonly connection: Connection;
  readonly user: User;
}

export interface Aggregation {
  /** All that are registered, whether they answer or not. */
  all(): readonly Extension[];
  /** Whose path this is, if it is an extension's. */
  serving(path: string): Extension | undefined;
  priority(group: string, version: string): Priority;
  forward(extension: Extension, from: From): Promise<ApiResponse>;
  upgrade(extension: Extension, from: From): Promise<UpgradeTarget>;
  /** Of all; never rejects. */
  discovery(): Promise<readonly ExtensionDiscovery[]>;
  readonly openApi: ExtensionOpenApi;
  /** Undefined: it answers. Otherwise why not. */
  probe(extension: Extension): Promise<string | undefined>;
  ask(extension: Extension, question: Question): Promise<ExtensionAnswer>;
}

/** `/apis/{group}/{version}` and all below it; the one without a group has `/api`. */
const placeOf = (path: string): { group: string; version: string } | undefined => {
  const [, root, group = '', version = ''] = path.split('/', 4);
  if (root === 'apis' && group && version) return { group, version };
  return root === 'api' ? { group: '', version: 'v1' } : undefined;
};

export const createAggregation = (options: FrontProxyOptions & { readonly extensions: Extensions; readonly clock: Clock }): Aggregation => {
  const { extensions } = options;
  const discovery = extensionDiscovery(options);
  return {
    all: () => extensions.all(),
    priority: (group, version) => extensions.priority(group, version),
    serving(path) {
      if (extensions.all().length === 0) return undefined;
      const place = placeOf(path);
      return place && extensions.find(place.group, place.version);
    },
    forward: (extension, from) => forward(options, extension, from),
    upgrade: (extension, from) => destinationOf(options, extension, { ...from, upgrade: true }),
    discovery: () => discovery(extensions.all()),
    openApi: extensionOpenApi(options),
    probe: extension => probe(options, extension),
    ask: (extension, question) => askExtension(options, extension, question),
  };
};
