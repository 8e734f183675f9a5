"""Measure the search on a phone: how soon after the last key results show, and what is fetched for them."""

import functools
import gzip
import http.server
import json
import os
import shutil
import statistics
import tempfile
import threading
from contextlib import contextmanager, suppress
from itertools import cycle, islice
from pathlib import Path

import yaml
from paper.parts import ROOT, discover

from pages import search

SIZES = (200,)
STEP = 8  # each eighth query is measured
KEYS = 150  # milliseconds from key to key
# 1.6 Mbit/s with 150 ms to and fro, and a processor of a quarter of this one's speed.
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 2e5, "uploadThroughput": 9e4}
SLOWER = 4
WATCH = """() => {
  const list = document.querySelector(".search-results");
  addEventListener("input", () => { window.pressed = performance.now(); }, true);
  new MutationObserver(() => { if (list.ariaBusy === "false") window.shown = performance.now(); })
    .observe(list, { attributes: true });
}"""
DONE = "() => window.shown > window.pressed"


class Compressed(http.server.SimpleHTTPRequestHandler):
    """Serves a folder as a host does: texts compressed."""

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            return self.send_error(404)
        content, zipped = path.read_bytes(), path.suffix in (".html", ".js", ".css", ".svg")
        content = gzip.compress(content, mtime=0) if zipped else content
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        if zipped:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(ConnectionError):  # the browser was closed
            self.wfile.write(content)


@contextmanager
def served(folder: Path):
    """Serve a folder; gives its address."""
    handler = functools.partial(Compressed, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


def grown(request: dict, number: int) -> dict:
    """Return the pages that an index is made of with copies of the parts until there are `number`."""
    parts = [page for page in request["pages"] if page["number"]]
    copies = islice(cycle(parts), number - len(parts))
    more = [part | {"url": f"q{100 + n}{part['url'][2:]}"} for n, part in enumerate(copies)]
    return request | {"pages": request["pages"] + more}


def asked(browser, address: str, query: str) -> tuple[float, float]:
    """Type a query on a phone; return milliseconds from the last key to the results, and kB fetched."""
    page = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True).new_page()
    page.goto(f"{address}about/", wait_until="networkidle")
    link, fetched = page.context.new_cdp_session(page), []
    link.send("Network.enable")
    link.send("Network.emulateNetworkConditions", NETWORK)
    link.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    link.on("Network.loadingFinished", lambda event: fetched.append(event["encodedDataLength"]))
    page.evaluate(WATCH)
    page.locator(".search-open").tap()
    page.keyboard.type(query, delay=KEYS)
    page.wait_for_function(DONE)
    result = page.evaluate("window.shown - window.pressed"), sum(fetched) / 1e3
    page.context.close()
    return result


def measure(browser, folder: Path, queries: list[str], number: int):
    """Print how the queries fare on an index of `number` parts in a folder."""
    with served(folder) as address:
        results = [(*asked(browser, address, query), query) for query in queries]
    times, sizes = sorted(one[0] for one in results), [one[1] for one in results]
    slowest, largest = max(results), max(results, key=lambda one: one[1])
    late = [f"{query} {time:.0f} ms" for time, _, query in results if time > 150]
    print(
        f"{number:5}  last key to results: median {statistics.median(times):.0f} ms, "
        f"worst {slowest[0]:.0f} ms ({slowest[2]}), over 150 ms: {late or 'none'} of {len(times)}; "
        f"fetched: median {statistics.median(sizes):.0f} kB, most {largest[1]:.0f} kB ({largest[2]})",
        flush=True,
    )


def main():
    """Measure the site as built, and with an index of more parts."""
    from playwright.sync_api import sync_playwright

    files = [part.file("queries.yml") for part in discover()]
    queries = [query for path in files for query in yaml.load(path.read_text(), yaml.BaseLoader)][::STEP]
    request = json.loads(search.READ.read_text())
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        measure(browser, ROOT / "site", queries, len(files))
        for number in SIZES:
            folder = shutil.copytree(ROOT / "site", f"{scratch}/{number}", copy_function=os.link)
            shutil.rmtree(f"{folder}/search")
            Path(folder, "search").mkdir()
            for name, text in search.index(grown(request, number)).items():
                Path(folder, "search", name).write_text(text)
            measure(browser, Path(folder), queries, number)


if __name__ == "__main__":
    main()
