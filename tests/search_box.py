"""Asking the search box of a page in a browser."""


def ask(page, query: str, placed: bool = False) -> list[str]:
    """Type a query into the open box; return the addresses of the results, the first with its place."""
    page.locator(".search-line input").fill(query)
    page.locator('.search-results[aria-busy="false"]').wait_for(state="attached")
    if placed:
        page.locator(".hit").first.locator(".hit-place").wait_for()
    return page.locator(".hit-main").evaluate_all("(links) => links.map((link) => link.href)")
