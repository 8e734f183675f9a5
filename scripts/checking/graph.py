"""Draw what rests on what as a graph: Graphviz lays it out, the site's styles colour it."""

import json
import re
import subprocess
import textwrap
from functools import lru_cache
from itertools import chain

from maths.typeset import NODE
from paper.parts import SCRIPTS

from checking.ledger import Entry

HEAD = """digraph {
rankdir=BT; nodesep=0.18; ranksep=0.42; bgcolor=transparent;
node [shape=box, style=rounded, fontname=Helvetica, fontsize=11, margin="0.12,0.06", height=0.3];
edge [arrowsize=0.6];
"""


def name(entry: Entry) -> str:
    """Return how the text calls a result or an equation."""
    number = f"({entry.number})" if entry.kind == "equation" else entry.number
    return f"{entry.kind.capitalize()} {number}"


def edges(entries: list[Entry]) -> list[tuple[str, str]]:
    """Return the pairs (result, what it rests on) by their labels; an equation counts as its result."""
    owners = {name: entry.label for entry in entries for name in entry.holds}
    pairs = [(e.label, other) for e in entries if e.label for other in e.rests_on]
    pairs = [tuple(owners.get(end, end) for end in pair) for pair in pairs]
    return [pair for pair in dict.fromkeys(pairs) if len(set(pair)) == 2]


def components(entries: list[Entry]) -> list[list[tuple[str, str]]]:
    """Return the edges in groups that share no result, the largest group first."""
    groups = []
    for edge in edges(entries):
        touching = [group for group in groups if any(set(edge) & set(other) for other in group)]
        groups = [group for group in groups if group not in touching] + [sum(touching, []) + [edge]]
    return sorted(groups, key=len, reverse=True)


def alone(entries: list[Entry]) -> list[Entry]:
    """Return the results that rest on nothing else and that nothing else rests on."""
    ends = set(chain(*edges(entries)))
    return [e for e in entries if e.label not in ends and e.kind not in ("equation", "check", "citation")]


def dot(group: list[tuple[str, str]], entries: list[Entry], root: str) -> str:
    """Return a group of results, and of what they rest on, in the DOT language."""
    known = {entry.label: entry for entry in entries}
    ends = dict.fromkeys(chain(*group))
    nodes = [
        f"{quoted(e.label)} [label={quoted(caption(e))}, class={e.status}, URL={quoted(root + e.url)}];"
        for e in (known[label] for label in ends)
    ]
    return HEAD + "\n".join(nodes + [f"{quoted(a)} -> {quoted(b)};" for a, b in group]) + "\n}"


def caption(entry: Entry) -> str:
    """Return the text of a node: what it is, and its name on a few lines."""
    lines = textwrap.wrap(entry.claim, 26) if entry.kind != "equation" else []
    return "\n".join([name(entry), *lines])


def quoted(text: str) -> str:
    """Return a string of the DOT language."""
    return json.dumps(text, ensure_ascii=False)


def drawn(graphs: dict) -> dict:
    """Return the SVGs of some groups of graphs, all of them drawn in one run."""
    done = iter(draw(tuple(chain(*graphs.values()))))
    return {name: [next(done) for _ in group] for name, group in graphs.items()}


@lru_cache(maxsize=1)  # the live server draws them again when one has changed
def draw(graphs: tuple[str, ...]) -> list[str]:
    """Return each graph as SVG without colours, sizes or identifiers of its own."""
    run = subprocess.run(
        [NODE, str(SCRIPTS / "node" / "graph.mjs")], input=json.dumps(graphs), capture_output=True, text=True
    )
    if run.returncode:
        raise RuntimeError(f"Graphviz did not run: {run.stderr.strip()}")
    return [lean(svg) for svg in json.loads(run.stdout)]


def lean(svg: str) -> str:
    """Drop what an SVG inside a page must not have: prologue, identifiers, titles, own colours."""
    svg = svg[svg.index("<svg") :].replace("xlink:href", "href")
    svg = re.sub(r"<!--.*?-->|<title>.*?</title>", "", svg, flags=re.DOTALL).replace(' class="graph"', "")
    return re.sub(r' (id|fill|stroke|font-family|font-size|xmlns:xlink|xlink:title)="[^"]*"', "", svg)
