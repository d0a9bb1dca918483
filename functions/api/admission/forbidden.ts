/** A plugin's refusal (apiserver `pkg/admission/errors.go`): by the prefix of a name that is yet to be generated, where there is no other. */
import { forbidden, type StatusError } from '../../../kinds/status.ts';
import type { AdmissionRequest } from '../admission.ts';

export const refused = ({ resource, name, object }: AdmissionRequest, why: string): StatusError =>
  forbidden({ group: resource.group, resource: resource.resource }, name || object?.metadata.generateName || '', why);
