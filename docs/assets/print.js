// A set of your own: shows and prints the chosen sections of the chosen parts; the address keeps the choice.
// The text of a part is a script of its own: a page opened as a file may load scripts, but may not fetch.
Object.assign(window.fullMarks ??= {}, { texts: {}, add(part, sections) { this.texts[part] = sections; } });

{
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const form = find(".chooser"), sheet = find(".sheet"), print = find("button.print");
  const boxes = all("[data-script]", form), shows = all("[name=show]", form);
  const groups = all("[data-parts]:not([data-script])", form), presets = all("[data-show]", form);
  const requested = new Set(), failed = new Set(), built = new Map();
  const members = (box) => box.dataset.parts.split(" ");
  const ticked = (list) => list.filter((box) => box.checked);
  let current = null, arrived = false;
  // Tick what the address asks for, and name what this page does not have.
  function read() {
    const query = new URLSearchParams(location.search), parts = new Set(), unknown = [];
    const asked = (key) => query.getAll(key).join().split(",").map((word) => word.trim()).filter(Boolean);
    const known = (key, word) => {
      const value = word.toLowerCase().replaceAll(" ", "-");
      const box = all(`[name=${key}]`, form).find((box) => box.value === value);
      if (!box) unknown.push(`“${word}” (${key})`);
      return box;
    };
    for (const key of ["parts", "topics"]) {
      for (const box of asked(key).map((word) => known(key, word)).filter(Boolean)) {
        for (const part of members(box)) parts.add(part);
      }
    }
    const sections = asked("show").map((word) => known("show", word));
    for (const box of boxes) box.checked = parts.has(box.value);
    for (const box of shows) box.checked = query.has("show") ? sections.includes(box) : box.value === "question";
    report(unknown);
    current = location.search;
    draw();
  }

  // Name what the address asked for in vain.
  function report(unknown) {
    const message = find(".unknown", form);
    message.hidden = !unknown.length;
    message.textContent = `The address of this page asks for what is not here: ${unknown.join(", ")}. It was left out.`;
  }

  function address() {
    const values = (list) => ticked(list).map((box) => box.value).join(",");
    return `?parts=${values(boxes)}&show=${values(shows)}`;
  }

  function changed() {
    history.pushState(null, "", address());
    read();
  }

  // Ask for the text of a part, once, and draw again when it is there.
  function load(box) {
    if (requested.has(box.value)) return;
    requested.add(box.value);
    const onerror = () => { failed.add(box.value); draw(); };
    document.head.append(Object.assign(document.createElement("script"), { src: box.dataset.script, onload: draw, onerror }));
  }

  // The elements of a part and of a section are made once, when they are first shown.
  const once = (key, make) => built.get(key) ?? built.set(key, make()).get(key);
  function section(part, name) {
    return once(`${part} ${name}`, () => {
      const template = document.createElement("template");
      template.innerHTML = fullMarks.texts[part][name];
      const made = template.content.firstElementChild;
      if (name !== "references") made.append(...notes(part, name, made));
      return made;
    });
  }

  // The references and footnotes that a section needs, for its end in a set without the references of the part.
  function notes(part, name, made) {
    const cited = new Set(all("a.citation, a.footnote-ref", made).map((link) => link.dataset.inside));
    const lists = cited.size ? all("ol", section(part, "references")) : [];
    return lists.map((list) => {
      const copy = Object.assign(list.cloneNode(true), { className: "notes", ariaLabel: "What this section cites" });
      [...list.children].forEach(({ id }, at) => {
        const item = copy.querySelector(`:scope > [id="${id}"]`);
        all("[id]", item).forEach((inner) => inner.removeAttribute("id"));
        Object.assign(item, { id: `${name}-${id}`, value: at + 1 }).dataset.of = id;
        if (!cited.has(id)) item.remove();
      });
      return copy;
    }).filter((copy) => copy.childElementCount);
  }

  // Let an element have these children; what is in place stays, and need not be laid out again.
  function place(parent, wanted) {
    for (const child of [...parent.children]) if (!wanted.includes(child)) child.remove();
    wanted.forEach((child, at) => child === parent.children[at] || parent.insertBefore(child, parent.children[at]));
  }

  function article(part, sections) {
    const made = once(part, () => Object.assign(document.createElement("article"), { id: part }));
    place(made, ["head", ...sections].map((name) => section(part, name)));
    return made;
  }

  // Show in the form and on the sheet what is chosen.
  function draw() {
    const chosen = ticked(boxes), sections = ticked(shows).map((box) => box.value);
    for (const box of groups) {
      const count = ticked(boxes.filter((part) => members(box).includes(part.value))).length;
      box.checked = count === members(box).length;
      box.indeterminate = count > 0 && !box.checked;
    }
    for (const button of presets) button.setAttribute("aria-pressed", button.dataset.show === sections.join());
    const shown = sections.length ? chosen : [];
    shown.forEach(load);
    const ready = shown.filter((box) => fullMarks.texts[box.value]);
    place(find(".set", sheet), ready.map((box) => article(box.value, sections)));
    for (const link of all("a[data-inside]", sheet)) {
      link.dataset.page ??= link.getAttribute("href");
      const near = link.closest("section"), { inside: id } = link.dataset;
      const inside = document.getElementById(id) ?? (near && find(`[data-of="${id}"]`, near));
      link.setAttribute("href", inside ? `#${inside.id}` : link.dataset.page);
      link.classList.toggle("elsewhere", !inside);
    }
    tell(chosen, sections, shown.filter((box) => !ready.includes(box)));
    sheet.hidden = !ready.length;
    if (!arrived && ready.length === shown.length) {
      arrived = true;  // a link with an anchor waits for its target
      if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
    }
  }

  // Say what the set holds, above the button and on the paper.
  function tell(chosen, sections, missing) {
    const marks = chosen.reduce((sum, box) => sum + Number(box.dataset.marks), 0);
    const size = `${marks} mark${marks === 1 ? "" : "s"}, about ${Math.round(2.4 * marks)} minutes`;
    const names = (list) => list.map((box) => box.dataset.number).join(", ");
    const lost = missing.filter((box) => failed.has(box.value));
    find("[role=status]", form).textContent =
      !chosen.length ? "Nothing chosen yet. Tick a part." : !sections.length ? "Tick what to show of the parts."
      : lost.length ? `Could not be loaded: ${names(lost)}. Load the page again to retry.`
      : missing.length ? `Loading ${names(missing)} …`
      : `${chosen.length} part${chosen.length === 1 ? "" : "s"}, ${size}`;
    find("a.sit", form).href = `../practise/?parts=${chosen.map((box) => box.value).join()}`;
    print.disabled = !chosen.length || !sections.length || missing.length > 0;
    const link = document.createElement("a"), page = new URL(find("link[rel=canonical]").href);
    link.href = new URL(address(), page);
    link.textContent = page.host + page.pathname.replace(/\/print\/$/, "");
    find(".set-account", sheet).replaceChildren(`${names(chosen)} · ${size} · `, link);
  }

  form.addEventListener("change", ({ target }) => {
    if (groups.includes(target)) {
      for (const box of boxes) if (members(target).includes(box.value)) box.checked = target.checked;
    }
    changed();
  });
  for (const button of presets) {
    button.addEventListener("click", () => {
      for (const box of shows) box.checked = button.dataset.show.split(",").includes(box.value);
      changed();
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  print.addEventListener("click", async () => {
    await Promise.all([document.fonts.ready, ...all("img", sheet).map((image) => image.decode().catch(() => {}))]);
    window.print();
  });
  addEventListener("popstate", () => location.search === current || read());  // not for links inside the set
  read();
}
