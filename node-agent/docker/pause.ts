/**
 * The process that keeps a pod's namespaces open while its containers come and go: a static ELF of under 200 bytes, made here
 * so that a node needs no registry before its first pod. It ignores SIGCHLD, so that the kernel reaps the orphans of a shared
 * process namespace, and then sleeps for ever.
 */
export type Architecture = 'x64' | 'arm64';

const x64 = Uint8Array.from([
  ...[0x31, 0xd2], // xor edx, edx             no old action wanted
  ...[0x52, 0x52, 0x52], // push rdx (3x)      mask, restorer, flags: none
  ...[0x6a, 0x01], // push 1                   SIG_IGN
  ...[0x48, 0x89, 0xe6], // mov rsi, rsp       the action just pushed
  ...[0x8d, 0x7a, 0x11], // lea edi, [rdx+17]  SIGCHLD
  ...[0x4c, 0x8d, 0x52, 0x08], // lea r10, [rdx+8]  size of a signal set
  ...[0x6a, 0x0d, 0x58, 0x0f, 0x05], // rt_sigaction (13)
  ...[0x6a, 0x22, 0x58, 0x0f, 0x05], // again: pause (34)
  ...[0xeb, 0xf9], // jmp again
]);

const words = (...instructions: number[]): Uint8Array => {
  const bytes = new DataView(new ArrayBuffer(instructions.length * 4));
  instructions.forEach((word, at) => {
    bytes.setUint32(at * 4, word >>> 0, true);
  });
  return new Uint8Array(bytes.buffer);
};
/** movz Xd, #value */
const movz = (register: number, value: number): number => 0xd2800000 | (value << 5) | register;
const svc = 0xd4000001;

const arm64 = words(
  movz(9, 1), // SIG_IGN
  0xa9be7fe9, // stp x9, xzr, [sp, #-32]!   handler and flags
  0xa9017fff, // stp xzr, xzr, [sp, #16]
  movz(0, 17), // SIGCHLD
  0x910003e1, // mov x1, sp
  movz(2, 0),
  movz(3, 8), // size of a signal set
  movz(8, 134), // rt_sigaction
  svc,
  movz(0, 0), // again: ppoll(null, 0, null, null, 0)
  movz(1, 0),
  movz(2, 0),
  movz(3, 0),
  movz(8, 73),
  svc,
  0x17fffffa, // b again
);

const headers = 64 + 56;
const base = 0x400000n;

/** The whole executable: one ELF header, one loadable segment (the file itself, read and execute), then the code. */
export const pauseProgram = (architecture: Architecture): Uint8Array => {
  const code = architecture === 'x64' ? x64 : arm64;
  const size = headers + code.length;
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // executable
  view.setUint16(18, architecture === 'x64' ? 62 : 183, true); // machine
  view.setUint32(20, 1, true);
  view.setBigUint64(24, base + BigInt(headers), true); // entry
  view.setBigUint64(32, 64n, true); // program headers
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true); // PT_LOAD
  view.setUint32(68, 5, true); // read, execute
  view.setBigUint64(80, base, true);
  view.setBigUint64(88, base, true);
  view.setBigUint64(96, BigInt(size), true);
  view.setBigUint64(104, BigInt(size), true);
  view.setBigUint64(112, 0x10000n, true); // arm64 kernels may have pages of 64 KiB
  file.set(code, headers);
  return file;
};
