// Typeset formulas: a JSON request on standard input, a JSON answer on standard output. KaTeX makes the HTML of
// the pages and says what is wrong and where; MathJax reads the same TeX a second time, to MathML.
import { readFileSync } from "node:fs";
import katex from "katex";
import { parser, serialized } from "./mathml.mjs";

const { macros, formulas } = JSON.parse(readFileSync(0, "utf8"));
const parse = parser(macros);

// Links inside formulas come only from \ref and \eqref, which the build turns into \href.
const trust = ({ command, url }) => command === "\\href" && /^[.#\w/-]*#[\w-]+$/.test(url ?? "");

function typeset({ tex, display }) {
  try {
    const html = katex.renderToString(tex, {
      displayMode: display, macros: { ...macros }, trust, strict: "error", throwOnError: true,
    });
    return { html, mathml: serialized(parse(tex, display)) };
  } catch (error) {
    return { error: error.rawMessage ?? error.message, position: error.position ?? null };
  }
}

process.stdout.write(JSON.stringify(formulas.map(typeset)));
