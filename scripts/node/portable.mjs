// The TeX of a formula as other programs read it: the site's own macros are written out, links are plain.

// Return the argument at a position of TeX, without its braces, and where it ends.
function argument(tex, at) {
  while (tex[at] === " ") at++;
  if (tex[at] !== "{") {
    const token = /^(\\[A-Za-z]+|\\?.)/s.exec(tex.slice(at))?.[0] ?? "";
    return [token, at + token.length];
  }
  let depth = 0, end = at;
  do {
    if (tex[end] === "\\") end++;
    else depth += (tex[end] === "{") - (tex[end] === "}");
    end++;
  } while (depth && end < tex.length);
  return [tex.slice(at + 1, end - 1), end];
}

// Return a function that writes out macros, given as name → body, in a formula.
export function writer(macros) {
  const bodies = { ...macros, "\\said": "#2", "\\href": "#2" };
  const names = Object.keys(bodies).map((name) => name.slice(1)).join("|");
  const call = new RegExp(`\\\\(?:${names})(?![A-Za-z])`);
  return (tex) => {
    for (let found; (found = call.exec(tex)); ) {
      const body = bodies[found[0]], values = [];
      let end = found.index + found[0].length;
      const count = Math.max(0, ...[...body.matchAll(/#(\d)/g)].map((match) => +match[1]));
      while (values.length < count) {
        const [value, after] = argument(tex, end);
        values.push(value);
        end = after;
      }
      tex = tex.slice(0, found.index) + body.replace(/#(\d)/g, (_, number) => values[number - 1]) + tex.slice(end);
    }
    return tex.trim();
  };
}
