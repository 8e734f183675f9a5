// Turn the tables of MathML into matrices of Typst.
import { em, kern, known, refuse } from "./typst.mjs";

const list = (given) => String(given ?? "").split(/\s+/).filter(Boolean);

export function table(node, attribute, convert) {
  const rows = node.childNodes.map(cellsOf), width = Math.max(...rows.map((cells) => cells.length));
  const each = (name, count, given = list(attribute(name))) => Array.from({ length: count }, (_, index) => given[index] ?? given.at(-1));
  const align = each("columnalign", width), apart = each("columnspacing", width - 1).map((one) => em(node, one));
  // Typst aligns the two halves of a cell: a right column with the left one that follows without a space.
  const halves = align.map((one, index) => one === "right" && align[index + 1] === "left" && apart[index] === 0);
  const columns = [...align.keys()].filter((index) => !halves[index - 1]);
  const spaces = new Set(columns.slice(1).map((index) => apart[index - 1]));
  if (spaces.size > 1) refuse(node, "a table with unequal spaces");
  const leads = each("rowspacing", rows.length - 1).map((one) => em(node, one)), lead = Math.min(...leads, 1);
  const written = rows.map((cells, number) => columns.map((index) => {
    const [shown, half] = [cells[index], halves[index] && cells[index + 1]].map((cell) => (cell ? convert(cell) : ""));
    const more = index === 0 && leads[number] > lead ? `#strut(0em, ${(leads[number] - lead + 0.3).toFixed(3)}em)` : "";
    return more + known({ left: `&${shown}`, right: `${shown}&${half}`, center: shown }, align[index], node, "the alignment");
  }).join(", "));
  const open = attribute("displaystyle") && node.attributes.hasExplicit("displaystyle"); // the rows of an alignment
  const gaps = `column-gap: #${Math.min([...spaces][0] ?? 0, 1)}em, row-gap: #${open ? 0.5 : Math.min(0.3, lead + 0.1)}em`;
  const edge = kern(em(node, node.attributes.hasExplicit("framespacing") ? list(attribute("framespacing"))[0] : 0));
  return `${edge}mat(delim: #none, ${gaps}${ruled(node, attribute, each, rows.length, width)}, ${written.join("; ")})${edge}`;
}

function cellsOf(row) {
  const set = row.attributes.getExplicitNames().find((name) => !name.startsWith("data-"));
  return row.isKind("mtr") && !set ? row.childNodes : refuse(row, `a row of the kind ${row.kind} ${set ?? ""}`);
}

// The rules between the cells of a table.
function ruled(node, attribute, each, height, width) {
  if (attribute("frame") !== "none" || node.attributes.get("data-frame-styles")) refuse(node, "a frame around a table");
  const at = (name, count) => each(name, count).flatMap((kind, index) => known({ none: [], solid: [`${index + 1}, `] }, kind, node, "the rule"));
  return `, augment: #(hline: (${at("rowlines", height - 1).join("")}), vline: (${at("columnlines", width - 1).join("")}), stroke: 0.04em)`;
}
