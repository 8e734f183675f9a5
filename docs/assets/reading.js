// Reading: what a link leads to is shown beside it, a formula can be copied, the question is at hand, and
// only boxes that scroll are stops of the keyboard. Without JavaScript links lead where they lead.
{
  const make = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const main = document.querySelector("article.md-content__inner");
  // A folder opened as a file shows its list of files: links name the page in it.
  if (location.protocol === "file:") {
    for (const link of document.querySelectorAll("a[href]")) {
      if (link.protocol === "file:" && link.pathname.endsWith("/")) link.pathname += "index.html";
    }
  }
  const card = make("div", { className: "preview md-typeset", popover: "manual", role: "note", id: "preview" });
  card.setAttribute("data-search-exclude", "");
  document.body.append(card);

  // Show a card at an element: below it if there is room, else above.
  function show(at, children, label) {
    card.replaceChildren(...children);
    card.setAttribute("aria-label", label);
    card.showPopover();
    const box = at.getClientRects()[0], width = card.offsetWidth, height = card.offsetHeight;
    const below = box.bottom + 6 + height <= innerHeight || box.top < height + 6;
    card.style.left = `${Math.max(8, Math.min(box.left, document.documentElement.clientWidth - width - 8))}px`;
    card.style.top = `${scrollY + (below ? box.bottom + 6 : box.top - height - 6)}px`;
    card.shownAt?.removeAttribute("aria-describedby");
    card.shownAt = at;
    at.setAttribute("aria-describedby", card.id);  // what reads the screen tells it too
  }

  function hide() {
    clearTimeout(card.waiting);
    if (card.matches(":popover-open")) card.hidePopover();
    card.shownAt?.removeAttribute("aria-describedby");
    card.shownAt = null;
  }

  // -- what a link leads to ---------------------------------------------------------------------

  const LINKS = "a.reference, a.citation, a.term, a.badge[href]", pages = new Map();
  const pageOf = (address) => pages.get(address) ?? pages.set(address, fetch(address)
    .then((answer) => answer.text()).then((text) => new DOMParser().parseFromString(text, "text/html"))).get(address);

  // What stands at an address: an equation, statement, figure, reference, term, or the claim of a check.
  async function shownAt(link) {
    const url = new URL(link.href), id = decodeURIComponent(url.hash.slice(1));
    const here = url.pathname === location.pathname;
    const target = (here ? document : await pageOf(url.href.split("#")[0])).getElementById(id);
    const shown = target?.querySelector(":scope > .equation-body, :scope > summary > .check-claim") ?? target;
    if (!shown?.matches(".equation-body, .check-claim, .admonition, .glossary-entry, figure, li")) return null;
    const copy = shown.cloneNode(true);
    for (const each of [copy, ...copy.querySelectorAll("[id], [tabindex], [popovertarget]")]) {
      for (const name of ["id", "tabindex", "popovertarget"]) each.removeAttribute(name);
    }
    copy.querySelectorAll("[popover], button, .equation-number").forEach((each) => each.remove());
    for (const [selector, name] of [["[src]", "src"], ["[srcset]", "srcset"], ["a[href]", "href"]]) {
      for (const each of copy.querySelectorAll(selector)) each.setAttribute(name, new URL(each.getAttribute(name), url));
    }
    return copy;
  }

  // The checks of a part, and the entries of a question in the ledger, have a page of their own. A link to it
  // says how what it holds is called: an old address leads there.
  const holders = [...document.querySelectorAll("a[data-holds]")];
  function moved() {
    const holder = holders.find(({ dataset }) => `${location.hash}-`.startsWith(dataset.holds));
    if (holder && !document.getElementById(location.hash.slice(1))) location.replace(holder.href + location.hash);
  }
  if (holders.length) {
    addEventListener("hashchange", moved);
    moved();
  }

  async function preview(link, touched) {
    const shown = await shownAt(link).catch(() => null);  // no page can be fetched by one that is opened as a file
    if (!shown || (!touched && card.wanted !== link)) return false;
    const go = make("a", { href: link.href, textContent: "Go there", className: "preview-go" });
    show(link, touched ? [shown, go] : [shown], `What ${link.textContent.trim()} leads to`);
    return true;
  }

  function want(link, delay) {
    card.wanted = link;
    clearTimeout(card.waiting);
    card.waiting = setTimeout(() => preview(link), delay);
  }

  const linkOf = (event) => event.target.closest?.(LINKS);
  main?.addEventListener("pointerover", (event) => {
    const link = event.pointerType === "mouse" && linkOf(event);
    if (link && link !== card.shownAt) want(link, 250);
  });
  // A reader may move onto the card: it goes when the pointer has left both for a moment.
  const left = (event) => {
    if (event.pointerType !== "mouse") return;
    card.wanted = null;
    clearTimeout(card.waiting);
    card.waiting = setTimeout(() => card.matches(":hover") || card.copies || hide(), 300);
  };
  main?.addEventListener("pointerout", (event) => linkOf(event) && left(event));
  card.addEventListener("pointerleave", left);
  main?.addEventListener("focusin", (event) => {
    const link = linkOf(event);
    if (link?.matches(":focus-visible")) want(link, 250);
  });
  main?.addEventListener("focusout", (event) => {
    if (!linkOf(event) || card.contains(event.relatedTarget)) return;
    card.wanted = null;
    hide();
  });
  // A finger has no hover: its first tap shows, and the link in the card leads there.
  main?.addEventListener("click", (event) => {
    const link = event.pointerType === "touch" && linkOf(event);
    if (!link || card.shownAt === link) return;
    event.preventDefault();
    preview(link, true).then((shown) => shown || location.assign(link.href));
  });

  // -- formulas ---------------------------------------------------------------------------------

  const sources = (formula) => ({
    LaTeX: fullMarks.plainTex(formula.querySelector("annotation").textContent),
    MathML: formula.querySelector("math").outerHTML.replace(/<annotation.*?<\/annotation>/s, ""),
  });

  function copies(formula) {
    return Object.entries(sources(formula)).map(([name, text]) => {
      const button = make("button", { type: "button", textContent: `Copy ${name}` });
      button.addEventListener("click", async () => {
        const done = await navigator.clipboard.writeText(text).then(() => true, () => false);
        button.textContent = done ? "Copied" : "Not allowed here: select and copy the formula";
      });
      return button;
    });
  }

  main?.addEventListener("click", (event) => {
    const formula = event.target.closest(".katex");
    if (!formula || event.target.closest("a, summary, button, label")) return;
    if (!getSelection().isCollapsed && getSelection().containsNode(formula, true)) return;  // it is being selected
    card.copies = true;
    show(formula, copies(formula), "Copy this formula");
  });
  // With the keyboard: in the card of an equation's evidence.
  for (const evidence of document.querySelectorAll(".evidence-card")) {
    evidence.addEventListener("beforetoggle", () => {
      const formula = evidence.closest(".equation")?.querySelector(".katex");
      if (formula && !evidence.querySelector(".copies")) evidence.append(make("p", { className: "copies" }, ...copies(formula)));
    });
  }

  // -- the question in view -----------------------------------------------------------------------

  const question = document.querySelector("section.unit[data-unit=the-question]");
  if (question && main) {
    const shown = make("aside", { className: "question-card md-typeset", popover: "auto", id: "question-card", tabIndex: 0 });
    shown.setAttribute("aria-label", "The question");
    const button = make("button", { type: "button", className: "question-open", textContent: "Question", hidden: true });
    button.popoverTargetElement = shown;
    shown.addEventListener("beforetoggle", () => {
      if (shown.childElementCount) return;
      const copy = question.cloneNode(true);
      copy.querySelectorAll("[id]").forEach((each) => each.removeAttribute("id"));
      shown.append(...copy.children);
    });
    document.body.append(button, shown);
    new IntersectionObserver(([seen]) => {
      button.hidden = seen.isIntersecting || seen.boundingClientRect.top > 0;
    }).observe(question);
  }

  // -- what the styles leave for later ---------------------------------------------------------------

  // Once the page has come, all is laid out, in a few steps: what is not cannot be read aloud by a screen
  // reader that is started late.
  const below = '[data-unit="solution-in-full"]', blocks = ":is(p, ul, ol, .equation-body, .table)";
  const later = [`${below} ${blocks}, ${below} ~ .unit ${blocks}`, ".katex-mathml"].flatMap(
    (wanted) => [...document.querySelectorAll(wanted)]);
  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work));
  function layOut() {
    for (const block of later.splice(0, 100)) block.style.contentVisibility = "visible";
    if (later.length) return idle(layOut, { timeout: 100 });
    boxes.forEach(stop);
    document.dispatchEvent(new Event("laid-out"));
  }
  addEventListener("load", () => idle(layOut, { timeout: 100 }));

  // -- keyboard -----------------------------------------------------------------------------------

  const boxes = main?.querySelectorAll("[tabindex='0']:not(a, button, summary)") ?? [];
  const stop = (box) => {
    const known = box.clientWidth && getComputedStyle(box).contentVisibility !== "auto";  // it is laid out
    if (known) box.tabIndex = box.scrollWidth > box.clientWidth + 1 ? 0 : -1;
  };
  const watch = new ResizeObserver((sizes) => sizes.forEach(({ target }) => stop(target)));
  boxes.forEach((box) => watch.observe(box));

  addEventListener("keydown", (event) => event.key === "Escape" && hide());
  addEventListener("pointerdown", (event) => {
    if (!card.contains(event.target) && event.target !== card.shownAt) hide();
    card.copies = card.contains(event.target) && card.copies;
  });
}
