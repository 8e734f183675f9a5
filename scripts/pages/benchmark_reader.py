"""Measure what a reader waits for: this site, its rivals and the limit side by side, and every page.

A rival is the same page with TeX in place of its formulas, set by KaTeX or MathJax in the browser, in our
frame or in the theme's own. The limit is our page without its formulas. Arguments name the rows to measure.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path

from pages.benchmark_search import NETWORK, SLOWER, served
from pages.rivals import PAGE, ROWS, SITE, prepared

RUNS = 5
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "device_scale_factor": 2}
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
# The frame after a change shows it: the end of that frame is noted. What the reader does moves no boxes here.
WATCH = """
window.final = window.whole = window.shift = 0;
window.changed = () => requestAnimationFrame(() => setTimeout(() => { window.final = performance.now(); }));
addEventListener("DOMContentLoaded", changed);
document.addEventListener("laid-out", () => requestAnimationFrame(() => setTimeout(() => {
  window.whole = performance.now();
})));
document.fonts.addEventListener("loadingdone", ({ fontfaces }) => {
  if (fontfaces.some(({ family }) => /KaTeX|MJX/.test(family))) changed();
});
new PerformanceObserver((list) => {
  for (const { value } of list.getEntries()) window.shift += value;
  changed();
}).observe({ type: "layout-shift", buffered: true });
"""
SETTLED = """() => window.final && performance.now() - window.final > 1500
  && document.readyState === "complete" && document.fonts.status === "loaded"
  && (window.whole || !document.querySelector("script[src$='reading.js']"))"""
RESULT = """() => [final, Math.max(final, whole),
  performance.getEntriesByName("first-contentful-paint")[0].startTime, shift]"""


def visit(context, address: str) -> dict[str, float]:
    """Open a page as a phone or a desktop and wait until it rests; return what was measured.

    Mathematics is *final* at the end of the first frame after which no formula changes any more: the page is
    parsed (formulas typeset at build time are then all there), the library in the browser has set its last
    one, their last font has come, and the last box has moved: what a reader sees is final, and what is near.
    *All* is when nothing is left to lay out, which only our styles put off, for what is far from view. Each
    row is asked in this same way, without a look at pixels, which costs time of its own. The end of a frame
    is when its layout and painting are done. Work is what kept the main thread busy until the page rested.
    """
    page, sizes, inside = context.new_page(), {}, set()
    link = page.context.new_cdp_session(page)
    link.send("Performance.enable")
    link.send("Network.enable")
    if context.phone:
        link.send("Network.emulateNetworkConditions", NETWORK)
        link.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})

    def answered(event):
        if event["response"]["url"].startswith("data:"):  # it came with a style sheet, which is counted
            inside.add(event["requestId"])

    link.on("Network.responseReceived", answered)
    link.on("Network.loadingFinished", lambda e: sizes.update({e["requestId"]: e["encodedDataLength"]}))
    page.goto(address, wait_until="commit")
    page.wait_for_function(SETTLED, timeout=120_000, polling=200)
    final, whole, paint, shift = page.evaluate(RESULT)
    metrics = {each["name"]: each["value"] for each in link.send("Performance.getMetrics")["metrics"]}
    page.close()
    kilobytes = sum(size for name, size in sizes.items() if name not in inside) / 1e3
    return {"final": final / 1e3, "all": whole / 1e3, "paint": paint / 1e3, "shift": shift, "kB": kilobytes,
            "work": metrics["TaskDuration"]}  # fmt: skip


def device(browser, settings: dict):
    """Return a browser with nothing kept, as a phone or a desktop."""
    context = browser.new_context(**settings)
    context.add_init_script(WATCH)
    context.phone = settings is PHONE
    return context


def compare(browser, address: str, rows: dict[str, str]):
    """Print the table of the rows, each the median of runs that take turns."""
    found = {}
    for _ in range(RUNS):
        for name, path in rows.items():
            for profile in (PHONE, DESKTOP):
                context = device(browser, profile)
                found.setdefault((name, profile is PHONE), []).append(visit(context, address + path))
                context.close()
    median = {
        key: {n: statistics.median(run[n] for run in runs) for n in runs[0]} for key, runs in found.items()
    }
    print(f"{PAGE}, cold, medians of {RUNS}, on a phone / on a desktop; load {os.getloadavg()[0]:.1f}")
    titles = {name: f"{name}, s" for name in ("final", "all", "work", "paint")} | {
        "kB": "kB",
        "shift": "shift",
    }
    print(f"{'':28}", *(f"{title:>15}" for title in titles.values()))
    for name in rows:
        a, b = median[name, True], median[name, False]
        digits = {"kB": 0, "shift": 3}
        pairs = (f"{a[n]:.{digits.get(n, 2)}f} / {b[n]:.{digits.get(n, 2)}f}" for n in titles)
        print(f"{name:28}", *(f"{pair:>15}" for pair in pairs), flush=True)


def survey(browser, address: str):
    """Print the layout shift of every page on a phone, cold and warm, and its kB."""
    rows = []
    for path in sorted(SITE.rglob("index.html")):
        context = device(browser, PHONE)
        url = path.parent.relative_to(SITE).as_posix()
        cold, warm = (visit(context, f"{address}{url}/") for _ in range(2))
        rows.append((url, cold, warm))
        context.close()
        print(f"{url:40}{cold['shift']:8.4f}{warm['shift']:8.4f}{cold['kB']:6.0f} kB", flush=True)
    heaviest = max(rows, key=lambda row: row[1]["kB"])
    worst = max(max(row[1]["shift"], row[2]["shift"]) for row in rows)
    print(f"heaviest: {heaviest[0]}, {heaviest[1]['kB']:.0f} kB; largest shift {worst:.4f}")


def main():
    """Print both tables, or the rows that are named as arguments."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        rows = prepared(Path(scratch))
        with served(Path(scratch) / "site") as address:
            compare(browser, address, {name: rows[name] for name in sys.argv[1:] or ROWS})
            if len(sys.argv) == 1:
                survey(browser, address)


if __name__ == "__main__":
    main()
