/** `$(NAME)` in values, commands and arguments; `$$` is one dollar, and an unknown name stays as it is (apimachinery's expansion). */
export const expand = (text: string, lookup: (name: string) => string | undefined): string => {
  let result = '';
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0 || dollar === text.length - 1) return result + text.slice(at);
    result += text.slice(at, dollar);
    const next = text[dollar + 1];
    if (next === '$') {
      result += '$';
      at = dollar + 2;
    } else if (next === '(') {
      const end = text.indexOf(')', dollar + 2);
      if (end < 0) {
        result += '$(';
        at = dollar + 2;
      } else {
        const name = text.slice(dollar + 2, end);
        result += lookup(name) ?? `$(${name})`;
        at = end + 1;
      }
    } else {
      result += `$${next}`;
      at = dollar + 2;
    }
  }
  return result;
};
