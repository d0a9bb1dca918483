/**
 * What Go's `encoding/json` says of a text that should be a JSON object; these words are part of error messages of the API.
 * Undefined if there is nothing wrong with it.
 */
const quoted = (char: string): string => (char === "'" ? "'\\''" : char === '"' ? "'\"'" : `'${char}'`);

const literals: Record<string, string> = { t: 'true', f: 'false', n: 'null' };

/** A small scanner in the shape of Go's: it stops at the first character that cannot continue. */
const firstError = (text: string): string | undefined => {
  let at = 0;
  const invalid = (context: string): string => `invalid character ${quoted(String.fromCodePoint(text.codePointAt(at) ?? 0))} ${context}`;
  const ended = 'unexpected end of JSON input';
  const skip = () => {
    while (/[ \t\r\n]/.test(text[at] ?? '')) at++;
  };
  const stack: ('{' | '[')[] = [];

  const string = (): string | undefined => {
    for (at++; at < text.length; at++) {
      const char = text[at] ?? '';
      if (char === '"') {
        at++;
        return undefined;
      }
      if (char < ' ') return invalid('in string literal');
      if (char !== '\\') continue;
      at++;
      const escaped = text[at];
      if (escaped === undefined) return ended;
      if (escaped === 'u') {
        for (let i = 0; i < 4; i++) {
          at++;
          if (at >= text.length) return ended;
          if (!/[0-9a-fA-F]/.test(text[at] ?? '')) return invalid('in \\u hexadecimal character escape');
        }
      } else if (!'"\\/bfnrt'.includes(escaped)) return invalid('in string escape code');
    }
    return ended;
  };
  const literal = (word: string): string | undefined => {
    for (let i = 1; i < word.length; i++) {
      at++;
      if (at >= text.length) return ended;
      if (text[at] !== word[i]) return invalid(`in literal ${word} (expecting ${quoted(word[i] ?? '')})`);
    }
    at++;
    return undefined;
  };
  const number = (): string | undefined => {
    if (text[at] === '-') at++;
    const digit = () => /[0-9]/.test(text[at] ?? '');
    if (at >= text.length) return ended;
    if (!digit()) return invalid('in numeric literal');
    if (text[at] === '0') at++;
    else while (digit()) at++;
    if (text[at] === '.') {
      at++;
      if (at >= text.length) return ended;
      if (!digit()) return invalid('after decimal point in numeric literal');
      while (digit()) at++;
    }
    if (text[at] === 'e' || text[at] === 'E') {
      at++;
      if (text[at] === '+' || text[at] === '-') at++;
      if (at >= text.length) return ended;
      if (!digit()) return invalid('in exponent of numeric literal');
      while (digit()) at++;
    }
    return undefined;
  };

  // Values, without recursion: the nesting of hostile input is bounded only by its length.
  for (;;) {
    skip();
    const char = text[at];
    if (char === undefined) return ended;
    let problem: string | undefined;
    if (char === '{') {
      at++;
      skip();
      if (text[at] === '}') at++;
      else {
        stack.push('{');
        const key = readKey();
        if (key) return key;
        continue;
      }
    } else if (char === '[') {
      at++;
      skip();
      if (text[at] === ']') at++;
      else {
        stack.push('[');
        continue;
      }
    } else if (char === '"') problem = string();
    else if (literals[char]) problem = literal(literals[char]);
    else if (char === '-' || (char >= '0' && char <= '9')) problem = number();
    else return invalid('looking for beginning of value');
    if (problem) return problem;

    for (;;) {
      skip();
      const open = stack.at(-1);
      const after = text[at];
      if (!open) return after === undefined ? undefined : invalid('after top-level value');
      if (after === undefined) return ended;
      if (after === (open === '{' ? '}' : ']')) {
        at++;
        stack.pop();
        continue;
      }
      if (after !== ',') return invalid(open === '{' ? 'after object key:value pair' : 'after array element');
      at++;
      if (open === '{') {
        const key = readKey();
        if (key) return key;
      }
      break;
    }
  }

  function readKey(): string | undefined {
    skip();
    if (at >= text.length) return ended;
    if (text[at] !== '"') return invalid('looking for beginning of object key string');
    const problem = string();
    if (problem) return problem;
    skip();
    if (at >= text.length) return ended;
    if (text[at] !== ':') return invalid('after object key');
    at++;
    return undefined;
  }
};

const kindOf = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value);

/** `list`: the Go type of the list that is expected instead of an object. */
export const goJsonError = (text: string, list?: string): string | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || (typeof value === 'object' && Array.isArray(value) === (list !== undefined))) return undefined;
    const kind = typeof value === 'object' && !Array.isArray(value) ? 'object' : kindOf(value);
    return `json: cannot unmarshal ${kind} into Go value of type ${list ?? 'map[string]interface {}'}`;
  } catch (error) {
    return firstError(text) ?? (error instanceof Error ? error.message : String(error));
  }
};
