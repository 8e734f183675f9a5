// A formula in a line of text may break after a relation, and a long side of one also after + or -, but not
// in brackets; a short formula does not break. Typst keeps a group whole only beside something: the space.
const SHORT = 12, LONG = 20; // characters
const BIN = 2, REL = 3; // the classes of atoms in TeX
const longer = (pieces, limit) => pieces.reduce((sum, piece) => sum + piece.size, 0) > limit;
const side = (pieces) => (longer(pieces, LONG) ? broken(pieces, BIN, whole) : whole(pieces));
const whole = (pieces) => (pieces.length ? `class("normal", ${pieces.map((piece) => piece.typst).join("")})` : "");
function broken(pieces, texClass, between) {
  const groups = [[]], signs = [];
  let depth = 0;
  for (const piece of pieces) {
    if (depth === 0 && piece.texClass === texClass) {
      signs.push(piece.typst);
      groups.push([]);
    } else groups.at(-1).push(piece);
    depth = Math.max(0, depth + piece.opened);
  }
  return groups.map((group, index) => between(group) + (signs[index] ?? "")).join("");
}

// Each piece has its Typst, its class in TeX, how many characters it shows, and how many brackets it opens.
export const inline = (pieces) => `#h(0pt)${longer(pieces, SHORT) ? broken(pieces, REL, side) : whole(pieces)}`;
