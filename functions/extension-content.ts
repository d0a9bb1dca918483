/**
 * The port through which controllers of everything (namespaces, garbage) see the objects that extension API servers hold, which no replica
 * has. With none registered nothing is asked.
 */
import type { ObjectMeta } from '../kinds/object.ts';

/** One that can be listed and deleted, in the version its group prefers. */
export interface ExtensionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export interface ExtensionDiscovered {
  readonly resources: readonly ExtensionResource[];
  /** Group versions that did not say what they serve. */
  readonly failed: readonly { readonly groupVersion: string; readonly message: string }[];
}

/** Rejects where a server does not answer, or refuses. */
export interface ExtensionContent {
  discover(): Promise<ExtensionDiscovered>;
  /** Of one namespace, or of all for an empty one. */
  list(resource: ExtensionResource, namespace: string): Promise<readonly ObjectMeta[]>;
  /** Undefined: it is not there. */
  get(resource: ExtensionResource, namespace: string, name: string): Promise<ObjectMeta | undefined>;
  /** One that is gone, or another by now, is no error. */
  delete(resource: ExtensionResource, metadata: ObjectMeta, propagationPolicy: 'Background' | 'Foreground' | 'Orphan'): Promise<void>;
  /** Only over the revision that was seen. */
  setFinalizers(resource: ExtensionResource, metadata: ObjectMeta, finalizers: readonly string[]): Promise<void>;
}

/** One view an identity: `as('namespace-controller')` asks as that service account of `kube-system`. */
export interface ExtensionContents {
  as(serviceAccount: string): ExtensionContent;
}

export const noExtensionContents: ExtensionContents = {
  as: () => ({
    discover: async () => ({ resources: [], failed: [] }),
    list: async () => [],
    get: async () => undefined,
    delete: async () => undefined,
    setFinalizers: async () => undefined,
  }),
};
