/** The three patches of the API. Each returns a new value, leaves its inputs as they are, and throws a StatusError as the API server does. */
export { jsonPatch } from './json-patch.ts';
export { mergePatch } from './merge-patch.ts';
export { strategicMergePatch } from './strategic-merge-patch.ts';
