// Parse TeX to MathML with MathJax. Its nodes carry the TeX class that they have (data-mjx-texclass) and the
// TeX that they come from (data-latex).
import { TeX } from "@mathjax/src/js/input/tex.js";
import { HTMLDocument } from "@mathjax/src/js/handlers/html/HTMLDocument.js";
import { liteAdaptor } from "@mathjax/src/js/adaptors/liteAdaptor.js";
import { STATE } from "@mathjax/src/js/core/MathItem.js";
import { SerializedMmlVisitor } from "@mathjax/src/js/core/MmlTree/SerializedMmlVisitor.js";
import "@mathjax/src/js/input/tex/base/BaseConfiguration.js";
import "@mathjax/src/js/input/tex/ams/AmsConfiguration.js";
import "@mathjax/src/js/input/tex/boldsymbol/BoldsymbolConfiguration.js";
import "@mathjax/src/js/input/tex/cancel/CancelConfiguration.js";
import "@mathjax/src/js/input/tex/configmacros/ConfigMacrosConfiguration.js";
import "@mathjax/src/js/input/tex/html/HtmlConfiguration.js";
import "@mathjax/src/js/input/tex/mathtools/MathtoolsConfiguration.js";
import "@mathjax/src/js/input/tex/textmacros/TextMacrosConfiguration.js";

const visitor = new SerializedMmlVisitor();
// A macro of KaTeX says by its text alone how many arguments it takes; MathJax wants the number.
const counted = (body) => [body, Math.max(0, ...[...body.matchAll(/#(\d)/g)].map((match) => Number(match[1])))];
// KaTeX shows what a formula with words of its own shows; MathJax notes the words at its node.
const SAID = "\\data{said={#1}}{#2}";

// Return a function that parses a formula to the root of a MathML tree; what MathJax does not know it throws.
export function parser(macros) {
  const input = new TeX({
    packages: ["base", "ams", "boldsymbol", "cancel", "configmacros", "html", "mathtools", "textmacros"],
    macros: Object.fromEntries(Object.entries({ ...macros, "\\said": SAID }).map(([name, body]) => [name.slice(1), counted(body)])),
    formatError: (_, error) => {
      throw error;
    },
  });
  const page = new HTMLDocument("", liteAdaptor(), { InputJax: input });
  return (tex, display) => page.convert(tex, { display, end: STATE.CONVERT });
}

export const serialized = (root) => visitor.visitTree(root).replace(/\n\s*/g, "");
