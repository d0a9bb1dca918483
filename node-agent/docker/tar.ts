/** A tar of a few small files in the old ustar form, enough for an image of one program. */
export interface TarFile {
  name: string;
  mode: number;
  data: Uint8Array;
}

const block = 512;
const text = new TextEncoder();

const header = ({ name, mode, data }: TarFile): Uint8Array => {
  const bytes = new Uint8Array(block);
  const put = (at: number, value: string) => bytes.set(text.encode(value), at);
  const octal = (at: number, width: number, value: number) => put(at, `${value.toString(8).padStart(width - 1, '0')}\0`);
  put(0, name);
  octal(100, 8, mode);
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, data.length);
  octal(136, 12, 0);
  put(148, '        '); // the checksum counts its own field as blanks
  put(156, '0');
  put(257, 'ustar\0');
  put(263, '00');
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return bytes;
};

export const tar = (files: TarFile[]): Buffer => {
  const parts: Uint8Array[] = [];
  for (const file of files) {
    parts.push(header(file), file.data, new Uint8Array((block - (file.data.length % block)) % block));
  }
  parts.push(new Uint8Array(2 * block));
  return Buffer.concat(parts);
};
