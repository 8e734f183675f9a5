// Turn formulas into Typst mathematics and into spoken words: a JSON request on standard input, a JSON answer
// on standard output. KaTeX parses the formula, as for the web pages; what is not known here is an error.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import katex from "katex";
import sre from "speech-rule-engine";

const CLASSES = {
  bin: "binary", rel: "relation", open: "opening", close: "closing", punct: "punctuation", inner: "normal",
  mord: "normal", mbin: "binary", mrel: "relation", mopen: "opening", mclose: "closing", mpunct: "punctuation",
  minner: "normal", mop: "large",
};
const FONTS = {
  mathrm: "upright", textrm: "upright", mathbf: "bold-upright", textbf: "bold-upright", mathbb: "bb",
  mathcal: "cal", mathit: "italic", textit: "italic", mathsf: "sans", mathtt: "mono", text: "upright", boldsymbol: "bold",
};
const ACCENTS = {
  "\\bar": "\u0304", "\\hat": "\u0302", "\\widehat": "\u0302", "\\tilde": "\u0303", "\\widetilde": "\u0303",
  "\\dot": "\u0307", "\\ddot": "\u0308", "\\vec": "\u20d7", "\\check": "\u030c",
};
const WIDTHS = { em: 1, mu: 1 / 18, ex: 0.43 };

const escaped = (text) => [...text].map((c) => (/[A-Za-z0-9]/.test(c) ? c : `\\u{${c.codePointAt(0).toString(16)}}`)).join(" ");
const quoted = (text) => JSON.stringify(text);

