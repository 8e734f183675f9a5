"""Accessibility of a page in a browser, as axe judges it by the rules of WCAG 2.2 AA."""

from conftest import ROOT

AXE = (ROOT / "scripts/node/node_modules/axe-core/axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = "(tags) => axe.run(document, { runOnly: tags, resultTypes: ['violations'] })"
# All that can be opened is; a manual card does not close when the next one opens.
OPEN = """() => {
  document.querySelectorAll("main details").forEach((block) => (block.open = true));
  document.querySelectorAll("[popover]").forEach((card) => {
    card.popover = "manual";
    card.showPopover();
  });
}"""
# Marks the formulas in which a sign has another colour than the words around it, or a ground of its own.
MARK = """() => {
  for (const formula of document.querySelectorAll(".katex-html:not([data-coloured])")) {
    const colour = getComputedStyle(formula.parentElement).color;
    const coloured = [formula, ...formula.querySelectorAll("*")].some((box) => {
      const style = getComputedStyle(box);
      return style.color !== colour || style.backgroundColor !== "rgba(0, 0, 0, 0)";
    });
    formula.toggleAttribute("data-coloured", coloured);
  }
}"""
# Axe looks at every element, and most are boxes of formulas and words of code. A formula that is not marked
# becomes one text in its colour, so does MathML in which nothing can be named or reached; of the words in
# a block of code that have the same classes the first stays, the others become text of the block.
SIMPLIFY = """() => {
  window.asItWas = [];
  const replace = (element, ...children) => {
    asItWas.push([element, [...element.childNodes]]);
    element.replaceChildren(...children);
  };
  const formulas = ".katex-html:not([data-coloured]), .katex-mathml semantics > :first-child";
  document.querySelectorAll(formulas).forEach((one) =>
    one.querySelector("[id], [role], [href], [tabindex]") || replace(one, one.textContent));
  for (const code of document.querySelectorAll("pre code")) {
    const words = code.cloneNode(true), seen = new Set();
    for (const word of words.querySelectorAll("span:not(:has(*))")) {
      const look = `${word.parentElement.className}/${word.className}/${word.style.cssText}`;
      if (seen.has(look) && !word.id) word.replaceWith(word.textContent);
      seen.add(look);
    }
    replace(code, ...words.childNodes);
  }
}"""
RESTORE = "() => asItWas.forEach(([element, children]) => element.replaceChildren(...children))"
# Colours change at once, and a frame later what the page does when the size of a box changes is done.
SETTLE = """async () => {
  if (!document.querySelector("#at-once")) document.head.append(Object.assign(
    document.createElement("style"), { id: "at-once", textContent: "* { transition: none !important }" }));
  for (const _ of [1, 2]) await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}"""


def show(page, view: tuple[int, str]):
    """Give the window of a page a width and a colour scheme."""
    page.evaluate(SETTLE)
    page.set_viewport_size({"width": view[0], "height": 900})
    page.emulate_media(color_scheme=view[1])
    page.evaluate(SETTLE)


def violations(page, *views: tuple[int, str]) -> list[str]:
    """Return the rules that a page breaks as it is shown, or in some views, with the first elements.

    What is coloured in the views must have been marked in each of them.
    """
    found = []
    page.evaluate(MARK)
    page.evaluate(SIMPLIFY)
    page.evaluate(OPEN)
    page.evaluate(AXE)
    for view in views or (None,):
        if view:
            show(page, view)
        for rule in page.evaluate(RUN, TAGS)["violations"]:
            nodes = [node["html"][:160] for node in rule["nodes"][:3]]
            found.append(f"{rule['id']}: {nodes}" + f" at {view}" * bool(view))
    page.evaluate(RESTORE)
    return found
