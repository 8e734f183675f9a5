// Turn the MathML of MathJax into Typst mathematics, strictly: each element, attribute and value is translated,
// or is an error that names the place in the formula.
import { ACCENTS, escaped, FONTS, FORMS, OVER, PRIMES, primes, quoted, UNDER } from "./characters.mjs";
import { inline } from "./inline.mjs";
import { table } from "./table.mjs";

const [ORD, OP, , , OPEN, CLOSE, PUNCT, INNER] = Array(8).keys(); // the classes of atoms in TeX
const CLASSES = ["normal", "large", "binary", "relation", "opening", "closing", "punctuation", "normal"];
const STRIKES = {
  updiagonalstrike: "", downdiagonalstrike: ", inverted: #true", "updiagonalstrike downdiagonalstrike": ", cross: #true",
};
const UNITS = { em: 1, pt: 0.1, ex: 0.43, mu: 1 / 18, "": 1 };
const UNSEEN = ["indentshift", "linebreak", "href"]; // they change nothing on paper

export const place = (node) => node.attributes?.getExplicit("data-latex") ?? (node.parent ? place(node.parent) : "");
export function refuse(node, what) {
  throw new Error(`${what} has no printed form: ${place(node)}`);
}
export const known = (table, key, node, what) => table[key] ?? refuse(node, `${what} ${JSON.stringify(key)}`);

const ofClass = (node, shown) => `class("${CLASSES[node.texClass] ?? "normal"}", ${shown})`;
// Typst sets scripts lower at a group than at a letter: what has its class anyway is not made a group.
const PLAIN = { [ORD]: /^[\p{L}\p{Nd}\u2202\u2207\u221e]$/u, [OPEN]: /^[([{\u27e8\u230a\u2308]$/, [CLOSE]: /^[)\]}\u27e9\u230b\u2309]$/ };
const classed = (node, shown) => (PLAIN[node.texClass]?.test(text(node)) ? shown : ofClass(node, shown));
const inFont = (node, font, shown) => known(FONTS, font, node, "the font").reduceRight((inner, name) => `${name}(${inner})`, shown);
export const kern = (width) => (width ? `#h(${Number(width.toFixed(4))}em)` : "");
export const text = (node) => (node.getText ? node.getText() : node.childNodes.map(text).join(""));
export function em(node, length) {
  const [, number, unit] = /^([+-]?[\d.]+)([a-z]*)$/.exec(length) ?? refuse(node, `the length ${length}`);
  return Number(number) * known(UNITS, unit, node, "the unit");
}

// Convert a node with the converter of its kind, which must ask for each attribute that is set.
function convert(node, how) {
  const names = node.attributes.getExplicitNames().filter((name) => !name.startsWith("data-") && !UNSEEN.includes(name));
  const unread = new Set(names);
  const attribute = (name) => (unread.delete(name), node.attributes.get(name));
  const made = known(KINDS, node.kind, node, "the element")(node, attribute, how);
  for (const name of unread) refuse(node, `<${node.kind} ${name}="${node.attributes.get(name)}">`);
  return made;
}

const parts = (node) => node.childNodes.flatMap((child) => (child.isInferred ? parts(child) : [child]));
const row = (nodes) => nodes.map((node, index) => gap(node, nodes[index - 1]) + convert(node)).join("");
const body = (node) => row(parts(node)) || '""';

// Typst sets the spaces between the classes, but no thin one beside tall brackets and dots, and none at all beside a
// space that is written.
const SPACES = { thinmathspace: 3 / 18, mediummathspace: 4 / 18, thickmathspace: 5 / 18, "": 0 };
function gap(node, previous) {
  const { prevClass: before, texClass: now } = node;
  const thin = now === INNER ? [ORD, CLOSE, INNER].includes(before) : before === INNER && [ORD, OPEN, PUNCT].includes(now);
  return thin || previous?.isKind("mspace") ? kern(SPACES[node.texSpacing()]) : "";
}

function letters(node, attribute) {
  const shown = text(node), one = [...shown].length !== 1 ? quoted(shown) : escaped(shown) + (node.getProperty("variantForm") ? "" : (FORMS[shown] ?? ""));
  if (shown in PRIMES) return primes(shown);
  const styled = shown ? inFont(node, attribute("mathvariant"), one) : '""';
  return node.texClass === OP ? `op(${styled})` : classed(node, styled);
}

