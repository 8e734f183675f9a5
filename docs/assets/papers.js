// Exam mode for several parts: the address says which; their texts are the scripts that also serve to print.
addEventListener("DOMContentLoaded", async () => {  // when the scripts of every page have run
  fullMarks.texts = {};
  fullMarks.add = (part, sections) => { fullMarks.texts[part] = sections; };
  await fullMarks.examMode();
  const { make, button, marks, total, results, scores, actions, keep } = fullMarks;
  const home = document.querySelector(".sittings"), papers = home.querySelector(".papers");
  const known = [...papers.querySelectorAll("[data-part]")].map((item) => JSON.parse(item.dataset.part));
  const asked = new URLSearchParams(location.search).getAll("parts").join().split(",").filter(Boolean);
  const unknown = asked.filter((id) => !known.some((part) => part.id === id));
  const chosen = known.filter((part) => asked.includes(part.id));

  // One part: its title and the sections that exam mode shows.
  function article(part) {
    const { head, question, hints, "answer-at-exam-length": answer, "marking-scheme": scheme } = fullMarks.texts[part.id];
    const root = make("article", { id: part.id, innerHTML: [head, question, hints, answer, scheme].join("") });
    return { ...part, root };
  }

  async function start() {
    try {
      await Promise.all(chosen.map((part) => fullMarks.load(part.script)));
    } catch {
      return tell("The questions could not be loaded. Load the page again to retry.");
    }
    const parts = chosen.map(article), jump = make("nav", { className: "jump", ariaLabel: "Parts" });
    jump.append(...parts.map(({ id, number }) => make("a", { href: `#${id}`, textContent: number })));
    home.replaceChildren(...(parts.length > 1 ? [jump] : []), ...parts.map(({ root }) => root));
    fullMarks.sit(parts, home, () => location.assign(location.pathname));
  }

  function tell(text) {
    const message = papers.querySelector(".unknown");
    message.hidden = false;
    message.textContent = text;
  }

  function offer() {
    const kept = fullMarks.kept("full-marks-sittings", {})[chosen.map(({ id }) => id).join()];
    const what = `${chosen.map(({ number }) => number).join(", ")}: ${marks(total(chosen, (part) => part.marks))}, ${Math.round(total(chosen, (part) => part.seconds) / 60)} minutes`;
    const begin = kept?.stage === "mark" ? "See your marking" : kept ? "Go on" : "Start the clock";
    papers.before(make("div", { className: "offer" }, make("p", { textContent: what }), button(begin, start, "next")));
  }

  // What was marked so far, in all sittings.
  function overview() {
    const entries = results(known);
    if (!entries.length) return;
    const clear = button("Clear everything", () => {
      if (!confirm("Clear all that you wrote and ticked in this browser?")) return;
      keep("full-marks-sittings", {});
      location.reload();
    });
    papers.after(make("section", { className: "result" }, make("h2", { textContent: "Your results so far" }), ...scores(entries), actions(entries, clear)));
  }

  if (unknown.length) tell(`There is no part ${unknown.join(", ")} here. It was left out.`);
  if (chosen.length) offer();
  overview();
});
