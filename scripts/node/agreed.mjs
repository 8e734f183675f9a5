// Compare what KaTeX shows on the web with what MathJax reads in the same TeX, from which print and speech are
// made: the same text in the same order, and each letter and digit in the same alphabet.
import { liteAdaptor } from "@mathjax/src/js/adaptors/liteAdaptor.js";
import { place, text } from "./typst.mjs";

const adaptor = liteAdaptor();
// The two write some signs with other characters; spaces and what cannot be seen do not count.
const SAME = {
  "\u2223": "|", "\u2225": "\u2016", "\u27c2": "\u22a5", "\u22a7": "\u22a8", "\u2254": ":=", "\u203e": "\u2015", "\u02c9": "\u00af",
  "\u20d7": "\u2192", "\u2033": "\u2032\u2032", "\u2034": "\u2032\u2032\u2032", "\u2057": "\u2032\u2032\u2032\u2032",
};
const normal = (shown) => [...shown.replace(/[\s\u2061-\u2064\u200b]/g, "")].map((c) => SAME[c] ?? c).join("").normalize();
const LETTER = /^[A-Za-z0-9\u0391-\u03f6]$/;
const ALPHABETS = {
  mathnormal: "italic", mathit: "italic", textit: "italic", mathbf: "bold", textbf: "bold", boldsymbol: "bold-italic", mathbb: "double-struck",
  textbb: "double-struck", mathcal: "-tex-calligraphic", mathscr: "script", mathfrak: "fraktur", textfrak: "fraktur",
  mathsf: "sans-serif", textsf: "sans-serif", mathtt: "monospace", texttt: "monospace", mathrm: "normal", textrm: "normal",
};

const children = (node) => (adaptor.kind(node) === "#text" ? [] : adaptor.childNodes(node));
const classes = (node) => (adaptor.getAttribute(node, "class") ?? "").split(" ");
function find(node, name) {
  if (adaptor.kind(node) === "#text") return null;
  if (classes(node).includes(name)) return node;
  for (const child of children(node)) {
    const found = find(child, name);
    if (found) return found;
  }
  return null;
}
const reading = (node) => (adaptor.kind(node) === "#text" ? adaptor.value(node) : adaptor.kind(node) === "annotation" ? "" : children(node).map(reading).join(""));

// Yield the letters and digits that KaTeX shows, each with its alphabet.
function* drawn(node, alphabet = "normal") {
  if (adaptor.kind(node) === "#text") {
    for (const c of adaptor.value(node)) if (LETTER.test(c)) yield `${alphabet} ${c}`;
    return;
  }
  const named = classes(node).map((name) => ALPHABETS[name]).find(Boolean);
  for (const child of children(node)) yield* drawn(child, named ?? alphabet);
}

const leaves = (node) => (node.isToken ? [node] : (node.childNodes ?? []).flatMap(leaves));
const variant = (leaf) => leaf.attributes.get("mathvariant").replace("-tex-mathit", "italic");

// A letter in a command for a font, such as \mathbf{\theta}, has to have that font.
function unmoved(node, font = "") {
  const given = node.isKind("TeXAtom") && /^\\math(?:bf|bb|cal|scr|frak|sf|tt|rm)(?![a-z])/.exec(node.attributes?.getExplicit("data-latex") ?? "")?.[0];
  if (node.isToken) return font && node.isKind("mi") && /^[\u0391-\u03f6]$/.test(text(node)) && !node.attributes.hasExplicit("mathvariant") ? [node, font] : null;
  for (const child of node.childNodes ?? []) {
    const found = unmoved(child, given || font);
    if (found) return found;
  }
  return null;
}

// The first token of MathJax that is not in the text of KaTeX.
function parting(root, web) {
  let read = "";
  return leaves(root).find((leaf) => !web.startsWith((read += normal(text(leaf))))) ?? root;
}

// Return the text of a formula, on which both engines agree.
export function agreed(html, root) {
  const tree = adaptor.body(adaptor.parse(html, "text/html"));
  if (find(tree, "eqn-num")) throw new Error("a number for each row: use aligned or gathered, and \\label for a number");
  const [letter, font] = unmoved(root) ?? [];
  if (letter) throw new Error(`${font} does not change ${text(letter)}: \\boldsymbol makes it bold`);
  const shown = reading(find(tree, "katex-mathml")), [web, paper] = [shown, text(root)].map(normal);
  if (web !== paper) throw new Error(`the web shows ${web}, print and speech ${paper}: ${place(parting(root, web))}`);
  const seen = [...drawn(find(tree, "katex-html"))];
  for (const leaf of leaves(root)) {
    for (const c of text(leaf)) {
      const at = LETTER.test(c) ? seen.indexOf(`${variant(leaf)} ${c}`) : 0;
      if (at < 0) throw new Error(`the web has no ${variant(leaf).replace("-tex-", "")} ${c}: write ${place(leaf)} in another font, such as \\mathbf`);
      if (LETTER.test(c)) seen.splice(at, 1);
    }
  }
  return shown.replace(/\u2061/g, "");
}
