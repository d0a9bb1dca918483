/**
 * The KeyEncryption port: a key that protects other keys and never leaves its keeper (a file on this machine, a key management service). Values
 * are encrypted with data keys made here; a data key is stored beside each value, wrapped.
 *
 * - `unwrap(wrap(dataKey))` is the data key, in every copy and after every restart, for as long as any value is stored under it.
 * - What another key wrapped, or nobody, is refused.
 */
export interface KeyEncryption {
  /** Stored beside what it wrapped, so that the right one is asked; up to 255 bytes, the same in every copy, never that of another key. */
  readonly id: string;
  wrap(dataKey: Uint8Array): Promise<Uint8Array>;
  unwrap(wrapped: Uint8Array): Promise<Uint8Array>;
}
