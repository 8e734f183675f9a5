// What is copied of a formula is LaTeX that any program reads: the macros of this site are written out.
{
  const MACROS = {{ macros | tojson }}, TOKEN = /\\[A-Za-z]+|\\[^]|#\d|[^]/gu;

  // Take the argument of a macro off the end of the tokens left: one token, or what stands in braces.
  function argument(left) {
    const taken = [];
    let depth = 0;
    while (/^\s$/.test(left.at(-1))) left.pop();
    do {
      depth += { "{": 1, "}": -1 }[left.at(-1)] ?? 0;
      taken.push(left.pop());
    } while (depth && left.length);
    return taken[0] === "{" ? taken.slice(1, -1) : taken;
  }

  function expanded(tex) {
    const left = tex.match(TOKEN).reverse(), done = [];
    while (left.length) {
      const token = left.pop(), body = MACROS[token]?.match(TOKEN);
      if (!body) { done.push(token); continue; }
      const count = Math.max(0, ...body.map((one) => Number(one.match(/^#(\d)/)?.[1] ?? 0)));
      const given = Array.from({ length: count }, () => argument(left));
      left.push(...body.flatMap((one) => one.match(/^#\d/) ? given[one[1] - 1] : [one]).reverse());
    }
    return done;
  }

  // A name ends where no letter follows: \mid from a macro, before y, is "\mid y".
  fullMarks.plainTex = (tex) => expanded(tex)
    .map((token, at, all) => (/^[A-Za-z]/.test(token) && /^\\[A-Za-z]/.test(all[at - 1]) ? ` ${token}` : token))
    .join("").replace(/\\mathbb(?=\s*\{?\s*\d)/g, "\\mathbf");  // which is how this site shows such a digit

  // The library that copies text with formulas as TeX reads it when this is done.
  document.addEventListener("copy", () => {
    for (const formula of document.querySelectorAll(".katex")) {
      if (!getSelection().containsNode(formula, true)) continue;
      const tex = formula.querySelector("annotation");
      tex.textContent = fullMarks.plainTex(tex.textContent);
    }
  }, true);
}
