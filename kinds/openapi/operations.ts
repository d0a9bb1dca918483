/** Which paths a resource has and what each method on them does, in neither OpenAPI version's words. */

import { answersDeletionWithObject } from '../deletion.ts';
import type { Resource, Subresource } from '../resource.ts';
import { compiledDefinition, definitionOf } from '../schema/data.ts';
import { customName, isBuiltIn, listKindOf } from './schemas.ts';

export const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly type: string;
  /** Definition and field whose description it shares; or its own text. */
  readonly describedBy?: readonly [definition: string, field: string];
  readonly description?: string;
}

export interface Operation {
  readonly id: string;
  readonly description: string;
  readonly tag: string;
  /** Absent: of no resource. */
  readonly action?: string;
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
  readonly parameters: readonly Parameter[];
  /** Definition of the request's body. */
  readonly body?: { readonly definition: string; readonly required: boolean };
  readonly consumes?: readonly string[];
  readonly produces: readonly string[];
  /** Status code -> definition; undefined: text. */
  readonly responses: ReadonlyMap<number, string | undefined>;
}

export interface PathItem {
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly methods: ReadonlyMap<string, Operation>;
}

export const objectTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const listTypes = [...objectTypes, 'application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];
const customPatches = ['application/json-patch+json', 'application/merge-patch+json'];
const applyPatch = 'application/apply-patch+yaml';
const builtInPatches = [...customPatches, 'application/strategic-merge-patch+json'];

/** The query parameters that an options kind makes; their types come from its fields. */
const optionsOf = (definition: string, only?: readonly string[]): Parameter[] => {
  const fields = compiledDefinition(definition)?.p ?? {};
  return Object.keys(fields)
    .filter(name => name !== 'apiVersion' && name !== 'kind' && (only?.includes(name) ?? true))
    .sort()
    .map((name): Parameter => {
      const type = fields[name]?.i?.t ?? fields[name]?.t;
      return { name, in: 'query', type: type === 'boolean' || type === 'integer' ? type : 'string', describedBy: [definition, name] };
    });
};

const listParameters = (): Parameter[] => optionsOf(`${meta}.ListOptions`);
const deleteNames = [
  'dryRun',
  'gracePeriodSeconds',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
  'orphanDependents',
  'propagationPolicy',
];
const deleteParameters = (): Parameter[] => optionsOf(`${meta}.DeleteOptions`, deleteNames);
const collectionParameters = (): Parameter[] =>
  [...listParameters().filter(({ name }) => name !== 'watch' && name !== 'allowWatchBookmarks'), ...deleteParameters()].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
const writeParameters = (): Parameter[] => optionsOf(`${meta}.CreateOptions`);
const patchParameters = (): Parameter[] => optionsOf(`${meta}.PatchOptions`);

const pretty: Parameter = {
  name: 'pretty',
  in: 'query',
  type: 'string',
  description:
    "If 'true', then the output is pretty printed. Defaults to 'false' unless the user-agent indicates a browser or command-line HTTP tool (curl and wget).",
};
const namespace: Parameter = {
  name: 'namespace',
  in: 'path',
  type: 'string',
  description: 'object name and auth scope, such as for teams and projects',
};

/** As upstream speaks of a kind: plural ones have no article. */
const articled = (kind: string): string => {
  if (kind.endsWith('s') && !kind.endsWith('ss')) return kind;
  return `${/^[aeiou]/i.test(kind) ? 'an' : 'a'} ${kind}`;
};

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
export const groupWords = (group: string): string[] => (group === '' ? ['core'] : group.replace(/\.k8s\.io$/, '').split('.'));

/** Subresources that hand the connection on instead of reading or writing an object. */
const connects = new Set(['exec', 'attach', 'portforward', 'proxy']);
const connectMethods: Record<string, readonly string[]> = { proxy: ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'] };

export const definitionName = (resource: Resource, kind = resource.kind): string =>
  isBuiltIn(resource)
    ? (definitionOf(resource.group ? `${resource.group}/${resource.version}` : resource.version, kind)?.definition ?? `${meta}.Status`)
    : customName(resource, kind);

class Writer {
  readonly #resource: Resource;
  readonly #ids: string;
  readonly #tag: string;
  readonly #scope: string;
  readonly #kind: { group: string; version: string; kind: string };
  readonly #definition: string;
  readonly #patches: readonly string[];

  constructor(resource: Resource) {
    const { group, version, kind, namespaced } = resource;
    const words = groupWords(group);
    this.#resource = resource;
    this.#ids = words.map(capital).join('') + capital(version);
    this.#tag = `${words.map((word, i) => (i > 0 ? capital(word) : word)).join('')}_${version}`;
    this.#scope = namespaced ? 'Namespaced' : '';
    this.#kind = { group, version, kind };
    this.#definition = definitionName(resource);
    this.#patches = isBuiltIn(resource) ? builtInPatches : customPatches;
  }

  #operation(given: Pick<Operation, 'id' | 'description' | 'action' | 'responses'> & Partial<Operation>): Operation {
    return { tag: this.#tag, kind: this.#kind, parameters: [], produces: objectTypes, ...given };
  }

  #returns(definition: string | undefined, ...codes: number[]): ReadonlyMap<number, string | undefined> {
    return new Map(codes.map(code => [code, definition]));
  }

  #list(id: string, parameters: Parameter[]): Operation {
    const { kind, verbs } = this.#resource;
    return this.#operation({
      id,
      description: `${verbs.includes('watch') ? 'list or watch' : 'list'} objects of kind ${kind}`,
      action: 'list',
      parameters,
      produces: listTypes,
      responses: this.#returns(definitionName(this.#resource, listKindOf(this.#resource)), 200),
    });
  }

  collection(): Map<string, Operation> {
    const { verbs, kind } = this.#resource;
    const methods = new Map<string, Operation>();
    const name = `${this.#scope}${kind}`;
    if (verbs.includes('list')) methods.set('get', this.#list(`list${this.#ids}${name}`, listParameters()));
    if (verbs.includes('create'))
      methods.set(
        'post',
        this.#operation({
          id: `create${this.#ids}${name}`,
          description: `create ${articled(kind)}`,
          action: 'post',
          parameters: writeParameters(),
          body: { definition: this.#definition, required: true },
          responses: this.#returns(this.#definition, 200, 201, 202),
        }),
      );
    if (verbs.includes('deletecollection'))
      methods.set(
        'delete',
        this.#operation({
          id: `delete${this.#ids}Collection${name}`,
          description: `delete collection of ${kind}`,
          action: 'deletecollection',
          parameters: collectionParameters(),
          body: { definition: `${meta}.DeleteOptions`, required: false },
          responses: this.#returns(`${meta}.Status`, 200),
        }),
      );
    return methods;
  }

  everywhere(): Map<string, Operation> {
    return new Map([['get', this.#list(`list${this.#ids}${this.#resource.kind}ForAllNamespaces`, listParameters())]]);
  }

  #write(verb: 'replace' | 'patch', suffix: string, of: string, definition: string, kind: Operation['kind']): Operation {
    const patch = verb === 'patch';
    return this.#operation({
      id: `${verb}${this.#ids}${this.#scope}${this.#resource.kind}${suffix}`,
      description: `${patch ? 'partially update' : 'replace'} ${of}the specified ${this.#resource.kind}`,
      action: patch ? 'patch' : 'put',
      ...(kind ? { kind } : {}),
      parameters: patch ? patchParameters() : writeParameters(),
      body: { definition: patch ? `${meta}.Patch` : definition, required: true },
      ...(patch ? { consumes: [...this.#patches, applyPatch] } : {}),
      responses: this.#returns(definition, 200, 201),
    });
  }

  #read(suffix: string, of: string, definition: string | undefined, kind: Operation['kind']): Operation {
    return this.#operation({
      id: `read${this.#ids}${this.#scope}${this.#resource.kind}${suffix}`,
      description: `read ${of}the specified ${this.#resource.kind}`,
      action: 'get',
      ...(kind ? { kind } : {}),
      responses: this.#returns(definition, 200),
    });
  }

  item(): Map<string, Operation> {
    const { verbs, kind } = this.#resource;
    const methods = new Map<string, Operation>();
    if (verbs.includes('get')) methods.set('get', this.#read('', '', this.#definition, undefined));
    if (verbs.includes('update')) methods.set('put', this.#write('replace', '', '', this.#definition, undefined));
    if (verbs.includes('patch')) methods.set('patch', this.#write('patch', '', '', this.#definition, undefined));
    if (verbs.includes('delete'))
      methods.set(
        'delete',
        this.#operation({
          id: `delete${this.#ids}${this.#scope}${kind}`,
          description: `delete ${articled(kind)}`,
          action: 'delete',
          parameters: deleteParameters(),
          body: { definition: `${meta}.DeleteOptions`, required: false },
          responses: this.#returns(
            answersDeletionWithObject(this.#resource) && kind !== 'Namespace' ? this.#definition : `${meta}.Status`,
            200,
            202,
          ),
        }),
      );
    return methods;
  }

  subresource(subresource: Subresource): Map<string, Operation> {
    const resource = this.#resource;
    const kind = { group: subresource.group ?? resource.group, version: subresource.version ?? resource.version, kind: subresource.kind };
    const apiVersion = kind.group ? `${kind.group}/${kind.version}` : kind.version;
    const definition =
      subresource.kind === resource.kind ? this.#definition : (definitionOf(apiVersion, subresource.kind)?.definition ?? `${meta}.Status`);
    const suffix = capital(subresource.name);
    const methods = new Map<string, Operation>();
    if (subresource.name === 'log') {
      const read = this.#read(suffix, 'log of ', undefined, kind);
      methods.set('get', { ...read, produces: ['text/plain', ...objectTypes] });
      return methods;
    }
    if (subresource.verbs.includes('get')) methods.set('get', this.#read(suffix, `${subresource.name} of `, definition, kind));
    if (subresource.verbs.includes('update'))
      methods.set('put', this.#write('replace', suffix, `${subresource.name} of `, definition, kind));
    if (subresource.verbs.includes('patch'))
      methods.set('patch', this.#write('patch', suffix, `${subresource.name} of `, definition, kind));
    if (subresource.verbs.includes('create'))
      methods.set(
        'post',
        this.#operation({
          id: `create${this.#ids}${this.#scope}${resource.kind}${suffix}`,
          description: `create ${subresource.name} of ${articled(resource.kind)}`,
          action: 'post',
          kind,
          parameters: writeParameters(),
          body: { definition, required: true },
          responses: this.#returns(definition, 200, 201, 202),
        }),
      );
    return methods;
  }

  /** The way of old to watch: a path of its own. */
  watch(what: 'all' | 'list' | 'item'): Map<string, Operation> {
    const { kind } = this.#resource;
    const name = { all: `${kind}ListForAllNamespaces`, list: `${this.#scope}${kind}List`, item: `${this.#scope}${kind}` }[what];
    const instead = "deprecated: use the 'watch' parameter with a list operation instead";
    const one = what === 'item';
    const watch = this.#operation({
      id: `watch${this.#ids}${name}`,
      description: one
        ? `watch changes to an object of kind ${kind}. ${instead}, filtered to a single item with the 'fieldSelector' parameter.`
        : `watch individual changes to a list of ${kind}. ${instead}.`,
      action: one ? 'watch' : 'watchlist',
      parameters: listParameters(),
      produces: listTypes,
      responses: this.#returns(`${meta}.WatchEvent`, 200),
    });
    return new Map([['get', watch]]);
  }

  connect(subresource: Subresource, withPath: boolean): Map<string, Operation> {
    const { kind, group, version } = this.#resource;
    const methods = connectMethods[subresource.name] ?? ['get', 'post'];
    return new Map(
      methods.map((method): [string, Operation] => [
        method,
        this.#operation({
          id: `connect${this.#ids}${capital(method)}${this.#scope}${kind}${capital(subresource.name)}${withPath ? 'WithPath' : ''}`,
          description: `connect ${method.toUpperCase()} requests to ${subresource.name} of ${kind}`,
          action: 'connect',
          kind: { group, version, kind: subresource.kind },
          produces: ['*/*'],
          responses: this.#returns(undefined, 200),
        }),
      ]),
    );
  }
}

