// The search box: opens over the page, shows what is found while one types, and keeps query and filters in the
// address. The index is fetched when the box is opened, and of it only what the query needs.
window.fullMarks ??= {};
{
  const SHOWN = 8, PLACES = 3, REST = 350, KEYS = ["q", "question", "topic"];
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
  let started = null, marks = null;
  function start() {
    started ??= load("core").then(() => {
      fullMarks.search = fullMarks.index(fullMarks.searchable, load);
      marks = fullMarks.marks(fullMarks.search.reader);
      const { questions, topics } = fullMarks.searchable;
      form.question.append(...questions.map(([number, title]) => new Option(`${number}: ${title}`, number)));
      form.topic.append(...topics.map((topic) => new Option(topic)));
    }).catch(() => { started = null; throw new Error("core"); });
    return started;
  }

  // -- results ------------------------------------------------------------------------------

  // A place with an address of its own stands on a page below.
  function address(page, id, query) {
    const [below, anchor] = id.includes("#") ? id.split("#") : ["", id];
    const url = new URL(page.url + below + (local ? "index.html" : ""), root);
    if (query) url.searchParams.set("h", query);
    if (anchor) url.hash = anchor;
    return url.href;
  }
  function placed([, title, within], text, words) {
    const shown = make("span", "hit-place");
    if (title) shown.append(make("strong", "", ...marks.marked(title, words)), within ? ` in ${within}` : "", ": ");
    shown.append(...marks.marked(marks.excerpt(text, words), words));
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
    const main = make("a", "hit-main", make("span", "hit-number", page.number), make("span", "hit-title", ...marks.marked(page.title, words)));
    if (page.marks) main.append(make("span", "hit-marks", `${page.marks} mark${page.marks === 1 ? "" : "s"}`));
    if (about) main.append(make("span", "hit-about", about));
    main.href = address(page, "", query);
    let filled = null;
    const item = make("li", "hit", main), best = places.filter(([, weight], n) => n < PLACES && weight > places[0][1] / 2);
    const fill = async () => {
      const all = await fullMarks.search.places(number), [first = 0, ...others] = best.map(([place]) => place);
      main.href = address(page, all[first][0], query);
      main.append(placed(all[first], await fullMarks.search.textOf(number, first), words));
      for (const [id, title, within] of others.map((place) => all[place]).filter(([, title]) => title)) item.append(Object.assign(make("a", "hit-more", make("strong", "", ...marks.marked(title, words)), within ? ` in ${within}` : ""), { href: address(page, id, query) }));
    };
    item.fill = () => filled ??= fill().catch(() => {});  // the page itself is found
    return item;
  }

  let resting = 0;
  function show(found, query, shown = SHOWN) {
    const words = marks.asked(query);
    list.replaceChildren(...found.slice(0, shown).map((one) => hit(one, words, query)));
    seen.disconnect();
    resting = setTimeout(() => [...list.querySelectorAll(".hit")].forEach((item) => seen.observe(item)), REST);
    if (found.length > shown) {
      const more = Object.assign(make("button", "search-more", `Show ${found.length - shown} more`), { type: "button" });
      more.addEventListener("click", () => { clearTimeout(resting); show(found, query, found.length); list.children[shown].querySelector("a").focus(); });
      list.append(make("li", "", more));
    }
  }

  // -- query and address --------------------------------------------------------------------

  const given = () => Object.fromEntries(KEYS.map((key) => [key, form[key].value.trim()]));
  let keeping = 0;
  function keep(values) {
    clearTimeout(keeping);
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
    clearTimeout(resting);
    clearTimeout(keeping);
    keeping = setTimeout(keep, REST, values);  // a browser allows so many changes a minute
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
    keep(given());
    await first?.fill();  // the link then leads to the place
    first?.querySelector("a").click();
  });
  dialog.addEventListener("keydown", move);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();  // beside the box
    const link = event.target.closest("a");
    if (link) keep(given());  // Back returns to these results
    if (link && link.pathname === location.pathname) dialog.close();  // a place of this page
  });
  dialog.addEventListener("close", () => keep({}));
  addEventListener("keydown", (event) => {
    const control = event.ctrlKey || event.metaKey, typing = event.target.closest?.("input, textarea, select");
    const wanted = control ? event.key.toLowerCase() === "k" && !event.shiftKey : event.key === "/" && !typing;
    if (!wanted || event.altKey) return;  // a key alone comes here if the reader switched such keys on
    event.preventDefault();
    open();
  });
  openFromAddress();

  // -- marks on the page that was found ------------------------------------------------------

  // Mark the words of the query where the reader arrives, without a change to the page.
  async function mark(query) {
    await start();
    CSS.highlights.set("search", new Highlight(...marks.ranges(document.querySelector("article"), marks.asked(query))));
  }
  const arrived = new URLSearchParams(location.search).get("h");
  if (arrived && CSS.highlights) mark(arrived).catch(() => {});
}
