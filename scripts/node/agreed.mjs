// Compare what KaTeX shows on the web with what MathJax reads in the same TeX, from which print and speech are
// made: the same text in the same order, and each letter and digit in the same alphabet.
import { liteAdaptor } from "@mathjax/src/js/adaptors/liteAdaptor.js";
import { place, text } from "./typst.mjs";

const adaptor = liteAdaptor();
// The two write some signs and all accents with other characters; spaces and what cannot be seen do not count.
const SAME = {
  "\u2223": "|", "\u2225": "\u2016", "\u27c2": "\u22a5", "\u22a7": "\u22a8", "\u2254": ":=", "\u203e": "\u2015", "\u02c9": "\u00af",
  "\u20d7": "\u2192", "\u2033": "\u2032\u2032", "\u2034": "\u2032\u2032\u2032", "\u2057": "\u2032\u2032\u2032\u2032",
  "\u00b4": "\u02ca", "\u0060": "\u02cb", "\u0131": "i", "\u0300": "\u02cb", "\u0301": "\u02ca", "\u0302": "^", "\u0303": "~", "\u0308": "\u00a8", "\u030c": "\u02c7",
};
const normal = (shown) => [...shown.normalize("NFD").replace(/[\s\u2061-\u2064\u200b]/g, "")].map((c) => SAME[c] ?? c).join("");
const LETTER = /^[A-Za-z0-9\u0391-\u03f6]$/, GREEK = /^[\u0391-\u03f6]$/;
const ALPHABETS = {
  mathnormal: "italic", mathit: "italic", textit: "italic", mathbf: "bold", textbf: "bold", boldsymbol: "bold-italic", mathbb: "double-struck",
  textbb: "double-struck", mathcal: "-tex-calligraphic", mathscr: "script", mathfrak: "fraktur", textfrak: "fraktur",
  mathsf: "sans-serif", textsf: "sans-serif", mathtt: "monospace", texttt: "monospace", mathrm: "normal", textrm: "normal",
};

const classes = (node) => (adaptor.getAttribute(node, "class") ?? "").split(" ");
const first = (tree, name) => adaptor.elementsByClass(tree, name)[0];

// Yield the letters and digits that KaTeX shows, each with its alphabet.
function* drawn(node, alphabet = "normal") {
  if (adaptor.kind(node) === "#text") {
    for (const c of adaptor.value(node)) if (LETTER.test(c)) yield `${alphabet} ${c}`;
    return;
  }
  const named = classes(node).map((name) => ALPHABETS[name]).find(Boolean);
  for (const child of adaptor.childNodes(node)) yield* drawn(child, named ?? alphabet);
}

const leaves = (node) => (node.isToken ? [node] : (node.childNodes ?? []).flatMap(leaves));
const variant = (leaf) => leaf.attributes.get("mathvariant").replace("-tex-mathit", "italic");

// The command for a font around a node, which has to change each letter in it: \mathbf{\theta} is not bold.
const FONT = /^(?:\{\\|\\math)(?:bf|bb|cal|scr|frak|sf|tt|rm)(?![a-z])/;
const fontOf = (node) => (node.isKind("TeXAtom") && FONT.exec(node.attributes.getExplicit("data-latex"))?.[0]) || (node.parent && fontOf(node.parent));
const unmoved = (leaf) => leaf.isKind("mi") && GREEK.test(text(leaf)) && !leaf.attributes.hasExplicit("mathvariant") && fontOf(leaf);

// The first token of MathJax that is not in the text of KaTeX.
function parting(root, web) {
  let read = "";
  return leaves(root).find((leaf) => !web.startsWith((read += normal(text(leaf))))) ?? root;
}

// Return the text of a formula, on which both engines agree.
export function agreed(html, root) {
  const tree = adaptor.body(adaptor.parse(html, "text/html"));
  if (first(tree, "eqn-num")) throw new Error("a number for each row: use aligned or gathered, and \\label for a number");
  const letter = leaves(root).find(unmoved);
  if (letter) throw new Error(`${unmoved(letter)} does not change ${text(letter)}: \\boldsymbol makes it bold`);
  adaptor.tags(tree, "annotation").forEach((source) => adaptor.remove(source));
  const shown = adaptor.textContent(first(tree, "katex-mathml")), [web, paper] = [shown, text(root)].map(normal);
  if (web !== paper) throw new Error(`the web shows ${web}, print and speech ${paper}: ${place(parting(root, web))}`);
  const seen = [...drawn(first(tree, "katex-html"))];
  for (const leaf of leaves(root)) {
    for (const c of [...text(leaf)].filter((one) => LETTER.test(one))) {
      const at = seen.indexOf(`${variant(leaf)} ${c}`), font = variant(leaf).replace("-tex-", "");
      if (at < 0) throw new Error(`the web has no ${font} ${c}: write ${place(leaf)} in another font, such as \\mathbf`);
      seen.splice(at, 1);
    }
  }
  return shown.replace(/\u2061/g, "");
}
