// Exam mode: the questions alone and a clock; then the answers, the marking schemes to tick, and the result.
// A sitting is one part on its own page, or several parts, each in an element of its own.
{
  const { make, button, words, minutes, total, score, recall, remember, forget, scores, actions, Clock, Desk, unit, focus } = fullMarks;

  // Put boxes into a row of a marking scheme; a point worth "0.25 each" has a box for each. Returns the point.
  function boxes({ cells: [cell, value] }, kept, changed) {
    const said = words(cell), whole = Number(value.textContent);
    const each = Number(said.match(/\(([\d.]+) each\)/)?.[1] ?? whole), count = Math.round(whole / each) || 1;
    const old = kept.find((point) => point.words === said)?.ticked ?? [];
    const point = { words: said, each, ticked: Array.from({ length: count }, (_, at) => old[at] === true) };
    const inputs = point.ticked.map((checked, at) => make("input", { type: "checkbox", checked,
      ariaLabel: count > 1 ? `${at + 1} of ${count}, ${each} marks each: ${said}` : null,
      onchange: ({ target }) => { point.ticked[at] = target.checked; changed(); } }));
    const text = make("span", {}, ...cell.childNodes);
    cell.append(make(count > 1 ? "span" : "label", { className: "tick" }, ...inputs, text));
    return point;
  }

  // The points that were not made, each with the sections of the solution that are most about it.
  function missed({ part, points }) {
    const rows = part.rows.filter((_, at) => points[at].ticked.includes(false));
    const link = (id, textContent) => make("a", { href: `${part.page}#${id}`, textContent });
    const items = rows.map((row) => {
      const sections = JSON.parse(row.dataset.read).flatMap(([id, title]) => [", ", link(id, title)]).slice(1);
      return make("li", {}, ...row.querySelector(".tick > span").cloneNode(true).childNodes, make("br"), "Read again: ",
        ...(sections.length ? sections : [link("solution-in-full", "Solution in full")]));
    });
    const title = make("p", {}, `${part.number} ${part.title}; see also its `, link("common-mistakes", "common mistakes"));
    return items.length ? [title, make("ul", {}, ...items)] : [];
  }

  class Sitting {
    constructor(parts, place, leave) {
      Object.assign(this, { parts, leave, key: parts.map(({ id }) => id).join(), clock: null });
      this.kept = recall(this.key);
      this.works = parts.map(({ id }) => this.kept.parts[id]);
      this.seconds = total(parts, ({ seconds }) => seconds);
      this.save = () => remember(this.key, this.kept);
      this.desks = parts.map((part, at) => new Desk(part, this.works[at], this.save));
      this.bar = make("div", { className: "exam-bar", role: "group", ariaLabel: "Exam mode" });
      this.result = make("section", { className: "result" });
      place.append(this.result, this.bar);
      addEventListener("pagehide", () => { if (this.clock) { this.clock.tick(); this.save(); } });
      if (fullMarks.forgets) addEventListener("beforeunload", (event) => event.preventDefault());
    }

    // The bar at the foot of the window: these elements, and the way out.
    fillBar(...elements) {
      this.bar.replaceChildren(...elements, button("Leave", this.leave, "leave"));
    }

    write() {
      const begun = this.kept.spent ? [button("Clear", () => this.clear())] : [];
      this.kept.stage = "write";
      this.clock = new Clock(this.kept, this.seconds, this.save);
      this.desks.forEach((desk) => desk.write());
      this.fillBar(...this.clock.elements, ...begun);
      this.bar.append(button(this.parts.length > 1 ? "Hand in" : "Show the answer", () => this.handIn(), "next"));
      this.result.hidden = true;
      focus(unit(this.parts[0], "the-question").querySelector("h2, h3"));
    }

    handIn() {
      this.clock.stop();
      this.clock = null;
      Object.assign(this.kept, { stage: "mark", date: new Date().toISOString() });
      this.save();
      this.mark();
    }

    mark() {
      const changed = () => { this.save(); this.draw(); };
      this.desks.forEach((desk) => desk.mark());
      this.parts.forEach((part, at) => {
        if (part.rows) return;
        const { points } = this.works[at];
        part.rows = [...unit(part, "marking-scheme").querySelectorAll("tbody tr")];
        this.works[at].points = part.rows.map((row) => boxes(row, points, changed));
      });
      this.fillBar(make("strong", { role: "status" }), button("Write more", () => this.write()));
      this.result.hidden = false;
      this.draw();
      focus(unit(this.parts[0], "answer-at-exam-length").querySelector("h2, h3"));
    }

    // The score in the bar and the result below, as they are after each tick.
    draw() {
      const entries = this.parts.map((part, at) => ({ part, ...this.works[at], date: this.kept.date }));
      const lost = entries.flatMap(missed), hints = total(entries, (entry) => entry.hints);
      const how = ` in ${minutes(this.kept.spent)} of ${minutes(this.seconds)} minutes, with ${hints} hint${hints === 1 ? "" : "s"}.`;
      this.bar.firstChild.textContent = score(entries);
      this.result.replaceChildren(
        make("h2", { textContent: "Your result" }), make("p", {}, make("strong", { textContent: score(entries) }), how),
        ...(entries.length > 1 ? scores(entries) : []),
        ...(lost.length ? [make("h3", { textContent: "What to read again" }), ...lost] : [make("p", { textContent: "Full marks." })]),
        actions(entries, button("Clear this sitting", () => this.clear())));
    }

    clear() {
      if (!confirm("Clear what you wrote and ticked in this sitting?")) return;
      this.clock?.stop();
      this.clock = null;
      forget(this.key);
      this.leave();
    }
  }

  // Begin a sitting, or go on with one that was kept.
  fullMarks.sit = (parts, place, leave = () => location.reload()) => {
    const sitting = new Sitting(parts, place, leave);
    document.body.classList.add("in-exam");
    sitting.kept.stage === "mark" ? sitting.mark() : sitting.write();
  };
}
