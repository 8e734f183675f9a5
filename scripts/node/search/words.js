// Read a text as the words that search compares: one spelling, one form, one name for what has several. The build
// reads the pages with it and the browser the query, so that both come to the same words.
{
  const GREEK = fullMarks.greek = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau upsilon phi chi psi omega".split(" ");
  const SIGNS = { "ϵ": "epsilon", "ϑ": "theta", "ϕ": "phi", "∇": "nabla", "∞": "infinity", "√": "root", "∑": "sum", "∏": "product", "ℒ": "l", "𝔼": "e" };
  const sign = (char) => ` ${SIGNS[char] ?? GREEK["αβγδεζηθικλμνξοπρςστυφχψω".indexOf(char)]} `;
  const KINDS = { eq: "equation", eqn: "equation", fig: "figure", thm: "theorem", prop: "proposition", def: "definition", cor: "corollary", lem: "lemma", ex: "example" };
  const NUMBERED = /\b(equation|figure|theorem|proposition|definition|corollary|lemma|example|eqn?|fig|thm|prop|def|cor|lem|ex)s?\b\.? ?\(?(\d+[a-z]\.\d+)\)?/g;

  // Text in lower case with signs as words, `(2a.4)` as an equation, `2(a)` as 2a, `p_K` as pk and 1,052 as 1052.
  const plain = (text) => text.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f\u200b]/g, "")
    .replace(NUMBERED, (_, kind, number) => ` ${KINDS[kind] ?? kind}${number} `)
    .replace(/\((\d+[a-z]\.\d+)\)/g, " equation$1 ")
    .replace(/\bq?(\d+) ?\(([a-z])\)/g, " $1$2 ").replace(/(\d),(?=\d{3}(?!\d))/g, "$1")
    .replace(/\\/g, "").replace(/([a-zα-ω])_\{?([a-zα-ω]+)\}?/g, "$1$2").replace(/['’]s?\b/g, "")
    .replace(/[α-ωϵϑϕ∇∞√∑∏]/g, sign);
  const TOKEN = /[a-z0-9]+(?:\.[0-9]+)*/g;

  // `stem` is the stemmer; `spellings` the pairs to read alike; `same` lists of names of one thing.
  fullMarks.reader = (stem, { spellings, same, ignored }) => {
    const known = new Map(), names = new Map(), skipped = new Set();
    const spelled = (word) => spellings.reduce((all, [from, to]) => all.replaceAll(from, to), word);
    function word(token) {
      if (!known.has(token)) known.set(token, /\d/.test(token) ? token : stem(spelled(token)));
      return known.get(token);
    }
    const tokens = (text) => plain(text).match(TOKEN) ?? [];
    const read = (text) => tokens(text).map(word);
    for (const group of same) {
      const [first, ...others] = group.map(read), name = first.join("");
      for (const words of [first, ...others]) {
        const list = names.get(words[0]) ?? names.set(words[0], []).get(words[0]);
        if (words.length > 1 || words[0] !== name) list.push({ words, name });
        list.sort((one, other) => other.words.length - one.words.length);
      }
    }
    for (const token of ignored.flatMap(read)) skipped.add(token);

    // The name that begins at a place, as { words, name }, or undefined.
    const named = (words, at) => names.get(words[at])?.find((one) => one.words.every((part, n) => part === words[at + n]));
    // What a page is found by: its words, compounds as one word too, and the names that stand in it.
    function indexed(text) {
      const words = read(text), joined = plain(text).match(/[a-z]+(?:[-‐‑–][a-z]+)+/g) ?? [];
      const compounds = joined.map((compound) => word(compound.replace(/[-‐‑–]/g, "")));
      return [...words, ...compounds, ...words.flatMap((_, at) => named(words, at)?.name ?? [])];
    }
    // What a query asks for: the longest names in it, else its words.
    function asked(text) {
      const raw = tokens(text), words = raw.map(word), terms = [];
      for (let at = 0; at < words.length; at += terms.at(-1).length) {
        const found = named(words, at);
        terms.push({ raw: raw[at], word: found?.name ?? words[at], length: found?.words.length ?? 1, parts: found?.words ?? [words[at]] });
      }
      const kept = terms.filter((term) => !skipped.has(term.word));
      return kept.length ? kept : terms;
    }
    // The words and names that the last words of a query may be about to say; one or two letters only words of at most
    // three, which the next key may complete.
    function begun(text) {
      const words = read(text), last = words.at(-1) ?? "", short = (first) => first.length < 4;
      const starts = [...names.keys()].filter((first) => last && first.startsWith(last) && (last.length > 2 || short(first)));
      const begins = (all, at) => words.slice(at).every((part, n) => all[n]?.startsWith(part));
      const said = [...words, ...starts].flatMap((first, at) => names.get(first)?.filter(({ words: all }) => begins(all, Math.min(at, words.length - 1))).map(({ name }) => name) ?? []);
      return [...new Set([...starts.filter(short), ...said])];
    }
    return { word, tokens, read, indexed, asked, begun };
  };
}
