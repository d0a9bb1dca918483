/** One version of a definition as a served resource. */
import type { Resource, Subresource } from '../resource.ts';
import { apiVersionOf } from '../resource.ts';
import type { Schema } from '../schema/schema.ts';
import { WebhookConversion } from './conversion.ts';
import { conditionHolds, type DefinedVersion, type Definition } from './definition.ts';
import { schemaOf } from './schema.ts';
import { formsOf } from './stored.ts';
import { strategyOf } from './strategy.ts';
import { columnsOf } from './table.ts';
import { compareVersions } from './versions.ts';

const verbs = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
/** While its definition is being deleted. */
const lastVerbs = ['delete', 'deletecollection', 'get', 'list', 'watch'];
const ofSubresource = ['get', 'patch', 'update'];

const subresourcesOf = (version: DefinedVersion, kind: string): Subresource[] => {
  const { status, scale } = version.subresources ?? {};
  return [
    ...(status ? [{ name: 'status', kind, verbs: ofSubresource }] : []),
    ...(scale ? [{ name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ofSubresource }] : []),
  ];
};

const deprecationOf = ({ spec }: Definition, version: DefinedVersion, kind: string): string[] => {
  if (!version.deprecated) return [];
  if (version.deprecationWarning !== undefined) return [version.deprecationWarning];
  const better = spec.versions
    .filter(({ served, deprecated, name }) => served && !deprecated && compareVersions(name, version.name) < 0)
    .map(({ name }) => name)
    .sort(compareVersions)[0];
  const text = `${spec.group}/${version.name} ${kind} is deprecated`;
  return [better ? `${text}; use ${spec.group}/${better} ${kind}` : text];
};

const lazy = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

/** All versions of a definition, served or not; schemas are converted when they are first needed. */
export const resourcesOf = (definition: Definition): { readonly resource: Resource; readonly served: boolean }[] => {
  const { spec, status } = definition;
  const { group, versions } = spec;
  const names = { ...spec.names, ...status?.acceptedNames };
  const { kind, plural } = names;
  const schemas = new Map<string, () => Schema>();
  for (const { name, schema } of versions)
    schemas.set(
      name,
      lazy(() => schemaOf(schema?.openAPIV3Schema, spec.preserveUnknownFields)),
    );
  const stored = versions.find(({ storage }) => storage)?.name ?? '';
  const webhook = spec.conversion?.strategy === 'Webhook' ? spec.conversion.webhook : undefined;
  const unknown = (): Schema => schemaOf(undefined);
  return versions.map(version => {
    const schema = schemas.get(version.name) ?? unknown;
    const forms = formsOf({
      served: apiVersionOf({ group, version: version.name }),
      stored: apiVersionOf({ group, version: stored }),
      servedSchema: schema,
      storedSchema: schemas.get(stored) ?? unknown,
      conversion: webhook
        ? new WebhookConversion({
            config: webhook,
            kind,
            served: apiVersionOf({ group, version: version.name }),
            stored: apiVersionOf({ group, version: stored }),
            servedSchema: schema,
            storedSchema: apiVersion => (schemas.get(apiVersion.slice(group.length + 1)) ?? unknown)(),
          })
        : undefined,
      // The generation counts changes of the spec, which holds the schemas.
      unchanged: definition.metadata.generation === 1,
    });
    const resource: Resource = {
      group,
      version: version.name,
      resource: plural,
      kind,
      listKind: names.listKind ?? `${kind}List`,
      singular: names.singular ?? kind.toLowerCase(),
      namespaced: spec.scope === 'Namespaced',
      preferred: false,
      verbs,
      shortNames: names.shortNames ?? [],
      categories: names.categories ?? [],
      subresources: subresourcesOf(version, kind),
      get schema() {
        return schema();
      },
      strategy: strategyOf({ definition, version, schema }),
      columns: columnsOf(version),
      storage: { name: `${plural}.${group}`, group, version: stored, kind, ...forms },
      ...(conditionHolds(definition, 'Terminating') ? { publishedVerbs: lastVerbs } : {}),
      warnings: deprecationOf(definition, version, kind),
    };
    return { resource, served: version.served };
  });
};
