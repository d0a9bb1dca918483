/**
 * Docker sends stdout and stderr of a container without a terminal in one stream, in frames of an 8-byte header (stream number,
 * three zeros, big-endian length) and a payload. Chunks may end anywhere.
 */
export interface Frame {
  stream: 'stdout' | 'stderr';
  data: Buffer;
}

export const createFrameReader = (): ((chunk: Buffer) => Frame[]) => {
  let rest: Buffer = Buffer.alloc(0);
  // Inside a payload: how much of it is still to come. Payloads are handed on as they arrive, never collected.
  let remaining = 0;
  let stream: Frame['stream'] = 'stdout';
  return chunk => {
    const frames: Frame[] = [];
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      if (remaining === 0) {
        if (rest.length < 8) return frames;
        stream = rest[0] === 2 ? 'stderr' : 'stdout';
        remaining = rest.readUInt32BE(4);
        rest = rest.subarray(8);
        continue;
      }
      if (rest.length === 0) return frames;
      const data = rest.subarray(0, remaining);
      frames.push({ stream, data });
      remaining -= data.length;
      rest = rest.subarray(data.length);
    }
  };
};
