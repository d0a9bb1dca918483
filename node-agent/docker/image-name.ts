/** Image names as people write them: `busybox`, `ghcr.io/a/b:tag`, `name@sha256:...`. Rules: distribution `reference` package. */
export interface ImageName {
  /** Where it is pulled from: `docker.io` unless the name says otherwise. */
  registry: string;
  /** Name without tag and digest, as it was written. */
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
}

const form =
  /^((?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)(?::([\w][\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$/;

/** Undefined for a name that no registry could serve. */
export const parseImageName = (name: string): ImageName | undefined => {
  if (name.length > 512) return undefined;
  const match = form.exec(name);
  const repository = match?.[1];
  if (!match || repository === undefined) return undefined;
  const head = repository.split('/')[0] ?? '';
  const hasRegistry = repository.includes('/') && (head.includes('.') || head.includes(':') || head === 'localhost');
  return { registry: hasRegistry ? head : 'docker.io', repository, tag: match[2], digest: match[3] };
};

/** The name with `:latest` where it has neither tag nor digest. */
export const withDefaultTag = (name: string): string | undefined => {
  const parsed = parseImageName(name);
  if (!parsed) return undefined;
  return parsed.tag === undefined && parsed.digest === undefined ? `${name}:latest` : name;
};
