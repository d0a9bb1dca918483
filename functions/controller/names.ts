/**
 * Names of what controllers make. A name comes from what the decision rests on, so that two copies that decide the same thing make the
 * same object, and it looks like one of upstream's (`web-5d59d67564-k2x9z`).
 */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const length = 5;
const room = alphabet.length ** length;
/** Not divisible by 3, as 27 is only by 3: `n * stride` then visits every number below `room` before it repeats one. */
const stride = 8_868_181;

/** FNV-1a, 32 bits. */
export const hash32 = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
};

/**
 * The suffix of the n-th object that an owner makes. One owner's suffixes never repeat within its first 14 million. `attempt` above 0 gives
 * another name for the same n, for where a stranger holds the first.
 */
export const nthSuffix = (ownerUid: string, n: number, attempt = 0): string => {
  const start = hash32(attempt === 0 ? ownerUid : `${ownerUid}/${n}/${attempt}`) % room;
  let number = Number((BigInt(n) * BigInt(stride) + BigInt(start)) % BigInt(room));
  let text = '';
  for (let i = 0; i < length; i++) {
    text += alphabet[number % alphabet.length];
    number = Math.floor(number / alphabet.length);
  }
  return text;
};

/** The longest part before a generated suffix (apiserver `names.maxGeneratedNameLength`). */
export const namePrefix = (base: string): string => base.slice(0, 63 - length);

/** Digits as upstream's `rand.SafeEncodeString` writes them, so that no word can come of a hash. */
export const safeEncode = (text: string): string => {
  let encoded = '';
  for (let i = 0; i < text.length; i++) encoded += alphabet[text.charCodeAt(i) % alphabet.length];
  return encoded;
};
