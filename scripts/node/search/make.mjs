// Make the index of the search: read pages as JSON, write the files of the index as JSON, by their names.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stemmer } from "stemmer";

// Characters of a shard, of one so small that it comes with others, of which there are few, and of a piece of text; a
// third of that as it is sent.
const LARGEST = 40_000, SMALL = 1_500, STRETCH = 9_000;
const LABEL = 40; // weight of a number at the place that has it
const source = (url) => readFileSync(fileURLToPath(url), "utf8");
// What the browser runs, one script: the stemmer, which is a module, then our own.
const CODE = [
  `(globalThis.fullMarks ??= {}).stem = (() => {\n${source(import.meta.resolve("stemmer")).replace(/^export /gm, "")}\nreturn stemmer;\n})();`,
  ...["words.js", "ranking.js", "marks.js"].map((name) => source(new URL(name, import.meta.url))),
].join("\n");

globalThis.fullMarks = { stem: stemmer };
await import("./words.js");
const { pages, questions, topics, synonyms } = JSON.parse(readFileSync(0, "utf8"));
const reader = fullMarks.reader(stemmer, synonyms);

// Word → [page, [[place, weight], …]] for each page that has it, over all pages.
function postings() {
  const all = new Map();
  pages.forEach((page, p) => {
    const found = new Map();
    page.places.forEach((place, u) => {
      const weights = new Map(place.labels.map((label) => [label, LABEL]));
      for (const [text, weight] of place.fields) for (const word of reader.indexed(text)) weights.set(word, (weights.get(word) ?? 0) + weight);
      for (const [word, weight] of weights) (found.get(word) ?? found.set(word, []).get(word)).push([u, Math.ceil(weight)]);
    });
    for (const [word, places] of found) (all.get(word) ?? all.set(word, []).get(word)).push([p, places]);
  });
  return all;
}
// As the browser reads it: page, number of places, then place and weight for each, and so on.
const flat = (list) => list.flatMap(([page, places]) => [page, places.length, ...places.flat()]);

// The best pages and places for each Greek letter: it is typed with one key, too soon to fetch its shard.
function letters(all) {
  const heaviest = (places) => places.reduce((best, one) => (one[1] > best[1] ? one : best));
  const weight = ([, places]) => places.reduce((sum, [, weight]) => sum + weight, 0);
  const best = (word) => [...(all.get(word) ?? [])].sort((one, other) => weight(other) - weight(one)).slice(0, 8);
  const found = fullMarks.greek.map(reader.word).map((word) => [word, flat(best(word).map(([page, places]) => [page, [heaviest(places)]]))]);
  return Object.fromEntries(found.filter(([, list]) => list.length));
}

// Cut words that begin alike into shards of at most the largest size; a small one comes in the file of the beginning
// that its words go on from, which is fetched before their next letter is typed.
function* shards(start, words, before = start) {
  const text = JSON.stringify(Object.fromEntries(words));
  if (start && (text.length <= LARGEST || words.length === 1)) return yield [start, text, before && text.length <= SMALL ? before : start];
  if (start) yield [start, JSON.stringify(Object.fromEntries(words.filter(([word]) => word === start))), start];
  const longer = Map.groupBy(words.filter(([word]) => word !== start), ([word]) => word.slice(0, start.length + 1));
  for (const [name, some] of longer) yield* shards(name, some, start);
}

const all = postings(), sorted = [...all].map(([word, list]) => [word, flat(list)]).sort(([one], [other]) => (one < other ? -1 : 1));
const cut = [...Map.groupBy(shards("", sorted), ([, , file]) => file).values()], files = {};
const named = [...pages.flatMap((page) => [page.title, ...page.topics]), ...synonyms.same.flat()];
const keys = [...new Set(named.flatMap(reader.read))].filter((word) => /^[a-z]{5,}$/.test(word)).sort();
// Cut the texts of a page into stretches of that size, each of whole places.
function* stretches(places) {
  let some = {}, length = 0;
  for (const [n, { text }] of places.entries()) {
    if (length && length + text.length > STRETCH) {
      yield some;
      [some, length] = [{}, 0];
    }
    some[n] = text;
    length += text.length;
  }
  yield some;
}
cut.forEach((some, n) => { files[`w${n}.js`] = some.map(([name, text]) => `fullMarks.search.shard(${JSON.stringify(name)}, ${text});\n`).join(""); });
pages.forEach(({ places }, n) => {
  const texts = [...stretches(places)], shown = places.map(({ id, title, within }, u) => [id, title, within, texts.findIndex((some) => u in some)]);
  files[`p${n}.js`] = `fullMarks.search.page(${n}, ${JSON.stringify(shown)});\n`;
  texts.forEach((some, t) => { files[`t${n}-${t}.js`] = `fullMarks.search.text("${n}-${t}", ${JSON.stringify(some)});\n`; });
});
// The version stands in the address of each file, so that files of two builds are never mixed.
const version = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 8);
const data = { version, questions, topics, pages: pages.map(({ places, ...head }) => head), shards: cut.map((some) => some.map(([name]) => name)), letters: letters(all), keys, synonyms };
files["core.js"] = `${CODE}\nfullMarks.searchable = ${JSON.stringify(data)};\n`;
process.stdout.write(JSON.stringify(files));
