// Say a formula in the words of MathSpeak, which are made so that a listener can write it down again: each
// script, fraction and root says where it ends. Speech Rule Engine makes them from the MathML.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import sre from "speech-rule-engine";
import { serialized } from "./mathml.mjs";
import { text } from "./typst.mjs";

const maps = join(dirname(fileURLToPath(import.meta.resolve("speech-rule-engine"))), "mathmaps");
// Words of the engine that are not those of our readers: a raised ⊤ is a transpose, ― a bar, and as each index is
// said to be one, a number behind a letter needs no warning.
const BETTER = { lamda: "lambda", Lamda: "Lambda", "down tack": "transpose", "quotation dash": "bar", '[t] \\"Baseline\\"; ': "" };
const custom = async (locale) => Object.entries(BETTER).reduce((all, words) => all.replaceAll(...words), readFileSync(join(maps, `${locale}.json`), "utf8"));
await sre.setupEngine({ locale: "en", domain: "mathspeak", style: "default", modality: "speech", custom });
await sre.engineReady();

// Signs that the engine calls by the name of another sign, or not at all.
const SIGNS = { "\u2216": "set minus", "\u2296": "circled minus", "\u2298": "circled slash", "\u00f7": "division sign", "\u02c7": "check" };
function create(node, kind, words, like) {
  const font = like?.attributes.getExplicit("mathvariant");
  return node.factory.create(kind, font ? { mathvariant: font } : {}, [node.factory.create("text").setText(words)]);
}
const replace = (node, ...parts) => node.parent.replaceChild(parts.length > 1 ? node.factory.create("mrow", {}, parts) : parts[0], node);

// The words of a \said stand for what it shows, or before it if they end with three dots.
function said(node, words) {
  const before = /^(.*) (?:\.\.\.|\u2026)$/.exec(words);
  replace(node, ...(before ? [create(node, "mtext", before[1]), node.copy()] : [create(node, "mtext", words)]));
}

// The largest part that is this node and no more: x_{1} has an index of one token, as x_1 has.
const whole = (node) => (node.parent.childNodes.length === 1 && /TeXAtom|[mM]row/.test(node.parent.kind) ? whole(node.parent) : node);

// Return what is said for a token: a hyphen is no minus, an index no factor, 26 below 9 no sixth, a name of small and capital letters
// one word, a bracket at a table a bracket, and only a Latin letter is said to be upright.
function prepared(node) {
  const shown = text(node), all = whole(node), near = all.parent.childNodes, place = near.indexOf(all);
  const table = () => [near[place - 1], near[place + 1]].some((one) => /<mtable/.test(one && serialized(one)));
  if (SIGNS[shown]) return [create(node, "mtext", SIGNS[shown])];
  if (shown.endsWith("\u0338")) return [create(node, "mtext", "not"), create(node, "mo", shown.slice(0, -1))];
  if (/^[^\w\s]$/.test(shown) && node.isKind("mo") && table()) return [create(node, "mtext", sre.toSpeech(`<mo>${shown}</mo>`))];
  if (node.isKind("mtext") && /^[A-Za-z]$/.test(shown)) return [create(node, "mi", shown, node)];
  if (node.isKind("mtext")) return [create(node, "mtext", shown.replaceAll("-", "\u2010"), node)];
  if (node.isKind("mn") && place === 1 && /^(msub|mfrac)/.test(all.parent.kind)) return [create(node, "mtext", shown, node)];
  if (/^(?=.*[a-z]).+[A-Z0-9]|^[A-Z][a-z]/.test(shown)) return [create(node, "mtext", shown, node)];
  if (node.isKind("mi") && !/^[A-Za-z]+$/.test(shown) && node.attributes.get("mathvariant") === "normal") return [create(node, "mi", shown)];
  return null;
}

export function spoken(root) {
  const nodes = [];
  root.walkTree((node) => nodes.push(node));
  for (const node of nodes) {
    const words = node.attributes?.getExplicit("data-said"), better = !words && node.isToken && prepared(node);
    if (words) said(node, words);
    else if (better) replace(node, ...better);
  }
  return sre.toSpeech(serialized(root));
}
