import type { Resource } from './resource.ts';

/** Kinds whose DELETE answers with the object as it was (`ReturnDeletedObject` upstream); all others with a Status. */
const answersWithObject = new Set([
  'namespaces',
  'persistentvolumeclaims',
  'persistentvolumes',
  'pods',
  'podtemplates',
  'resourcequotas',
  'serviceaccounts',
  'services',
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'storageclasses.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'volumeattributesclasses.storage.k8s.io',
]);
const answersWithObjectGroups = new Set(['resource.k8s.io']);

export const answersDeletionWithObject = ({ storage }: Resource): boolean =>
  answersWithObject.has(storage.name) || answersWithObjectGroups.has(storage.group);
