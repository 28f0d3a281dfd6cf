/** So many characters in a row of a token are taken for it: less is of no use to anybody. */
const WINDOW = 32;
const SHOWN = '[redacted]';
/** What a token, its Base64 and its hexadecimal digits are made of. */
const RUNS = /[\w.-]{32,}/g;
/** A character percent-encoded, however often; escaped in JSON, however often; or as a reference in HTML. Looking back keeps it from going over a row of backslashes again and again. */
const ESCAPES = /%(?:25)*([0-9a-f]{2})|(?<!\\)\\+u00([0-9a-f]{2})|&#x0*([0-9a-f]{2});|&#0*(\d{2,3});/gi;

/** A text without its escapes, and where each of its characters begins in the text. */
type View = { readonly text: string; readonly startOf: (index: number) => number };

/** Returns `text`, one byte a character, without what is a token in it, or a part of one. */
export type HideTokens = (text: string) => string;

function withoutEscapes(text: string): View {
  const parts: string[] = [];
  const starts = new Uint32Array(text.length + 1);
  let length = 0;
  let from = 0;
  const take = (plain: string, at: number, step: number) => {
    parts.push(plain);
    for (let index = 0; index < plain.length; index += 1) {
      starts[length] = at + index * step;
      length += 1;
    }
  };
  for (const match of text.matchAll(ESCAPES)) {
    const [escaped, percent, json, hex, decimal] = match;
    const code = Number.parseInt(percent ?? json ?? hex ?? decimal ?? '', decimal === undefined ? 16 : 10);
    take(text.slice(from, match.index), from, 1);
    take(String.fromCharCode(code), match.index, 0);
    from = match.index + escaped.length;
  }
  take(text.slice(from), from, 1);
  starts[length] = text.length;
  return { text: parts.join(''), startOf: (index) => starts[index] ?? text.length };
}

/** In Base64 a text looks in three ways, by what is before it; its first and last letters depend on its neighbours. */
function base64Of(token: string): readonly string[] {
  return [0, 1, 2].map((before) =>
    Buffer.from(' '.repeat(before) + token)
      .toString('base64')
      .replace(/=+$/, '')
      .slice(before === 0 ? 0 : before + 1, -1),
  );
}

function windowsOf(tokens: readonly string[]): ReadonlySet<string> {
  const hexOf = (token: string) => Buffer.from(token).toString('hex');
  const forms = tokens.flatMap((token) => [
    token,
    ...base64Of(token),
    hexOf(token),
    hexOf(token).toUpperCase(),
  ]);
  const windows = new Set<string>();
  for (const form of forms) {
    for (let at = 0; at + WINDOW <= form.length; at += 1) {
      windows.add(form.slice(at, at + WINDOW));
    }
  }
  return windows;
}

/** Returns where in a run of letters the tokens are: from, and to. */
function findIn(run: string, windows: ReadonlySet<string>): readonly (readonly [number, number])[] {
  const found: [number, number][] = [];
  for (let at = 0; at + WINDOW <= run.length; at += 1) {
    if (windows.has(run.slice(at, at + WINDOW))) {
      const last = found.at(-1);
      if (last !== undefined && at <= last[1]) {
        last[1] = at + WINDOW;
      } else {
        found.push([at, at + WINDOW]);
      }
    }
  }
  return found;
}

/**
 * Returns what hides `tokens` in what a service answers, should it give back what it was sent: whole or in part, as it is,
 * percent-encoded, escaped in JSON or HTML, in hexadecimal digits, or inside of Base64.
 *
 * A service that means to can always hide a token better than this finds it: it was sent it.
 */
export function createTokenHider(tokens: readonly string[]): HideTokens {
  let windows: ReadonlySet<string> | undefined;

  return (text) => {
    const view = withoutEscapes(text);
    const parts: string[] = [];
    let from = 0;
    for (const run of view.text.matchAll(RUNS)) {
      windows ??= windowsOf(tokens);
      for (const [start, end] of findIn(run[0], windows)) {
        parts.push(text.slice(from, view.startOf(run.index + start)), SHOWN);
        from = view.startOf(run.index + end);
      }
    }
    return from === 0 ? text : [...parts, text.slice(from)].join('');
  };
}
