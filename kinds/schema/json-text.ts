/**
 * JSON as Go's decoder reads it, where `JSON.parse` tells too little: syntax errors in Go's words, members that occur twice,
 * and number literals that a double would not keep apart (`1.0`, `1e3`, more than 15 digits).
 */

/** Deeper than any real object; beyond it, recursion elsewhere would run out of stack. */
export const maxDepth = 1000;

/** A body that is no JSON; the message is Go's. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
}

/** A number whose spelling matters. */
export class NumberLiteral {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An object in which a member occurs more than once, in the order of the text. */
export class RepeatedMembers {
  readonly entries: readonly (readonly [string, unknown])[];
  constructor(entries: readonly (readonly [string, unknown])[]) {
    this.entries = entries;
  }
}

export interface Census {
  /** Members of all objects, repeated ones counted as often as they occur. */
  readonly members: number;
  /** Some number must be read from its literal. */
  readonly literals: boolean;
  /** Some escape may be half of a character, which Go reads as a replacement character. */
  readonly surrogates: boolean;
}

/** Counts in one pass over the bytes; the text need not be valid. */
export const census = (bytes: Uint8Array): Census => {
  let members = 0;
  let literals = false;
  let surrogates = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === 0x22) {
      for (i++; i < bytes.length; i++) {
        const inner = bytes[i];
        if (inner === 0x5c) {
          i++;
          if (bytes[i] === 0x75 && ((bytes[i + 1] as number) | 0x20) === 0x64) surrogates = true;
        } else if (inner === 0x22) break;
      }
    } else if (byte === 0x3a) members++;
    else if ((byte >= 0x30 && byte <= 0x39) || byte === 0x2d) {
      const start = i;
      for (; i < bytes.length; i++) {
        const digit = bytes[i] as number;
        if (digit >= 0x30 && digit <= 0x39) continue;
        if (digit === 0x2e || digit === 0x65 || digit === 0x45) literals = true;
        else if (digit !== 0x2d && digit !== 0x2b) break;
      }
      if (i - start > 15) literals = true;
      i--;
    }
  }
  return { members, literals, surrogates };
};

const quoteCharacter = (character: string): string => {
  if (character === "'") return `'\\''`;
  if (character === '"') return `'"'`;
  const code = character.charCodeAt(0);
  // Go writes most control characters by their byte.
  if ((code < 0x20 && !/[\b\t\n\v\f\r]/.test(character)) || code === 0x7f) return `'\\x${code.toString(16).padStart(2, '0')}'`;
  if (code === 0x0b) return "'\\v'";
  return `'${JSON.stringify(character).slice(1, -1)}'`;
};

const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const escapes: Record<string, string> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    const value = this.#value('looking for beginning of value');
    this.#space();
    if (this.#at < this.#text.length) this.#unexpected('after top-level value');
    return value;
  }

  #unexpected(where: string): never {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw new JsonSyntaxError('unexpected end of JSON input');
    // Go looks at bytes: of a longer character it names the first one.
    const first = code < 0x80 ? code : (new TextEncoder().encode(String.fromCodePoint(code))[0] ?? code);
    throw new JsonSyntaxError(`invalid character ${quoteCharacter(String.fromCodePoint(first))} ${where}`);
  }

  #space(): void {
    for (; ; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  #value(where: string): unknown {
    this.#space();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#nested(() => this.#object());
      case '[':
        return this.#nested(() => this.#array());
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number(where);
    }
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > maxDepth) throw new JsonSyntaxError('exceeded max depth');
    this.#at++;
    const value = read();
    this.#depth--;
    return value;
  }

  #word<T>(word: string, value: T): T {
    for (let i = 0; i < word.length; i++, this.#at++)
      if (this.#text[this.#at] !== word[i]) this.#unexpected(`in literal ${word} (expecting ${quoteCharacter(word[i] ?? '')})`);
    return value;
  }

  #number(where: string): number | NumberLiteral {
    const first = this.#text.charCodeAt(this.#at);
    if (first !== 0x2d && !(first >= 0x30 && first <= 0x39)) this.#unexpected(where);
    number.lastIndex = this.#at;
    const text = number.exec(this.#text)?.[0];
    if (text === undefined) {
      this.#at++;
      this.#unexpected('in numeric literal');
    }
    this.#at += text.length;
    const next = this.#text[this.#at];
    if (next === '.' || ((next === 'e' || next === 'E') && !/[eE]/.test(text))) {
      this.#at++;
      if (next !== '.' && /[+-]/.test(this.#text[this.#at] ?? '')) this.#at++;
      this.#unexpected(next === '.' ? 'after decimal point in numeric literal' : 'in exponent of numeric literal');
    }
    return text.length > 15 || /[.eE]/.test(text) ? new NumberLiteral(text) : Number(text);
  }

  #string(): string {
    let text = '';
    let from = ++this.#at;
    for (; ; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) return text + this.#text.slice(from, this.#at++);
      if (Number.isNaN(code)) this.#unexpected('');
      if (code < 0x20) this.#unexpected('in string literal');
      if (code !== 0x5c) continue;
      text += this.#text.slice(from, this.#at++);
      const escaped = this.#text[this.#at] ?? '';
      if (escaped === 'u') {
        for (let i = 1; i <= 4; i++)
          if (!/^[0-9a-fA-F]$/.test(this.#text[this.#at + i] ?? '')) {
            this.#at += i;
            this.#unexpected('in \\u hexadecimal character escape');
          }
        text += String.fromCharCode(Number.parseInt(this.#text.slice(this.#at + 1, this.#at + 5), 16));
        this.#at += 4;
      } else if (escaped in escapes) text += escapes[escaped];
      else this.#unexpected('in string escape code');
      from = this.#at + 1;
    }
  }

  #array(): unknown[] {
    const values: unknown[] = [];
    this.#space();
    if (this.#text[this.#at] === ']') {
      this.#at++;
      return values;
    }
    for (;;) {
      values.push(this.#value('looking for beginning of value'));
      this.#space();
      const next = this.#text[this.#at];
      if (next !== ',' && next !== ']') this.#unexpected('after array element');
      this.#at++;
      if (next === ']') return values;
    }
  }

  #object(): unknown {
    const entries: [string, unknown][] = [];
    const seen = new Set<string>();
    this.#space();
    if (this.#text[this.#at] === '}') {
      this.#at++;
      return {};
    }
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#unexpected('looking for beginning of object key string');
      const key = this.#string();
      this.#space();
      if (this.#text[this.#at] !== ':') this.#unexpected('after object key');
      this.#at++;
      entries.push([key, this.#value('looking for beginning of value')]);
      seen.add(key);
      this.#space();
      const next = this.#text[this.#at];
      if (next !== ',' && next !== '}') this.#unexpected('after object key:value pair');
      this.#at++;
      if (next === '}') return seen.size < entries.length ? new RepeatedMembers(entries) : Object.fromEntries(entries);
    }
  }
}

/** Reads slowly and exactly: numbers may be `NumberLiteral`s, objects `RepeatedMembers`. Throws `JsonSyntaxError`. */
export const readExactly = (text: string): unknown => new Reader(text).document();

/** `JSON.parse` with Go's error texts. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    readExactly(text);
    throw new JsonSyntaxError('unexpected end of JSON input');
  }
};

const escapesInText = /\\(?:u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|u(d[89a-f][0-9a-f]{2})|.)/gi;
/** JSON text with halves of characters written as Go reads them. */
export const withWholeCharacters = (text: string): string =>
  text.replace(escapesInText, (found: string, _high, _low, half?: string) => (half === undefined ? found : '\\ufffd'));
