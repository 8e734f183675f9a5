// Find the pages that a query asks for. The index is cut into shards by the first letters of the words; a file, which
// is a script, so that search also works on pages opened as files, holds one shard or several small ones, and only
// what a query needs is fetched.
// A shard maps a word to a flat list: page, number of places, then place and weight for each.
{
  const SATURATION = 6, PLACE = 3, GUESS = 0.6, BEGINNING = 0.8, MOST_ENDINGS = 24, FAINTEST = 0.1;

  // Return how many letters two words differ by, a swap of two neighbours counted once; more than `most` is Infinity.
  function distance(one, other, most) {
    if (Math.abs(one.length - other.length) > most) return Infinity;
    let before = [], row = [...Array(other.length + 1).keys()];
    for (let i = 1; i <= one.length; i++) {
      const next = [i];
      for (let j = 1; j <= other.length; j++) {
        const same = one[i - 1] === other[j - 1];
        next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + !same);
        if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) next[j] = Math.min(next[j], before[j - 2] + 1);
      }
      [before, row] = [row, next];
    }
    return row.at(-1) <= most ? row.at(-1) : Infinity;
  }

  // `load` fetches a file of the index, whose script then calls shard() or page() with what it holds.
  fullMarks.index = (data, load) => {
    const reader = fullMarks.reader(fullMarks.stem, data.synonyms), shards = new Map(), pages = new Map(), texts = new Map(), pending = new Map();
    const once = (file) => pending.get(file) ?? pending.set(file, load(file).catch((error) => { pending.delete(file); throw error; })).get(file);
    const names = new Map(data.shards.flatMap((some, n) => some.map((name) => [name, n])));
    const fetched = (name) => (names.has(name) ? once(`w${names.get(name)}`) : Promise.resolve());

    // The names of the shards that words beginning like this may be in, the longest last.
    const holding = (word) => [...word].map((_, n) => word.slice(0, n + 1)).filter((name) => names.has(name));
    const deepest = (word) => holding(word).at(-1);
    const own = (object, word) => (object && Object.hasOwn(object, word) ? object[word] : undefined);
    const postings = (word) => own(shards.get(deepest(word)), word) ?? own(data.letters, word);
    const endings = (start) => (shards.get(deepest(start)) ? Object.keys(shards.get(deepest(start))) : []).filter((word) => word !== start && word.startsWith(start)).slice(0, MOST_ENDINGS);

    // The shards in other files that the next letter of a word may ask for, if they are few.
    function following(start) {
      const apart = (name) => name.length === start.length + 1 && name.startsWith(start) && names.get(name) !== names.get(start);
      const next = start.length > 1 ? [...names.keys()].filter(apart) : [];
      return next.length <= 3 ? next : [];
    }

    // What the last word of a query may be about to say besides: `mas` is read as the plural of `ma`, but may become
    // `mask`; and `(2c.4` an equation, once its bracket is closed.
    const about = (last) => (!last ? [] : /^\d+[a-z]/.test(last.raw) ? [last.raw, `equation${last.raw}`] : [last.raw]);

    // The words that a word which no page has may be a slip for: those at the least distance.
    function meant(word) {
      const most = word.length < 4 || /\d/.test(word) ? 0 : word.length < 8 ? 1 : 2;
      const near = new Map([...data.keys, ...[...shards.values()].flatMap(Object.keys)].map((other) => [other, most ? distance(word, other, most) : Infinity]));
      const least = Math.min(...near.values());
      return least === Infinity ? [] : [...near.keys()].filter((other) => near.get(other) === least && other[0] === word[0] || near.get(other) === least && data.keys.includes(other));
    }

    // The words of the index that stand for a word of the query, each with its factor.
    async function readings({ word, parts }, last) {
      const wait = fetched(deepest(word));
      if (own(data.letters, word)) wait.catch(() => {});  // its best pages are known
      else await wait;
      const found = [...(postings(word) ? [[word, 1]] : []), ...(last ? endings(word).map((other) => [other, BEGINNING]) : [])];
      if (found.length) return found;
      if (parts.length > 1) return (await Promise.all(parts.map((part) => readings({ word: part, parts: [part] }, false)))).flat();
      const guesses = meant(word);
      await Promise.all(guesses.map((other) => fetched(deepest(other))));
      return guesses.filter(postings).map((other) => [other, GUESS]);
    }

    // The weight of each page, and of each place in it, for one term of the query.
    function weigh(readings) {
      const pages = new Map();
      for (const [word, factor] of readings) {
        const list = postings(word), found = new Map();
        for (let at = 0; at < list.length; at += 2 + 2 * list[at + 1]) found.set(list[at], list.slice(at + 2, at + 2 + 2 * list[at + 1]));
        const rarity = Math.log(1 + (data.pages.length - found.size + 0.5) / (found.size + 0.5));
        for (const [page, places] of found) {
          const known = pages.get(page) ?? pages.set(page, { score: 0, rarity, places: new Map() }).get(page);
          const sum = places.reduce((all, value, n) => all + (n % 2 ? value : 0), 0);
          known.score = Math.max(known.score, factor * rarity * sum / (sum + SATURATION));
          for (let n = 0; n < places.length; n += 2) known.places.set(places[n], Math.max(known.places.get(places[n]) ?? 0, factor * rarity * places[n + 1] / (places[n + 1] + PLACE)));
        }
      }
      return pages;
    }

    // The pages that hold the terms, best first; all terms count, and more so if they stand together in one place.
    function ranked(terms, extra, wanted) {
      const weights = terms.map((pages) => Math.max(0, ...[...pages.values()].map((one) => one.rarity)));
      const whole = weights.reduce((all, one) => all + one, 0) || 1, found = [];
      for (const page of new Set(terms.flatMap((pages) => [...pages.keys()]))) {
        if (!wanted(data.pages[page])) continue;
        const hits = [...terms, ...extra].map((pages) => pages.get(page)), places = new Map();
        for (const hit of hits) for (const [place, weight] of hit?.places ?? []) places.set(place, (places.get(place) ?? 0) + weight);
        const best = [...places].sort((one, other) => other[1] - one[1] || one[0] - other[0]);
        const covered = hits.reduce((all, hit, n) => all + (hit ? weights[n] ?? 0 : 0), 0) / whole;
        const sum = hits.reduce((all, hit) => all + (hit?.score ?? 0), 0) + best[0][1];
        found.push({ page, score: sum * covered ** 2 * data.pages[page].prior, places: best });
      }
      found.sort((one, other) => other.score - one.score || one.page - other.page);
      return found.filter(({ score }) => score > FAINTEST * found[0].score);
    }

    // Two neighbours in the query that a page writes as one word, as `tool former`; they add to the score. The last
    // two may still be typed: they count when what they need is there, and nothing waits for it.
    async function joined(asked) {
      const words = asked.slice(1).map((term, n) => reader.word(asked[n].raw + term.raw));
      const fetches = words.map((word) => fetched(deepest(word)));
      fetches.at(-1)?.catch(() => {});
      await Promise.all(fetches.slice(0, -1));
      return words.filter(postings).map((word) => [[word, 1]]);
    }

    return {
      data, reader,
      shard: (name, words) => shards.set(name, words),
      page: (number, places) => pages.set(number, places),
      text: (name, some) => texts.set(name, some),
      async find(query, wanted = () => true) {
        const asked = reader.asked(query), names = [...reader.begun(query), ...about(asked.at(-1))];
        for (const name of [...names.map(deepest), ...following(asked.at(-1)?.word ?? "")]) fetched(name).catch(() => {});
        const read = await Promise.all(asked.map((term, n) => readings(term, n === asked.length - 1 && !/\s$/.test(query))));
        return ranked(read.map(weigh), (await joined(asked)).map(weigh), wanted);
      },
      // The places of a page: anchor, title, section that each is in, and in which stretch of the text it is.
      places: async (page) => { await once(`p${page}`); return pages.get(page); },
      textOf: async (page, place) => {
        const name = `${page}-${pages.get(page)[place][3]}`;
        await once(`t${name}`);
        return texts.get(name)[place];
      },
    };
  };
}
