/** Paths that lead to no resource but to documents about them. */
import type { Registry } from '../resource.ts';
import { capital, groupWords, meta, type Operation, objectTypes, type PathItem } from './operations.ts';
import { isBuiltIn } from './schemas.ts';

const document = (path: string, given: Omit<Operation, 'parameters' | 'responses'> & { readonly definition?: string }): PathItem => {
  const { definition, ...operation } = given;
  return { path, parameters: [], methods: new Map([['get', { ...operation, parameters: [], responses: new Map([[200, definition]]) }]]) };
};
const both = { consumes: objectTypes, produces: objectTypes };
const versions = { ...both, description: 'get available API versions' };

const fixed: readonly PathItem[] = [
  document('/.well-known/openid-configuration/', {
    id: 'getServiceAccountIssuerOpenIDConfiguration',
    description: "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
    tag: 'WellKnown',
    produces: ['application/json'],
  }),
  document('/api/', { ...versions, id: 'getCoreAPIVersions', tag: 'core', definition: `${meta}.APIVersions` }),
  document('/apis/', { ...versions, id: 'getAPIVersions', tag: 'apis', definition: `${meta}.APIGroupList` }),
  document('/openid/v1/jwks/', {
    id: 'getServiceAccountIssuerOpenIDKeyset',
    description: 'get service account issuer OpenID JSON Web Key Set (contains public token verification keys)',
    tag: 'openid',
    produces: ['application/jwk-set+json'],
  }),
  document('/version/', {
    id: 'getCodeVersion',
    description: 'get the version information for this server',
    tag: 'version',
    consumes: ['application/json'],
    produces: ['application/json'],
    definition: 'io.k8s.apimachinery.pkg.version.Info',
  }),
];

const joined = (words: readonly string[]): string => words.map((word, i) => (i > 0 ? capital(word) : word)).join('');

/** By the path of each document of version 3: `api`, `apis/apps`, `version`. Groups of custom kinds alone have none. */
export const documentPaths = (registry: Registry): Map<string, PathItem> => {
  const table = new Map(fixed.map(item => [item.path.slice(1, -1), item]));
  for (const { group } of registry.all().filter(isBuiltIn)) {
    const words = groupWords(group);
    if (group === '' || table.has(`apis/${group}`)) continue;
    const id = `get${words.map(capital).join('')}APIGroup`;
    const about = { ...both, description: 'get information of a group', definition: `${meta}.APIGroup` };
    table.set(`apis/${group}`, document(`/apis/${group}/`, { ...about, id, tag: joined(words) }));
  }
  return table;
};

/** The list of a group version's resources. */
export const resourceListPath = (group: string, version: string): PathItem => {
  const words = groupWords(group);
  return document(group ? `/apis/${group}/${version}/` : `/api/${version}/`, {
    ...both,
    id: `get${words.map(capital).join('')}${capital(version)}APIResources`,
    description: 'get available resources',
    tag: `${joined(words)}_${version}`,
    definition: `${meta}.APIResourceList`,
  });
};
