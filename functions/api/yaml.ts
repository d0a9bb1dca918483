/** YAML as sigs.k8s.io/yaml writes it: keys sorted, no references. The library is loaded when somebody first asks for YAML. */

export const yamlOf = async (value: unknown): Promise<string> => {
  const { dump } = await import('js-yaml');
  // Serialised first: the library refuses members that are undefined.
  return dump(JSON.parse(JSON.stringify(value)), { sortKeys: true, noRefs: true, lineWidth: -1, noArrayIndent: true, quotingType: '"' });
};
