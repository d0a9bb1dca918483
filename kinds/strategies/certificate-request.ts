/**
 * Reads a PKCS#10 certificate request just far enough to check that whoever made it holds the key it is for. Node has no
 * reader of its own for these, and a library would have to be loaded for every start of the server.
 */
import { createPublicKey, verify } from 'node:crypto';

interface Element {
  readonly tag: number;
  /** With its head. */
  readonly whole: Buffer;
  readonly content: Buffer;
}
const malformed = 'asn1: structure error: malformed certificate request';

/** The elements of DER that stand one after the other. */
const elements = (bytes: Buffer): Element[] => {
  const found: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0;
    let head = 2;
    if (length >= 0x80) {
      const size = length & 0x7f;
      if (size === 0 || size > 4 || at + 2 + size > bytes.length) throw new Error(malformed);
      length = bytes.readUIntBE(at + 2, size);
      head += size;
    }
    const end = at + head + length;
    if (end > bytes.length) throw new Error('asn1: syntax error: data truncated');
    found.push({ tag, whole: bytes.subarray(at, end), content: bytes.subarray(at + head, end) });
    at = end;
  }
  return found;
};

/** Object identifiers of signatures, as hex of their DER content. */
const algorithms: Readonly<Record<string, string | null>> = {
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null,
};

interface Block {
  readonly type: string;
  readonly body: string;
}
const border = /^-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----\s*$/;
/** `Name: value` lines may stand before the data, with an empty line behind them. */
const dataOf = ({ body }: Block): Buffer => {
  const lines = body.split('\n');
  const first = lines.findIndex(line => !line.includes(':'));
  return Buffer.from(lines.slice(Math.max(first, 0)).join(''), 'base64');
};
/** The blocks of a PEM text, in one pass. What stands around them is ignored. */
const blocksOf = (base64: string): Block[] => {
  const blocks: Block[] = [];
  let open: { type: string; lines: string[] } | undefined;
  for (const line of Buffer.from(base64, 'base64').toString('latin1').split('\n')) {
    const [, side, type = ''] = line.startsWith('-----') ? (border.exec(line) ?? []) : [];
    if (side === 'BEGIN') open = { type, lines: [] };
    else if (side === 'END') {
      if (open?.type === type) blocks.push({ type, body: open.lines.join('\n') });
      open = undefined;
    } else open?.lines.push(line);
  }
  return blocks;
};

/** Why `base64` (of a PEM text) is no certificate request; undefined if it is one. */
export const requestProblem = (base64: string): string | undefined => {
  const [block] = blocksOf(base64);
  if (block?.type !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST';
  try {
    const [request] = elements(dataOf(block));
    const [info, algorithm, signature] = elements(request?.content ?? Buffer.alloc(0));
    if (request?.tag !== 0x30 || info?.tag !== 0x30 || algorithm?.tag !== 0x30 || signature?.tag !== 0x03) return malformed;
    const [, , publicKey] = elements(info.content);
    const identifier = elements(algorithm.content)[0]?.content.toString('hex') ?? '';
    if (!publicKey) return malformed;
    if (!Object.hasOwn(algorithms, identifier)) return 'x509: cannot verify signature: algorithm unimplemented';
    const key = createPublicKey({ key: publicKey.whole, format: 'der', type: 'spki' });
    // The first byte of a bit string counts unused bits: none here.
    if (verify(algorithms[identifier] ?? null, info.whole, key, signature.content.subarray(1))) return undefined;
    return key.asymmetricKeyType === 'rsa' ? 'crypto/rsa: verification error' : 'x509: ECDSA verification failure';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

export interface Subject {
  readonly commonName: string;
  readonly organizations: readonly string[];
}
const commonName = '550403';
const organization = '55040a';
/** Of a request that has been found valid; undefined where it cannot be read. */
export const requestSubject = (base64: string): Subject | undefined => {
  const [block] = blocksOf(base64);
  if (!block) return undefined;
  try {
    const [request] = elements(dataOf(block));
    const [info] = elements(request?.content ?? Buffer.alloc(0));
    const [, name] = elements(info?.content ?? Buffer.alloc(0));
    const parts = elements(name?.content ?? Buffer.alloc(0)).flatMap(set => elements(set.content).map(pair => elements(pair.content)));
    const named = (type: string): string[] =>
      parts.flatMap(([id, text]) => (id?.content.toString('hex') === type && text ? [textOf(text)] : []));
    return { commonName: named(commonName).at(-1) ?? '', organizations: named(organization) };
  } catch {
    // What cannot be read names nobody.
    return undefined;
  }
};
/** A BMPString has two bytes a character; all others are read as UTF-8, of which ASCII is a part. */
const textOf = ({ tag, content }: Element): string =>
  tag === 0x1e ? Buffer.from(content).swap16().toString('utf16le') : content.toString('utf8');

/** Why `base64` is no chain of certificates in PEM. */
export const certificateProblem = (base64: string | undefined): string | undefined => {
  if (!base64) return undefined;
  const blocks = blocksOf(base64);
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const { type, body } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found "${type}"`;
    if (body.includes(':')) return 'no PEM block headers are permitted';
    try {
      if (elements(Buffer.from(body, 'base64')).length === 0) return 'found CERTIFICATE PEM block containing 0 certificates';
    } catch (error) {
      return `x509: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return undefined;
};
