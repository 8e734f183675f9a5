// The search box: opens over the page, shows what is found while one types, and keeps query and filters in the
// address. The index is fetched when the box is opened, and of it only what the query needs.
window.fullMarks ??= {};
{
  const SHOWN = 8, PLACES = 3, EXCERPT = 170, BEFORE = 40, REST = 200, KEYS = ["q", "question", "topic"];
  const root = new URL("..", document.currentScript.src), local = location.protocol === "file:";
  const find = (selector) => document.querySelector(`.search ${selector}`);
  const [box, dialog, form, list, status] = ["-open", "-dialog", "-form", "-results", "-status"].map((name) => find(`.search${name}`));
  const make = (tag, className, ...children) => {
    const element = Object.assign(document.createElement(tag), { className });
    element.append(...children);
    return element;
  };

  // A file of the index is a script: a page opened as a file may load scripts, but may not fetch.
  const load = (file) => new Promise((resolve, reject) => {
    const src = new URL(`search/${file}.js${fullMarks.searchable ? `?${fullMarks.searchable.version}` : ""}`, root);
    document.head.append(Object.assign(document.createElement("script"), { src, onload: resolve, onerror: () => reject(new Error(file)) }));
  });
  let started = null;
  function start() {
    started ??= load("core").then(() => {
      fullMarks.search = fullMarks.index(fullMarks.searchable, load);
      const { questions, topics } = fullMarks.searchable;
      form.question.append(...questions.map(([number, title]) => new Option(`${number}: ${title}`, number)));
      form.topic.append(...topics.map((topic) => new Option(topic)));
    }).catch(() => { started = null; throw new Error("core"); });
    return started;
  }

  // -- results ------------------------------------------------------------------------------

  const asked = (query) => new Set(fullMarks.search.reader.asked(query).flatMap(({ word, parts }) => [word, ...parts]));

  const WORD = /[\p{L}\p{N}]+(?:[.,]\p{N}+)*/gu;

  // Where the words that were asked for stand in a text.
  const hits = (text, words) => [...text.matchAll(WORD)].map((found) => ({ at: found.index, end: found.index + found[0].length, word: fullMarks.search.reader.indexed(found[0]).find((word) => words.has(word)) })).filter(({ word }) => word);

  // The text with these words marked.
  function marked(text, words) {
    let last = 0;
    const pieces = hits(text, words).flatMap(({ at, end }) => [text.slice(last, at), make("mark", "", text.slice(at, last = end))]);
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
  function address(page, id, query) {
    const url = new URL(page.url + (local ? "index.html" : ""), root);
    if (query) url.searchParams.set("h", query);
    if (id) url.hash = id;
    return url.href;
  }
  function placed([, title, within, text], words) {
    const shown = make("span", "hit-place");
    if (title) shown.append(make("strong", "", ...marked(title, words)), within ? ` in ${within}` : "", ": ");
    shown.append(...marked(excerpt(text, words), words));
    return shown;
  }

  // The text of a page is fetched when its result comes into view, once the reader stops to type.
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      target.fill();
    }
  }, { root: list });

  // One page: its part, title and marks, its question and topics, and the places that hold most of the query.
  function hit({ page: number, places }, words, query) {
    const page = fullMarks.searchable.pages[number], about = [page.number && `Question ${page.question}`, ...page.topics].filter(Boolean).join(" · ");
    const main = make("a", "hit-main", make("span", "hit-number", page.number), make("span", "hit-title", ...marked(page.title, words)));
    if (page.marks) main.append(make("span", "hit-marks", `${page.marks} mark${page.marks === 1 ? "" : "s"}`));
    if (about) main.append(make("span", "hit-about", about));
    main.href = address(page, "", query);
    let filled = null;
    const item = make("li", "hit", main), best = places.filter(([, weight], n) => n < PLACES && weight > places[0][1] / 2);
    item.fill = () => filled ??= fullMarks.search.places(number).then((all) => {
      const [first, ...others] = best.map(([place]) => all[place]);
      if (first) main.href = address(page, first[0], query);
      main.append(placed(first ?? all[0], words));
      for (const other of others.filter(([, title]) => title)) item.append(Object.assign(make("a", "hit-more", make("strong", "", ...marked(other[1], words)), other[2] ? ` in ${other[2]}` : ""), { href: address(page, other[0], query) }));
    }).catch(() => {});  // the page itself is found
    return item;
  }

  let resting = 0;
  function show(found, query, shown = SHOWN) {
    const words = asked(query);
    list.replaceChildren(...found.slice(0, shown).map((one) => hit(one, words, query)));
    seen.disconnect();
    clearTimeout(resting);
    resting = setTimeout(() => [...list.querySelectorAll(".hit")].forEach((item) => seen.observe(item)), REST);
    if (found.length > shown) {
      const more = Object.assign(make("button", "search-more", `Show ${found.length - shown} more`), { type: "button" });
      more.addEventListener("click", () => { show(found, query, found.length); list.children[shown].querySelector("a").focus(); });
      list.append(make("li", "", more));
    }
  }

  // -- query and address --------------------------------------------------------------------

  const given = () => Object.fromEntries(KEYS.map((key) => [key, form[key].value.trim()]));
  function keep(values) {
    const url = new URL(location.href);
    for (const key of KEYS) values[key] ? url.searchParams.set(key, values[key]) : url.searchParams.delete(key);
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  }
  function told(count, { q, question, topic }) {
    if (count) return `${count} page${count === 1 ? "" : "s"}`;
    if (!q) return question || topic ? "Nothing in this selection" : "";
    return `Nothing found for “${q}”${question || topic ? " in this selection" : ""}`;
  }
  let latest = 0;
  async function search() {
    const values = given(), turn = ++latest;
    keep(values);
    list.ariaBusy = "true";
    try {
      await start();
      const wanted = (page) => (!values.question || page.question === values.question) && (!values.topic || page.topics.includes(values.topic));
      const parts = () => fullMarks.searchable.pages.flatMap((page, number) => (page.number && wanted(page) ? [{ page: number, places: [] }] : []));
      const found = values.q ? await fullMarks.search.find(form.q.value, wanted) : values.question || values.topic ? parts() : [];
      if (turn !== latest) return;  // the reader typed on
      show(found, values.q);
      status.textContent = told(found.length, values);
    } catch {
      if (turn !== latest) return;
      list.replaceChildren();
      status.textContent = "The search could not be loaded. Type again to retry.";
    }
    list.ariaBusy = "false";
  }

  function open() {
    if (!dialog.open) dialog.showModal();
    form.q.focus();
    form.q.select();
    search();
  }
  async function openFromAddress() {
    const query = new URLSearchParams(location.search);
    if (!KEYS.some((key) => query.has(key))) return;
    await start().catch(() => {});
    for (const key of KEYS) form[key].value = query.get(key) ?? "";
    open();
  }

  // Up and down go through the box and the results, Enter in the box follows the first.
  function move(event) {
    const stops = [form.q, ...list.querySelectorAll("a, button")], at = stops.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    if (at < 0 || to === undefined || event.altKey) return;
    event.preventDefault();
    stops[Math.max(0, Math.min(to, stops.length - 1))].focus();
  }

  find(".search-close").addEventListener("click", () => dialog.close());
  box.addEventListener("click", open);
  box.addEventListener("pointerenter", () => start().catch(() => {}));
  form.addEventListener("input", search);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const first = list.querySelector(".hit");
    await first?.fill();  // the link then leads to the place
    first?.querySelector("a").click();
  });
  dialog.addEventListener("keydown", move);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();  // beside the box
    const link = event.target.closest("a");
    if (link && link.pathname === location.pathname) dialog.close();  // a place of this page
  });
  dialog.addEventListener("close", () => keep({}));
  addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open();
  });
  document.querySelector(".search").hidden = false;
  openFromAddress();

  // -- marks on the page that was found ------------------------------------------------------

  // Mark the words of the query where the reader arrives, without a change to the page.
  async function mark(query) {
    await start();
    const words = asked(query), ranges = [];
    const texts = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { currentNode: text } = texts;
      if (text.parentElement.closest(".katex, script, pre, [popover]")) continue;
      for (const { at, end } of hits(text.data, words)) {
        const range = new Range();
        range.setStart(text, at);
        range.setEnd(text, end);
        ranges.push(range);
      }
    }
    CSS.highlights.set("search", new Highlight(...ranges));
  }
  const arrived = new URLSearchParams(location.search).get("h");
  if (arrived && CSS.highlights) mark(arrived).catch(() => {});
}
