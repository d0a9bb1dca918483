/** What changed between two values, for error texts: a head line, then one line for each field, old before new. */
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const collect = (before: unknown, after: unknown, path: string, lines: string[]): void => {
  if (before === after || lines.length > 60) return;
  if (isObject(before) && isObject(after) && Array.isArray(before) === Array.isArray(after)) {
    for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const step = Array.isArray(before) ? `${path}[${field}]` : path ? `${path}.${field}` : field;
      collect(
        Object.hasOwn(before, field) ? before[field] : undefined,
        Object.hasOwn(after, field) ? after[field] : undefined,
        step,
        lines,
      );
    }
    return;
  }
  if (before !== undefined) lines.push(`- ${path}: ${JSON.stringify(before)}`);
  if (after !== undefined) lines.push(`+ ${path}: ${JSON.stringify(after)}`);
};

export const difference = (before: unknown, after: unknown): string => {
  const lines: string[] = [];
  collect(before, after, '', lines);
  return ['@@ changed @@', ...lines].join('\n');
};
