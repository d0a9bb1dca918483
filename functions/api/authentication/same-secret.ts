/** Compares secrets in a time that tells nothing but their length. */
import { timingSafeEqual } from 'node:crypto';

export const sameSecret = (one: Buffer, other: Buffer): boolean => one.length === other.length && timingSafeEqual(one, other);
