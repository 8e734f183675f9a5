"""Asking the search box of a page in a browser."""

# Types queries as fast as the box answers, and has it look up at once where the first result leads, for which
# it waits else until the reader rests.
TYPE_ALL = """async (queries) => {
  const box = document.querySelector(".search-line input"), list = document.querySelector(".search-results");
  const answered = () => new Promise((resolve) => {
    const watch = new MutationObserver(() => list.ariaBusy === "false" && (watch.disconnect(), resolve()));
    watch.observe(list, { attributes: true });
  });
  const found = {};
  for (const query of queries) {
    const answer = answered();
    box.value = query;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    await answer;
    await list.querySelector(".hit")?.fill();
    found[query] = [...list.querySelectorAll(".hit-main")].map((link) => link.href);
  }
  return found;
}"""


def ask(page, query: str, placed: bool = False) -> list[str]:
    """Type a query into the open box; return the addresses of the results, the first with its place."""
    page.locator(".search-line input").fill(query)
    page.locator('.search-results[aria-busy="false"]').wait_for(state="attached")
    if placed:
        page.locator(".hit").first.locator(".hit-place").wait_for()
    return page.locator(".hit-main").evaluate_all("(links) => links.map((link) => link.href)")


def ask_all(page, queries: list[str]) -> dict[str, list[str]]:
    """Type queries into the box one after another; return query → addresses, the first with its place."""
    page.keyboard.press("Control+k")
    page.locator('.search-results[aria-busy="false"]').wait_for(state="attached")
    return page.evaluate(TYPE_ALL, queries)
