/** Time, randomness and logging come in through constructors, never from globals, so that a whole cluster can run on virtual time. */

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls back once after `ms` milliseconds; the answer cancels it. */
  after(ms: number, callback: () => void): () => void;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** An RFC 4122 version 4 UUID. */
  uuid(): string;
}

type Fields = Record<string, unknown>;
/** One structured line a call: a constant message plus fields. Never a Secret. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  child(fields: Fields): Logger;
}

let latest = { second: Number.NaN, text: '' };
/** RFC 3339 with whole seconds, the form of `metav1.Time`. A write needs several, nearly always of the same second. */
export const timestamp = (ms: number): string => {
  const second = Math.floor(ms / 1000);
  if (second !== latest.second) latest = { second, text: `${new Date(ms).toISOString().slice(0, 19)}Z` };
  return latest.text;
};
/** RFC 3339 with microseconds, the form of `metav1.MicroTime`. */
export const microTimestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 23)}000Z`;

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
/** A suffix without vowels or look-alikes, as apimachinery's `rand.String` makes them. */
export const randomSuffix = (random: Random, length = 5): string => {
  let text = '';
  for (let i = 0; i < length; i++) text += alphabet[Math.floor(random.next() * alphabet.length)];
  return text;
};