function operator(node, attribute, growing) {
  const shown = text(node), side = (name) => (node.attributes.hasExplicit(name) ? kern(em(node, attribute(name))) : "");
  ["accent", "fence", "symmetric", "movablelimits", "form", "separator", "largeop"].forEach(attribute);
  const [least, most, stretchy, font] = ["minsize", "maxsize", "stretchy", "mathvariant"].map(attribute);
  if (!shown || /^[\u2061-\u2064]$/.test(shown)) return growing ? '""' : "";
  if (shown in PRIMES) return primes(shown);
  if ([...shown].length > 1) return side("lspace") + (node.texClass === OP ? `op(${quoted(shown)})` : ofClass(node, quoted(shown))) + side("rspace");
  const sized = node.attributes.hasExplicit("minsize"), bars = sized || growing ? shown : shown.replace("\u2016", "\u2225"); // as wide as on the web
  const sign = font === "normal" ? escaped(bars) : inFont(node, font, escaped(bars));
  const whole = node.texClass === OP ? sign : classed(node, sign);
  if (sized) {
    return least === most ? `lr(size: #${em(node, least)}em, ${whole})` : refuse(node, `a size from ${least} to ${most}`);
  }
  if (stretchy && node.attributes.get("fence") && !growing) refuse(node, `a growing ${shown} outside \\left and \\right`);
  return side("lspace") + whole + side("rspace");
}

// A group; between \left and \right its first and last part grow, and what \middle marks.
function group(node) {
  const nodes = parts(node), fenced = node.texClass === INNER && nodes[0]?.texClass === OPEN && nodes[0].isKind("mo");
  if (nodes.length === 1 && nodes[0].texClass === node.texClass) return row(nodes);
  if (!fenced) return node.texClass < 0 ? row(nodes) : node.texClass === OP ? `class("large", ${body(node)})` : ofClass(node, body(node));
  const grown = nodes.map((one, index) => {
    const end = index === 0 || index === nodes.length - 1, middle = one.isKind("mo") && one.attributes.getExplicit("stretchy");
    return end ? convert(one, true) : gap(one, nodes[index - 1]) + (middle ? `class("normal", mid(${convert(one, true)}))` : convert(one));
  });
  return ofClass(node, `lr(${grown.join("")})`);
}

// A base with what stands around it, each part at the side that Typst calls by the given name.
function attached(node, names, base) {
  const sides = names.map((name, index) => [name, node.childNodes[index + 1]]);
  return `attach(${[base, ...sides.map(([name, part]) => `${name}: ${convert(part) || '""'}`)].join(", ")})`;
}
const scripts = (...names) => (node) => attached(node, names, convert(node.childNodes[0]) || '""');

// What a command such as \hat or \underbrace draws at a part; a sign that the author writes there has TeX of its own.
function accented(node, base, mark) {
  const sign = text(mark), drawn = (node.isKind("mover") ? OVER : UNDER)[sign], shown = convert(base);
  convert(mark); // its attributes too must be known
  if (drawn) return `${drawn}(${shown})`;
  const size = mark.attributes.getExplicit("stretchy") === false ? ", size: #0%" : "";
  return `accent(${shown}, ${quoted(known(node.isKind("mover") ? ACCENTS : {}, sign, node, "the accent"))}${size})`;
}

function limits(node, attribute) {
  ["accent", "accentunder"].forEach(attribute);
  const [base, first, second] = node.childNodes, beside = { munder: ["br"], mover: ["tr"], munderover: ["br", "tr"] }[node.kind];
  if (aside(node, base)) return scripts(...beside)(node);
  if (first.isKind("mo") && !second && !first.attributes.hasExplicit("data-latex")) return accented(node, base, first);
  const arrow = base.isKind("mo") && base.attributes.get("stretchy") && /[\u2190-\u21ff=]/.test(text(base));
  const shown = arrow && convert(base) ? `stretch(${escaped(text(base))}, size: #(100% + 0.8em))` : convert(base) || '""';
  return attached(node, beside.map((side) => side[0]), `limits(${shown})`);
}

