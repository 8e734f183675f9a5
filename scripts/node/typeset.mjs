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

// No font of the web has digits with a double stroke: \mathbb{1} is a bold 1, on the web and so in print and speech.
function blackboard(context) {
  const given = context.consumeArgs(1)[0].map((token) => token.text).reverse().join(" ");
  return `${/^\d+$/.test(given) ? "\\mathbf" : "\\Bbb"}{${given}}`;
}
const embolden = (node) => node.isKind("mn") && node.attributes.get("mathvariant") === "double-struck" && node.attributes.set("mathvariant", "bold");
const ours = { ...macros, "\\said": "\\@secondoftwo{#1}{#2}", "\\mathbb": blackboard };

function typeset({ tex, display }) {
  try {
    const comment = /(?<!\\)(?:\\\\)*%/.exec(tex);
    if (comment) throw { message: "a % swallows the rest of its line: \\% shows one", position: comment.index };
    const html = katex.renderToString(tex, {
      displayMode: display, macros: { ...ours }, trust, strict: "error", throwOnError: true,
    });
    const root = parse(tex, display), mathml = serialized(root);
    root.walkTree(embolden);
    const text = agreed(html, root);
    return { html, text, mathml, typst: typst(root, display), speech: spoken(root) };
  } catch (error) {
    return { error: error.rawMessage ?? error.message, position: error.position ?? null };
  }
}

process.stdout.write(JSON.stringify(formulas.map(typeset)));
