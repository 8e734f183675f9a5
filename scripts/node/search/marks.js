// Mark the words of a query, in what the results show of a page and on the page that was found.
{
  const EXCERPT = 170, BEFORE = 40; // characters: of an excerpt, and before the first word in it
  fullMarks.marks = (reader) => {
    const asked = (query) => new Set(reader.asked(query).flatMap(({ word, parts }) => [word, ...parts]));

    const WORD = /[\p{L}\p{N}]+(?:[.,]\p{N}+)*/gu;

    // Where the words that were asked for stand in a text.
    const hits = (text, words) => [...text.matchAll(WORD)].map((found) => ({ at: found.index, end: found.index + found[0].length, word: reader.indexed(found[0]).find((word) => words.has(word)) })).filter(({ word }) => word);

    // The text with these words marked.
    function marked(text, words) {
      let last = 0;
      const pieces = hits(text, words).flatMap(({ at, end }) => [text.slice(last, at), Object.assign(document.createElement("mark"), { textContent: text.slice(at, last = end) })]);
      return [...pieces, text.slice(last)];
    }

    // The stretch of a text in which most of the words stand, from whole word to whole word.
    function excerpt(text, words) {
      const found = hits(text, words), inside = (from) => new Set(found.filter(({ at, end }) => at >= from && end <= from + EXCERPT - BEFORE).map(({ word }) => word)).size;
      const best = found.reduce((most, { at }) => (inside(at) > inside(most) ? at : most), found[0]?.at ?? 0);
      const start = best <= BEFORE ? 0 : text.indexOf(" ", best - BEFORE) + 1, cut = text.slice(start, start + EXCERPT);
      const ends = start + EXCERPT < text.length;
      return `${start ? "… " : ""}${ends ? `${cut.slice(0, cut.lastIndexOf(" "))} …` : cut}`;
    }

    // The stretches of an element that hold these words, formulas and code left out.
    function ranges(element, words) {
      const found = [], texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const text = texts.currentNode;
        if (text.parentElement.closest(".katex, script, pre, [popover]")) continue;
        for (const { at, end } of hits(text.data, words)) {
          const range = new Range();
          range.setStart(text, at);
          range.setEnd(text, end);
          found.push(range);
        }
      }
      return found;
    }

    return { asked, marked, excerpt, ranges };
  };
}
