// The letters, signs and accents of MathML in the language of Typst.
export const FONTS = {
  normal: ["upright"], italic: ["italic"], bold: ["bold", "upright"], "bold-italic": ["bold", "italic"],
  "double-struck": ["bb"], script: ["scr"], "bold-script": ["bold", "scr"], "-tex-calligraphic": ["cal"],
  "-tex-bold-calligraphic": ["bold", "cal"], fraktur: ["frak"], "bold-fraktur": ["bold", "frak"],
  "-tex-mathit": ["italic"], monospace: ["mono"], "sans-serif": ["sans", "upright"], "bold-sans-serif": ["bold", "sans", "upright"],
};
export const ACCENTS = {
  "^": "\u0302", "~": "\u0303", "\u00af": "\u0304", "\u02d9": "\u0307", "\u00a8": "\u0308", "\u02c7": "\u030c", "\u2192": "\u20d7",
  "\u2190": "\u20d6", "\u02d8": "\u0306", "\u00b4": "\u0301", "\u0060": "\u0300", "\u02da": "\u030a", "\u20db": "\u20db",
};
export const OVER = { "\u23de": "overbrace", "\u23b4": "overbracket", "\u2015": "overline" };
export const UNDER = { "\u23df": "underbrace", "\u23b5": "underbracket", "\u2015": "underline" };
export const PRIMES = { "\u2032": 1, "\u2033": 2, "\u2034": 3, "\u2057": 4 };

export const primes = (shown) => `class("normal", ${Array(PRIMES[shown]).fill("prime").join(" ")})`;
export const quoted = (text) => JSON.stringify(text);
// Signs that the font of the print draws as KaTeX does under another number only.
export const FORMS = { "\u2205": "\\u{fe00}" }; // of which \varnothing has none
const DRAWN = { "\u22a7": "\u22a8", "\u27c2": "\u22a5" };
export const escaped = (text) => [...text].map((c) => (/[A-Za-z0-9]/.test(c) ? c : `\\u{${(DRAWN[c] ?? c).codePointAt(0).toString(16)}}`)).join(" ");
