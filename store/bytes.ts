/**
 * Bytes that outlive the call they came with. Node cuts small buffers out of shared pools, and one small slice would keep its whole pool in
 * memory, so what is kept gets memory of its own unless it has that already.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength - bytes.byteLength <= 128) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.byteLength);
  own.set(bytes);
  return own;
}

export function textOf(bytes: Uint8Array): string {
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString('utf8');
}
