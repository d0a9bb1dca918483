/** The order in which versions of an API are preferred: v10, v2, v1, v11beta2, v3beta1, v1alpha1, then all others by name (apimachinery `pkg/version`). */
const form = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/;
const stability: Record<string, number> = { alpha: 1, beta: 2 };

interface Parsed {
  readonly stage: number;
  readonly major: number;
  readonly minor: number;
}

const parse = (version: string): Parsed | undefined => {
  const match = form.exec(version);
  if (!match) return undefined;
  return { stage: stability[match[2] ?? ''] ?? 3, major: Number(match[1]), minor: Number(match[3] ?? 0) };
};

/** Negative where `a` is preferred. */
export const compareVersions = (a: string, b: string): number => {
  const one = parse(a);
  const other = parse(b);
  if (one && other) return other.stage - one.stage || other.major - one.major || other.minor - one.minor;
  if (one) return -1;
  if (other) return 1;
  return a < b ? -1 : a > b ? 1 : 0;
};
