/**
 * The tag of an image reference, by the grammar of `github.com/distribution/reference`. All that the API wants to know is
 * whether it is `latest`, spelled out or implied.
 */
const alphanumeric = '[a-z0-9]+';
const component = `${alphanumeric}(?:(?:[._]|__|-+)${alphanumeric})*`;
const hostLabel = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const host = `(?:${hostLabel}(?:\\.${hostLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const reference = new RegExp(
  `^((?:${host}/)?${component}(?:/${component})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`,
);
const longestReference = 1024;
const longestName = 255;
const identifier = /^[a-f0-9]{64}$/;
/** Images repeat: every pod of a workload has the same. Bounded, so that no client can fill the memory. */
const known = new Map<string, string>();

const parse = (image: string): string => {
  if (image.length > longestReference || identifier.test(image)) return '';
  const match = reference.exec(image);
  if (!match || (match[1]?.length ?? 0) > longestName) return '';
  return match[2] ?? (match[3] ? '' : 'latest');
};

/** `latest` where the reference has neither tag nor digest; empty where there is none to speak of (a digest, or no valid reference). */
export const imageTag = (image: string): string => {
  const cached = known.get(image);
  if (cached !== undefined) return cached;
  const tag = parse(image);
  if (known.size >= 1024) known.clear();
  known.set(image, tag);
  return tag;
};
/** What an absent pull policy means. */
export const defaultPullPolicy = (image: string | undefined): string => (imageTag(image ?? '') === 'latest' ? 'Always' : 'IfNotPresent');
