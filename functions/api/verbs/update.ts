/** PUT of an object, or of one of its subresources that has the object's own form (status, ephemeralcontainers, resize, approval). */

import type { KubeObject } from '../../../kinds/object.ts';
import { badRequest, notFound } from '../../../kinds/status.ts';
import { attributesOf, authorizeAttributes } from '../authorize.ts';
import { decodeObject } from '../body.ts';
import { type Answer, type Call, type Exchange, groupResource, type WriteOptions } from '../context.ts';
import { renewManagedFields } from '../managed-fields.ts';
import { writeOptions } from '../options.ts';
import { wrongIdentity } from '../precondition.ts';
import type { Written } from '../store.ts';
import { applyDefaults, dedupOwners, ensureNamespace, keepForeignParts, resetStatus, wipeSystemMetadata } from '../strategy.ts';
import { copyJson } from '../wire.ts';
import { answerOf, updateObject } from '../write.ts';

/** The name in the object must be the one in the path. */
export const checkName = (call: Call, object: KubeObject): void => {
  const { name } = object.metadata;
  if (!name) throw badRequest(`the name of the object (${call.name} based on URL) was undeterminable: name must be provided`);
  if (name !== call.name) throw badRequest(`the name of the object (${name}) does not match the name on the URL (${call.name})`);
};

/** An update or patch that creates needs the permission to create. */
export const creating = (exchange: Exchange): Exchange => ({
  ...exchange,
  mayCreate: () => authorizeAttributes(exchange.services.authorizer, { ...attributesOf(exchange.user, exchange.info), verb: 'create' }),
});

export const update = async (exchange: Exchange): Promise<Answer> => {
  const { request, info, resource } = exchange;
  const options = writeOptions('UpdateOptions', info.query, request.headers.get('user-agent'));
  const object = await decodeObject(exchange, resource, options.fieldValidation);
  applyDefaults(resource, object);
  return answerOf(exchange, await replaceObject(creating(exchange), object, options));
};

/** `object` is the call's own copy, complete with defaults. */
export const replaceObject = async (call: Call, object: KubeObject, options: WriteOptions): Promise<Written> => {
  ensureNamespace(call, object);
  checkName(call, object);
  dedupOwners(call, object);
  const { uid } = object.metadata;
  return updateObject(call, options, async (previous, attempt) => {
    const next = attempt === 0 ? object : copyJson(object);
    if (!previous) {
      if (call.subresource || !call.resource.strategy.allowCreateOnUpdate) throw notFound(groupResource(call.resource), call.name);
      if (uid) throw wrongIdentity(call, uid, '', options.dryRun);
      await call.mayCreate?.();
      wipeSystemMetadata(next);
      delete next.metadata.resourceVersion;
      resetStatus(call.resource, next);
      await renewManagedFields(call, options, next, undefined);
      return next;
    }
    const stored = previous.object.metadata.uid ?? '';
    if (uid && uid !== stored) throw wrongIdentity(call, uid, stored, options.dryRun);
    await renewManagedFields(call, options, next, previous.object);
    keepForeignParts(call, next, previous.object);
    return next;
  });
};
