// What the browser keeps of sittings: read, scored, shown by question and topic, exported, cleared.
Object.assign(fullMarks, (() => {
  const STORE = "full-marks-sittings";
  const kind = (value, none) => value?.constructor === none.constructor ? value : none;

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }
  const button = (textContent, onclick, className = "") => make("button", { type: "button", textContent, onclick, className });

  // The text of an element, with its formulas as TeX between dollar signs.
  function words(element) {
    const copy = element.cloneNode(true);
    for (const formula of copy.querySelectorAll(".katex")) {
      formula.replaceWith(`$${formula.querySelector("annotation").textContent}$`);
    }
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const marks = (number) => `${Number(number.toFixed(2))} mark${number === 1 ? "" : "s"}`;
  const total = (list, count) => list.reduce((sum, item) => sum + count(item), 0);
  const got = ({ points }) => total(points, ({ each, ticked }) => each * ticked.filter(Boolean).length);
  const score = (entries) => `${Number(total(entries, got).toFixed(2))} of ${marks(total(entries, ({ part }) => part.marks))}`;

  // A sitting of some parts as it was kept; what is damaged in it is as at the start.
  function recall(key) {
    const old = kind(fullMarks.kept(STORE, {})[key], {}), parts = {};
    for (const id of key.split(",")) {
      const { text, hints, points } = kind(kind(old.parts, {})[id], {});
      parts[id] = { text: kind(text, ""), hints: kind(hints, 0), points: kind(points, []).map(point) };
    }
    const stage = old.stage === "mark" ? "mark" : "write";
    return { stage, spent: kind(old.spent, 0), date: kind(old.date, ""), parts };
  }

  function point(old) {
    const { words, each, ticked } = kind(old, {});
    return { words: kind(words, ""), each: kind(each, 0), ticked: kind(ticked, []) };
  }

  function remember(key, sitting) {
    fullMarks.keep(STORE, { ...fullMarks.kept(STORE, {}), [key]: sitting });
  }

  function forget(key) {
    const { [key]: gone, ...rest } = fullMarks.kept(STORE, {});
    fullMarks.keep(STORE, rest);
  }

  // The last marking of each part that was marked; `known` are the parts of the site.
  function results(known) {
    const sittings = Object.keys(fullMarks.kept(STORE, {})).map(recall).filter(({ stage }) => stage === "mark");
    sittings.sort((one, other) => one.date.localeCompare(other.date));
    const last = Object.assign({}, ...sittings.map(({ parts, date }) =>
      Object.fromEntries(Object.entries(parts).map(([id, part]) => [id, { ...part, date }]))));
    return known.filter(({ id }) => last[id]).map((part) => ({ part, ...last[part.id] }));
  }

  // A table of scores: by question with its parts, or by topic.
  function table(title, entries, groups) {
    const rows = new Map(), body = make("tbody");
    for (const entry of entries) {
      for (const { name, ...group } of groups(entry.part)) {
        if (!rows.has(name)) rows.set(name, { ...group, entries: [] });
        rows.get(name).entries.push(entry);
      }
    }
    for (const [name, { href, inner, entries }] of rows) {
      const head = make("th", { scope: "row" }, href ? make("a", { href, textContent: name }) : name);
      body.append(make("tr", { className: inner ? "inner" : "" }, head, make("td", { textContent: score(entries) })));
    }
    return make("table", { className: "plain scores" }, make("caption", { textContent: title }), body);
  }

  function scores(entries) {
    const byQuestion = ({ question, number, title, page }) =>
      [{ name: question }, { name: `${number} ${title}`, href: page, inner: true }];
    const byTopic = ({ topics }) => Object.entries(topics).map(([name, href]) => ({ name, href }));
    return [table("By question", entries, byQuestion), table("By topic", entries, byTopic)];
  }

  // The results as a text that can be read without the site.
  function account(entries) {
    const lines = entries.map((entry) => [
      `## ${entry.part.number} ${entry.part.title}: ${score([entry])}`,
      `${entry.date.slice(0, 10)}, hints: ${entry.hints}`, "",
      ...entry.points.flatMap(({ words, each, ticked }) => ticked.map((made) => `- [${made ? "x" : " "}] ${each}: ${words}`)),
      ...(entry.text ? ["", "What I wrote:", "", entry.text] : []), "",
    ]);
    return [`# Full Marks: ${score(entries)}`, "", ...lines.flat()].join("\n");
  }

  // The buttons below results: to a file, to paper, and away.
  function actions(entries, clear) {
    const save = () => {
      const href = URL.createObjectURL(new Blob([account(entries)], { type: "text/plain" }));
      make("a", { href, download: "full-marks.txt" }).click();
      setTimeout(() => URL.revokeObjectURL(href), 1000);
    };
    return make("p", { className: "actions" }, button("Export as text", save), button("Print", () => print()), clear);
  }

  return { make, button, words, minutes, marks, total, score, recall, remember, forget, results, scores, actions };
})());
