// Practice: let the reader hide whole sections of a part, and keep the choice; or sit the part as an exam.
// Without JavaScript every section is shown.
window.fullMarks ??= {};
fullMarks.forgets = localStorage.forgets === true;
// What the browser keeps under a name; a damaged value, or one of another kind, counts as none.
fullMarks.kept = (name, none) => {
  try {
    const value = JSON.parse(localStorage.getItem(name));
    return value?.constructor === none.constructor ? value : none;
  } catch {
    return none;
  }
};
fullMarks.keep = (name, value) => {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    fullMarks.forgets = true;  // the storage is full or read-only
  }
};
// Exam mode is loaded when somebody wants it.
const assets = new URL(".", document.currentScript.src);
fullMarks.load = (name) => new Promise((onload, onerror) => {
  document.head.append(Object.assign(document.createElement("script"), { src: new URL(name, assets), onload, onerror }));
});
fullMarks.examMode = async () => {
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("sitting.css", assets) }));
  for (const name of ["results.js", "desk.js", "sitting.js"]) await fullMarks.load(name);
};

const facts = document.querySelector(".facts"), box = document.querySelector(".practice");

if (box) {
  const key = "full-marks-hidden";
  const hidden = new Set(fullMarks.kept(key, []));
  for (const input of box.querySelectorAll("input")) {
    const unit = document.querySelector(`section.unit[data-unit="${input.value}"]`);
    const entries = document.querySelectorAll(`.md-nav--secondary a[href="#${input.value}"]`);
    // Whatever hides or shows the section: its box and its entry in the table of contents say so.
    const follow = () => {
      input.checked = !unit.hidden;
      entries.forEach((entry) => entry.parentElement.classList.toggle("unit-hidden", unit.hidden));
    };
    new MutationObserver(follow).observe(unit, { attributeFilter: ["hidden"] });
    unit.hidden = hidden.has(input.value);
    follow();
    input.addEventListener("change", () => {
      unit.hidden = !input.checked;
      hidden[input.checked ? "delete" : "add"](input.value);
      fullMarks.keep(key, [...hidden]);
    });
  }
  const part = JSON.parse(facts.dataset.part), sitting = fullMarks.kept("full-marks-sittings", {})[part.id];
  const button = box.querySelector("button");
  if (sitting) button.textContent = sitting.stage === "mark" ? "See your marking" : "Go on with the exam";
  button.addEventListener("click", async () => {
    await fullMarks.examMode();
    fullMarks.sit([{ ...part, root: facts.parentElement }], facts.parentElement);
  });
  box.open = hidden.size > 0 || Boolean(sitting);
}

// A link into a closed block, or into a hidden section, opens what it leads to.
function reveal() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  document.querySelectorAll(":popover-open").forEach((card) => card.hidePopover());
  const inside = target.matches("li") ? target.querySelector("details") ?? target : target;
  for (let details = inside.closest("details"); details; details = details.parentElement.closest("details")) {
    if (!details.classList.contains("practice")) details.open = true;
  }
  const unit = target.closest("section.unit");
  if (unit?.hidden) unit.hidden = false;
  target.scrollIntoView();
}
addEventListener("hashchange", reveal);
if (location.hash) reveal();

// Keys of one letter turn pages only for readers who switch them on.
const keys = document.querySelector(".keys input");
if (keys) {
  keys.checked = fullMarks.kept("full-marks-keys", false);
  keys.addEventListener("change", () => fullMarks.keep("full-marks-keys", keys.checked));
}
