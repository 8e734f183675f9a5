// Practice: let the reader hide whole sections of a part, and keep the choice. Without
// JavaScript every section is shown.
const units = [...document.querySelectorAll("section.unit")].filter(
  (unit) => unit.dataset.unit !== "the-question");
const facts = document.querySelector(".facts");

if (facts && units.length) {
  const key = "full-marks-hidden";
  const hidden = new Set(JSON.parse(localStorage.getItem(key) ?? "[]"));
  const box = document.createElement("details");
  box.className = "practice";
  box.innerHTML = "<summary>Practise: choose what is shown and printed</summary><fieldset><legend class='visually-hidden'>Sections shown</legend></fieldset>";
  for (const unit of units) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "checkbox";
    input.checked = !hidden.has(unit.dataset.unit);
    unit.hidden = !input.checked;
    input.addEventListener("change", () => {
      unit.hidden = !input.checked;
      hidden[input.checked ? "delete" : "add"](unit.dataset.unit);
      localStorage.setItem(key, JSON.stringify([...hidden]));
    });
    label.append(input, ` ${unit.querySelector("h2").textContent.trim()}`);
    box.querySelector("fieldset").append(label);
  }
  box.open = hidden.size > 0;
  facts.after(box);
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