// Whether limits stand beside their sign: in a line, and, as in KaTeX, where \mathop is not told \limits.
function aside(node, base) {
  const tex = (one) => one.attributes.getExplicit("data-latex") ?? "";
  const core = base.coreMO();
  return (!node.attributes.get("displaystyle") && core.isKind("mo") && core.attributes.get("movablelimits")) || (tex(base).startsWith("\\mathop") && !tex(node).includes("\\limits"));
}

// A part in the style in which TeX sets it, said outright.
function styled(node, shown) {
  const name = node.attributes.get("displaystyle") ? "display" : (["inline", "script"][node.attributes.get("scriptlevel")] ?? "sscript");
  return `${name}(${shown})`;
}
const outright = (node) => styled(parts(node)[0] ?? node, body(node));

function fraction(node, attribute) {
  attribute("displaystyle");
  const line = attribute("linethickness"), both = node.childNodes.map((part) => convert(part) || '""');
  if (line === "medium") return `frac(${both.join(", ")})`;
  if (em(node, line) !== 0 || !text(node.parent).startsWith("(")) refuse(node, `a fraction bar of ${line}`);
  return `vec(delim: #none, gap: #0.2em, ${node.childNodes.map((part, index) => styled(part, both[index])).join(", ")})`;
}

// Room about a part. What would be shown at another place, as \raisebox does, is refused.
function padded(node, attribute) {
  const given = (name) => (node.attributes.hasExplicit(name) ? em(node, String(attribute(name))) : 0);
  const nothing = String(node.attributes.getExplicit("width")) === "0", [height, depth, up, before] = ["height", "depth", "voffset", "lspace"].map(given);
  if (Math.abs(up) > 0.25) refuse(node, `a part raised by ${up} em`);
  if (!given("width") && !nothing && before) refuse(node, "a part that is moved");
  if (!nothing) return body(node);
  return `#strut(${Math.max(height, 0)}em, ${Math.max(depth, 0)}em)#box(width: 0pt, $${outright(node)}$)`;
}

const KINDS = {
  mi: letters, mn: letters, mtext: letters, mo: operator, mrow: group, TeXAtom: group,
  msub: scripts("br"), msup: scripts("tr"), msubsup: scripts("br", "tr"), munder: limits, mover: limits, munderover: limits,
  mfrac: fraction, msqrt: (node) => `sqrt(${body(node)})`, mtable: (node, attribute) => table(node, attribute, convert), mpadded: padded,
  mroot: ({ childNodes: [base, index] }) => `root(${convert(index)}, ${convert(base)})`,
  mtd: outright,
  mspace: (node, attribute) => (["height", "depth"].forEach(attribute), kern(em(node, attribute("width")))),
  mphantom: (node) => `#hide($${outright(node)}$)`,
  mstyle(node, attribute) {
    const set = ["displaystyle", "scriptlevel"].filter((name) => node.attributes.hasExplicit(name)).map(attribute);
    return set.length ? outright(node) : row(parts(node));
  },
  menclose(node, attribute) {
    const kind = attribute("notation");
    return kind === "box" ? `#boxed($${outright(node)}$)` : ofClass(node, `cancel(${body(node)}${known(STRIKES, kind, node, "the mark")})`);
  },
};

// Give each node its class, as KaTeX does: a brace over or under a part is no operator, and a cell behind & does
// not begin with its sign, even if a space comes first.
function classify(root) {
  root.walkTree((node) => {
    const braced = node.isKind("TeXAtom") && /^\\(over|under)brac/.test(node.attributes.getExplicit("data-latex"));
    if (braced) Object.assign(node, { texClass: ORD }).setProperty("texClass", ORD);
    const first = node.isKind("mstyle") && node.attributes.hasExplicit("indentshift") && parts(node)[0];
    if (first && first.isKind("mspace")) first.parent.setChildren([node.factory.create("mi"), ...first.parent.childNodes]);
  });
  root.setTeXclass(null);
}

export function typst(root, display) {
  classify(root);
  const nodes = parts(root), opens = (node, texClass) => Number(node.coreMO().texClass === texClass);
  if (display) return row(nodes);
  return inline(nodes.map((node, index) => ({
    typst: gap(node, nodes[index - 1]) + convert(node), texClass: node.texClass, size: [...text(node)].length,
    opened: opens(node, OPEN) - opens(node, CLOSE),
  })));
}