const characters = new Map();
// The character that KaTeX shows for a command such as \theta.
function character(command, mode) {
  if (!command.startsWith("\\")) return command === "-" && mode === "math" ? "\u2212" : command === "*" ? "\u2217" : command;
  const key = mode + command;
  if (!characters.has(key)) {
    const tex = mode === "text" ? `\\text{${command}}` : command;
    const shown = katex.renderToString(tex, { output: "mathml" }).match(/<m\w+[^>]*>([^<]+)<\/m\w+><\/mrow>/);
    if (!shown) throw new Error(`no character for ${command}`);
    characters.set(key, shown[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"));
  }
  return characters.get(key);
}

// A sign such as + or - is binary only between two operands (The TeXbook, Chapter 17).
const OPERATOR = new Set(["bin", "rel", "open", "punct", "mbin", "mrel", "mopen", "mpunct"]);
const familyOf = (n) => n?.family ?? n?.mclass;
// The parts of a formula: each in the Typst language, with its family, about how many characters it
// shows, and how many brackets it opens.
function pieces(nodes) {
  let before = null;
  return nodes.map((node) => {
    const unary = node.family === "bin" && (!before || before.type === "op" || OPERATOR.has(familyOf(before)));
    if (node.type !== "kern" && node.type !== "spacing") before = unary ? { type: "mathord" } : node;
    const family = unary ? "inner" : familyOf(node), bracket = familyOf(node.base) ?? family;
    const opened = (bracket === "open") - (bracket === "close");
    return { typst: convert(unary ? { ...node, family } : node), family, opened, size: size(node) };
  });
}
const list = (nodes) => pieces(nodes).map((piece) => piece.typst).join(" ");

function size(node) {
  if (!node || typeof node !== "object") return 0;
  if (typeof (node.text ?? node.name) === "string") return node.type === "op" && !node.symbol ? node.name.length - 1 : 1;
  return Object.values(node).reduce((sum, value) => sum + size(value), 0);
}

// A formula in a line of text may break after a relation, and a long side of one also after + or -, but not
// in brackets; a short formula does not break. Typst keeps a group whole only beside something: the space.
const SHORT = 12, LONG = 20; // characters
const longer = (parts, limit) => parts.reduce((sum, part) => sum + part.size, 0) > limit;
const inline = (parts) => `#h(0pt) ${longer(parts, SHORT) ? broken(parts, ["rel", "mrel"], side) : whole(parts)}`;
const side = (parts) => (longer(parts, LONG) ? broken(parts, ["bin", "mbin"], whole) : whole(parts));
const whole = (parts) => (parts.length ? `class("normal", ${parts.map((part) => part.typst).join(" ")})` : "");
function broken(parts, families, between) {
  const groups = [[]], signs = [];
  let depth = 0;
  for (const part of parts) {
    if (depth === 0 && families.includes(part.family)) {
      signs.push(part.typst);
      groups.push([]);
    } else groups.at(-1).push(part);
    depth = Math.max(0, depth + part.opened);
  }
  return groups.map((group, i) => [between(group), signs[i] ?? ""].join(" ")).join(" ");
}
const plain = (nodes) => nodes.map((n) => (n.body ? plain([n.body].flat()) : n.type === "spacing" ? " " : character(n.text, n.mode))).join("");

const CONVERT = {
  mathord: (n) => escaped(character(n.text, n.mode)),
  textord: (n) => (n.text === "\\prime" ? "prime" : `class("normal", ${escaped(character(n.text, n.mode))})`),
  atom: (n) => `class("${CLASSES[n.family]}", ${escaped(character(n.text, n.mode))})`,
  ordgroup: (n) => list(n.body),
  supsub(n) {
    const parts = [n.base ? convert(n.base) : '""'];
    if (n.sup) parts.push(`t: ${convert(n.sup)}`);
    if (n.sub) parts.push(`b: ${convert(n.sub)}`);
    return `attach(${parts.join(", ")})`;
  },
  op(n) {
    const name = n.symbol ? escaped(character(n.name, "math")) : `op(${quoted(n.name ? n.name.slice(1) : plain(n.body))})`;
    return n.limits ? `limits(${name}, inline: #false)` : `scripts(${name})`;
  },
  operatorname: (n) => `scripts(op(${quoted(plain(n.body))}))`,
  genfrac(n) {
    if (!n.hasBarLine || n.leftDelim || n.rightDelim) throw new Error("a fraction with delimiters or without a bar");
    return `frac(${convert(n.numer)}, ${convert(n.denom)})`;
  },
  sqrt: (n) => (n.index ? `root(${convert(n.index)}, ${convert(n.body)})` : `sqrt(${convert(n.body)})`),
  font: (n) => styled(n.font, convert(n.body)),
  text: (n) => styled((n.font ?? "\\text").slice(1), quoted(plain(n.body))),
  accent: (n) => `accent(${convert(n.base)}, ${quoted(ACCENTS[n.label] ?? fail(`the accent ${n.label}`))})`,
  overline: (n) => `overline(${convert(n.body)})`,
  underline: (n) => `underline(${convert(n.body)})`,
  kern: (n) => `#h(${(n.dimension.number * (WIDTHS[n.dimension.unit] ?? fail(`the unit ${n.dimension.unit}`))).toFixed(4)}em)`,
  spacing: (n) => (n.text === "\\nobreak" || n.text === "\\allowbreak" ? "" : "#h(0.25em)"),
  styling: (n) => (n.style === "display" ? `display(${list(n.body)})` : n.style === "text" ? `inline(${list(n.body)})` : `script(${list(n.body)})`),
  mclass: (n) => `class("${CLASSES[n.mclass]}", ${list(n.body)})`,
  htmlmathml: (n) => list(n.mathml),
  href: (n) => list(n.body),
  leftright(n) {
    const [only] = n.body;
    if (n.body.length === 1 && only.type === "array" && n.left === "\\{" && n.right === ".") return `cases(${rows(only, " #h(1em) & ").join(", ")})`;
    const delimiter = (d) => (d === "." ? "" : escaped(character(d, "math")));
    return `lr(${delimiter(n.left)} ${list(n.body)} ${delimiter(n.right)})`;
  },
  array: (n) => rows(n).join(" \\ "),
};

// The rows of an alignment; a cell is wrapped in a style that Typst's rows have anyway.
const rows = (n, gap = " & ") => n.body.map((row) => row.map((cell) => cells(cell.type === "styling" ? cell.body : [cell])).join(gap));
const cells = (nodes) => nodes.map((n) => (n.type === "ordgroup" ? list(n.body) : convert(n))).join(" ");

function styled(font, content) {
  const names = FONTS[font] ?? fail(`the font ${font}`);
  return names.split("-").reduceRight((inner, name) => `${name}(${inner})`, content);
}

function fail(what) {
  throw new Error(what);
}

function convert(node) {
  if (!CONVERT[node.type]) fail(`a formula part of the kind ${node.type}`);
  return CONVERT[node.type](node);
}

const { macros, formulas } = JSON.parse(readFileSync(0, "utf8"));
const maps = join(dirname(fileURLToPath(import.meta.resolve("speech-rule-engine"))), "mathmaps");
await sre.setupEngine({ locale: "en", domain: "clearspeak", style: "Fraction_GeneralEndFrac:Caps_SayCaps:Paren_Speak", modality: "speech", json: maps });
await sre.engineReady();

// How this site's notation is said, where the engine would read the signs: "y divides x" for y | x.
const SAID = {
  "\\mid": "\\text{ given }", "\\sim": "\\text{ drawn from }", "\\bar": "#1\\text{ bar}", "\\Delta": "\\mathit{\u0394}",
  "\\mathbb": "{#1}", "\\mathrm": "\\text{#1}",
};
const said = (tex) => tex
  .replace(/[.,;]\s*(?=$|\\\\|\\end)/g, "")
  .replace(/\^(\*|\{\*\})/g, "^\\star")
  .replace(/([(,])\s*\\cdot(?![A-Za-z])/g, "$1\\text{dot}")
  .replace(/_\{ref\}/g, "_{\\text{ref}}")
  .replace(/((?:\\E|\\mathbb\{E\})(?:_\{(?:[^{}]|\{[^{}]*\})*\}|_\w)?)(?=\[|\\lvert|\|)/g, "$1\\text{ of }")
  .replace(/(?<!\\(?:sum|prod|max|min|sup|inf|lim|int))_\{((?:[^{}]|\{[^{}]*\})*(?:[-+=<>,]|\\sim)(?:[^{}]|\{[^{}]*\})*)\}/g, "_{$1\\text{ end subscript}}")
  .replace(/\^(?:l(?![A-Za-z])|\{(l\^\\star)\})/g, (_, star) => `\\text{ at layer }${star ?? "l"}`) // as in question 5
  .replace(/\\,\\\|\\,/g, "\\text{ relative to }")
  .replace(/\(([^()|]*)\|([^()|]*)\)/g, "($1\\mid $2)")
  .replace(/\\begin\{cases\}[^]*?\\end\{cases\}/g, (cases) => cases.replace(/&/g, "& \\text{ if }"));
// Whether a bracket holds an argument or a factor is for the listener to hear, not for the engine to guess.
const HEARD = [
  [/ raised to the (star power|exponent star end exponent)/g, " star"], [/the star power of (\w+)/g, "$1 star"], [/\btriangle\b/g, "Delta"], [/\bsucceeds\b/g, "is preferred to"],
  [/ (of )?slash /g, " divided by "], [/ times (?=open |the absolute)/g, " "], [/ of (?=star|bar)/g, " "],
  [/\b(blank|normal|bold) /g, ""], [/(?<!\bcap )\b[A-Z]\b/g, "cap $&"], [/\blamda\b/g, "lambda"],
  [/\s+/g, " "],
];

function spoken(options, tex) {
  const given = { ...options, macros: { ...options.macros, ...SAID }, output: "mathml", strict: false };
  const mathml = katex.renderToString(said(tex), given).match(/<math[^]*<\/math>/)[0];
  const words = sre.toSpeech(mathml.replace(/<annotation[^]*?<\/annotation>/, ""));
  return HEARD.reduce((text, [found, better]) => text.replace(found, better), words).trim();
}

function print({ tex, display }) {
  const options = { displayMode: display, macros: { ...macros }, trust: true, strict: "error" };
  try {
    const nodes = katex.__parse(tex, options);
    return { typst: display ? list(nodes) : inline(pieces(nodes)), speech: spoken(options, tex) };
  } catch (error) {
    return { error: error.message };
  }
}

process.stdout.write(JSON.stringify(formulas.map(print)));
