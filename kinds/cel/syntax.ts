/**
 * Optional syntax (`a.?b`, `a[?k]`, and what follows in the chain) in terms of calls, which the parser knows. An optional value is a list
 * of none or one. Positions behind a rewritten part shift, so expressions without it are left alone.
 */
const identifier = /^[A-Za-z_]\w*/;
export const optionalSelect = 'optionalSelect_';
export const optionalIndex = 'optionalIndex_';

/** The end of a string literal that begins at `start`. */
const endOfString = (text: string, start: number): number => {
  const quote = text[start] ?? '';
  const raw = /[rR]/.test(text[start - 1] ?? '');
  const long = text.startsWith(quote.repeat(3), start);
  const closing = long ? quote.repeat(3) : quote;
  for (let i = start + closing.length; i < text.length; i++) {
    if (text[i] === '\\' && !raw) i++;
    else if (text.startsWith(closing, i)) return i + closing.length;
  }
  return text.length;
};

const closingBracket = (text: string, start: number): number => {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const char = text[i] ?? '';
    if (char === '"' || char === "'") i = endOfString(text, i) - 1;
    else if (char === '[') depth++;
    else if (char === ']' && --depth === 0) return i;
  }
  return -1;
};

/** `at` stands behind an optional part: plain selections that follow are optional as well, until a method is called. */
const chain = (text: string, at: number): { readonly made: string; readonly next: number } => {
  let made = '';
  let next = at;
  for (;;) {
    const name = text[next] === '.' ? identifier.exec(text.slice(next + (text[next + 1] === '?' ? 2 : 1)))?.[0] : undefined;
    if (name) {
      const end = next + (text[next + 1] === '?' ? 2 : 1) + name.length;
      if (/^\s*\(/.test(text.slice(end))) return { made, next };
      made += `.${optionalSelect}(${JSON.stringify(name)})`;
      next = end;
      continue;
    }
    const end = text[next] === '[' ? closingBracket(text, next) : -1;
    if (end < 0) return { made, next };
    const inner = text.slice(next + 1, end).replace(/^\?/, '');
    made += `.${optionalIndex}(${withoutOptionals(inner)})`;
    next = end + 1;
  }
};

export const withoutOptionals = (text: string): string => {
  if (!/\.\?|\[\?/.test(text)) return text;
  let made = '';
  let at = 0;
  while (at < text.length) {
    const char = text[at] ?? '';
    if (char === '"' || char === "'") {
      const end = endOfString(text, at);
      made += text.slice(at, end);
      at = end;
    } else if ((char === '.' || char === '[') && text[at + 1] === '?') {
      const { made: part, next } = chain(text, at);
      if (next === at) return text;
      made += part;
      at = next;
    } else {
      made += char;
      at++;
    }
  }
  return made;
};