/** The options kind that a connecting subresource, or the log, takes as query parameters. */
const optionsKind = (subresource: Subresource): string =>
  `io.k8s.api.core.v1.${subresource.name === 'log' ? 'PodLogOptions' : subresource.kind}`;

export const pathsOf = (resource: Resource): PathItem[] => {
  const writer = new Writer(resource);
  const { group, version, namespaced, verbs, kind } = resource;
  const base = group ? `/apis/${group}/${version}` : `/api/${version}`;
  const inScope = `${base}${namespaced ? '/namespaces/{namespace}' : ''}/${resource.resource}`;
  const scope = namespaced ? [namespace] : [];
  const item: Parameter[] = [{ name: 'name', in: 'path', type: 'string', description: `name of the ${kind}` }, ...scope];
  const paths: PathItem[] = [];
  const add = (path: string, parameters: Parameter[], methods: Map<string, Operation>) => {
    if (methods.size > 0) paths.push(withShared({ path, parameters, methods }));
  };
  add(inScope, [...scope, pretty], writer.collection());
  if (namespaced && verbs.includes('list')) add(`${base}/${resource.resource}`, [pretty], writer.everywhere());
  add(`${inScope}/{name}`, [...item, pretty], writer.item());
  for (const subresource of resource.subresources) {
    const path = `${inScope}/{name}/${subresource.name}`;
    const item: Parameter[] = [{ name: 'name', in: 'path', type: 'string', description: `name of the ${subresource.kind}` }, ...scope];
    if (connects.has(subresource.name)) {
      const options = optionsOf(optionsKind(subresource));
      add(path, [...item, ...options], writer.connect(subresource, false));
      const rest: Parameter = { name: 'path', in: 'path', type: 'string', description: 'path to the resource' };
      if (subresource.name === 'proxy') add(`${path}/{path}`, [...item, rest, ...options], writer.connect(subresource, true));
    } else if (subresource.name === 'log')
      add(path, [...item, ...optionsOf(optionsKind(subresource)), pretty], writer.subresource(subresource));
    else add(path, [...item, pretty], writer.subresource(subresource));
  }
  if (!verbs.includes('watch') || !isBuiltIn(resource)) return paths;
  const watched = inScope.replace(base, `${base}/watch`);
  if (namespaced) add(`${base}/watch/${resource.resource}`, [pretty], writer.watch('all'));
  add(watched, [...scope, pretty], writer.watch('list'));
  if (verbs.includes('get')) add(`${watched}/{name}`, [...item, pretty], writer.watch('item'));
  return paths;
};

/** What all methods take is said once for the path, so all of it where there is one method; in the order of names. */
const withShared = ({ path, parameters, methods }: PathItem): PathItem => {
  const [only, ...more] = methods;
  const alone = only !== undefined && more.length === 0;
  const all = alone ? [...parameters, ...only[1].parameters] : [...parameters];
  all.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { path, parameters: all, methods: alone ? new Map([[only[0], { ...only[1], parameters: [] }]]) : methods };
};
