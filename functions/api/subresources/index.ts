/** Subresources by name, and the creations that store nothing (reviews, bindings) by resource. */
import type { Handler } from '../route.ts';
import { get } from '../verbs/get.ts';
import { patch } from '../verbs/patch.ts';
import { update } from '../verbs/update.ts';
import { localSubjectAccessReview, selfSubjectAccessReview, selfSubjectRulesReview, subjectAccessReview } from './access-reviews.ts';
import { bind, bindByBody } from './binding.ts';
import { evict } from './eviction.ts';
import { selfSubjectReview, tokenReview } from './identity-reviews.ts';
import { log } from './log.ts';
import { getScale, patchScale, updateScale } from './scale.ts';
import { connect } from './streams.ts';
import { createToken } from './token.ts';

/** The object itself, through a door that lets only a part of it change. */
const partOfObject = { get, update, patch };
const streamed = { get: connect, create: connect };

export const subresources: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  status: partOfObject,
  approval: partOfObject,
  ephemeralcontainers: partOfObject,
  resize: partOfObject,
  finalize: { update },
  scale: { get: getScale, update: updateScale, patch: patchScale },
  binding: { create: bind },
  eviction: { create: evict },
  log: { get: log },
  token: { create: createToken },
  exec: streamed,
  attach: streamed,
  portforward: streamed,
};

/** By resource and group. */
export const reviews: Readonly<Record<string, Handler>> = {
  'bindings.': bindByBody,
  'subjectaccessreviews.authorization.k8s.io': subjectAccessReview,
  'selfsubjectaccessreviews.authorization.k8s.io': selfSubjectAccessReview,
  'localsubjectaccessreviews.authorization.k8s.io': localSubjectAccessReview,
  'selfsubjectrulesreviews.authorization.k8s.io': selfSubjectRulesReview,
  'selfsubjectreviews.authentication.k8s.io': selfSubjectReview,
  'tokenreviews.authentication.k8s.io': tokenReview,
};
