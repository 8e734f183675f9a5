// Typeset formulas: a JSON request on standard input, a JSON answer on standard output. KaTeX makes the HTML of
// the pages and says what is wrong and where. MathJax reads the same TeX a second time, to MathML, from which
// print and speech are made.
import { readFileSync } from "node:fs";
import katex from "katex";
import { agreed } from "./agreed.mjs";
import { parser, serialized } from "./mathml.mjs";
import { spoken } from "./speech.mjs";
import { typst } from "./typst.mjs";

const { macros, formulas } = JSON.parse(readFileSync(0, "utf8"));
const parse = parser(macros);

// Links inside formulas come only from \ref and \eqref, which the build turns into \href.
const trust = ({ command, url }) => command === "\\href" && /^[.#\w/-]*#[\w-]+$/.test(url ?? "");

function typeset({ tex, display }) {
  try {
    const comment = /(?<!\\)(?:\\\\)*%/.exec(tex);
    if (comment) throw { message: "a % swallows the rest of its line: \\% shows one", position: comment.index };
    const html = katex.renderToString(tex, {
      displayMode: display, macros: { ...macros, "\\said": "\\@secondoftwo{#1}{#2}" }, trust, strict: "error", throwOnError: true,
    });
    const root = parse(tex, display), text = agreed(html, root);
    return { html, text, mathml: serialized(root), typst: typst(root, display), speech: spoken(root) };
  } catch (error) {
    return { error: error.rawMessage ?? error.message, position: error.position ?? null };
  }
}

process.stdout.write(JSON.stringify(formulas.map(typeset)));
