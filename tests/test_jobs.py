"""What is kept from build to build: every change that matters is seen, no other runs anything again."""

import logging
import os
import re
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import joblib
import pytest
from conftest import IN_COPY, ROOT
from drawing import canvas
from pages import rendered
from paper import jobs
from paper.jobs import CLUSTER, Failed, outcomes
from printing.compile import batches

PAGE = "# A page\n\n$$\nf = a + b\n\\label{eq-f}\n$$\n\nA sentence.\n\n| 1 | 2 |\n"
CHECKS = '''"""Checks of a page."""

from .model import B{extra}


def test_sum(evidence):
    """f = a + b."""
    evidence.equation("eq-f", 1e-9, "by hand", f=1.0 + B, a=1.0, b=B)
'''
FIGURES = '''"""Figures of a page."""

from .model import B{extra}


def a_line(canvas):
    """A line that rises."""
    figure, (axes,) = canvas.panels(1)
    axes.plot([0, B], [0, canvas.equation("eq-f")(a=1.0, b=B)], color=canvas.blue)
    return figure
'''
READS = "\nfrom pathlib import Path\n\nPAGE = Path(__file__).with_name('index.md').read_text()"


@pytest.fixture
def project(tmp_path):
    """Make a project of two tiny parts with these scripts, and a module that both share; the code of the
    second reads its page."""
    ignored = shutil.ignore_patterns("node_modules", "__pyc*")
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=ignored)
    (tmp_path / "scripts/node/node_modules").symlink_to(ROOT / "scripts/node/node_modules")
    for name in (".pytest.ini", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    for name, extra in (("a-plain", ""), ("b-reader", READS)):
        folder = tmp_path / "docs/q9" / name
        folder.mkdir(parents=True)
        (folder / "index.md").write_text(PAGE)
        (folder / "model.py").write_text("from ..shared import ONE\n\nB = 2.0 * ONE\n")
        (folder / "checks.py").write_text(CHECKS.format(extra=extra))
        (folder / "figures.py").write_text(FIGURES.format(extra=extra))
    (tmp_path / "docs/q9/shared.py").write_text("ONE = 1.0\n")
    shutil.copy(ROOT / "docs/macros.json", tmp_path / "docs")
    return tmp_path


def run(project, script: str, **environment) -> dict[str, str]:
    """Run the figures or the checks; return for each part what is said of it, such as `reused`."""
    room = {"figures": "drawing", "checks": "checking"}[script]
    command = f"import sys; from {room} import {script}; sys.exit({script}.main())"
    done = subprocess.run([sys.executable, "-c", command], cwd=project, capture_output=True, text=True,
                          env=IN_COPY | {"PYTHONDONTWRITEBYTECODE": "1"} | environment)  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return {re.search(r"q9/([ab])-", line)[1]: line.split()[0] for line in done.stdout.splitlines()}


def change(project, name: str, old: str, new: str):
    """Change a text in a file of both parts."""
    for path in project.glob(f"docs/q9/*/{name}"):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.mark.parametrize(("script", "fresh"), [("figures", "drew"), ("checks", "passed")])
def test_every_input_is_seen(project, script, fresh):
    """A sentence is no input but for code that reads the page; equation, model, macros, versions are."""
    both, reused = {"a": fresh, "b": fresh}, {"a": "reused", "b": "reused"}
    assert run(project, script) == both
    assert run(project, script) == reused
    change(project, "index.md", "A sentence.", "Another sentence.")
    assert run(project, script) == {"a": "reused", "b": fresh}
    change(project, "index.md", "f = a + b", "f = b + a")
    assert run(project, script) == both
    change(project, "model.py", "2.0", "3.0")
    assert run(project, script) == both
    for name in ("docs/q9/shared.py", "docs/macros.json", "requirements.txt", "scripts/node/mathml.mjs"):
        path = project / name
        path.write_text(path.read_text() + "\n")
        assert run(project, script) == both, name
    assert run(project, script) == reused


def made(project, script: str) -> list[bool]:
    """Tell for each part whether its stamp says that nothing has to run."""
    room = {"figures": "drawing", "checks": "checking"}[script]
    command = f"from {room} import {script} as it; from paper.parts import discover as all\n"
    command += "print(*(it.made(part) for part in all()))"
    done = subprocess.run([sys.executable, "-c", command], cwd=project, capture_output=True, text=True,
                          env=IN_COPY | {"PYTHONDONTWRITEBYTECODE": "1"})  # fmt: skip
    assert not done.stderr
    return [word == "1" for word in done.stdout.split()]


@pytest.mark.parametrize("script", ["figures", "checks"])
def test_stamp_sees_every_input(project, script):
    """Without a run it is known which parts are due: those of which something that they rest on changed."""
    assert made(project, script) == [False, False]
    run(project, script)
    assert made(project, script) == [True, True]
    for name, old, new, kept in (
        ("index.md", "A sentence.", "Another sentence.", [True, False]),
        ("index.md", "f = a + b", "f = b + a", [False, False]),
        ("model.py", "2.0", "3.0", [False, False]),
    ):
        change(project, name, old, new)
        assert made(project, script) == kept, new
        change(project, name, new, old)
    for name in ("docs/q9/shared.py", "docs/macros.json", "requirements.txt", "scripts/node/mathml.mjs"):
        path = project / name
        before = path.read_text()
        path.write_text(before + "\n")
        assert made(project, script) == [False, False], name
        path.write_text(before)
    assert made(project, script) == [True, True]


def test_failure_leaves_no_stamp(project):
    """A part with a failing check is due at every build."""
    run(project, "checks")
    change(project, "index.md", "f = a + b", "f = a - b")
    run(project, "checks")
    assert made(project, "checks") == [False, False]


def test_page_is_rendered_when_something_changed(tmp_path, monkeypatch):
    """A page is rendered again if it, what it includes or what links lead to changed, or if it warned."""
    monkeypatch.setattr("paper.sources.DOCS", tmp_path)
    path, other, calls = tmp_path / "index.md", tmp_path / "other.md", []
    other.write_text("One.")
    log = logging.getLogger("mkdocs.test")

    def rendered_again(text: str, files: str = "a", warns: bool = False) -> bool:
        path.write_text(f'{tmp_path}\n\n--8<-- "other.md"\n{text}')
        page = SimpleNamespace(file=SimpleNamespace(abs_src_path=str(path), src_uri="index.md"))
        page.markdown, before = path.read_text(), len(calls)

        def work():
            calls.append(text)
            page.content = f"<p>{text}"
            if warns:
                log.warning("a link leads nowhere")

        rendered.render(page, files, work)
        assert page.content == f"<p>{text}"
        return len(calls) > before

    assert [rendered_again("x"), rendered_again("x")] == [True, False]
    assert [rendered_again("y"), rendered_again("x"), rendered_again("x", "b")] == [True, False, True]
    other.write_text("Two.")
    assert [rendered_again("x"), rendered_again("x")] == [True, False]
    assert [rendered_again("z", warns=True), rendered_again("z", warns=True)] == [True, True]


def test_lab_rests_on_what_lies_beside_it(tmp_path):
    """A lab is run again if a module or results beside it changed, not if a page did."""
    lab, seen = tmp_path / "lab.py", set()
    (tmp_path / "a-part").mkdir()
    for name in ("lab.py", "shared.py", "a-part/results.json"):
        (tmp_path / name).write_text(name)
        seen.add(rendered.sources(lab))
    (tmp_path / "index.md").write_text("A page.")
    assert len(seen) == 3 and rendered.sources(lab) in seen


def test_short_sets_share_a_process():
    """The sets of a process are together no longer than a quarter of the longest set, or one alone."""
    jobs = [SimpleNamespace(source="x" * length) for length in (100, 30, 20, 5, 5, 1)]
    assert [[len(job.source) for job in some] for some in batches(jobs)] == [[100], [30], [20, 5], [5, 1]]


def test_failing_check_runs_until_it_passes(project):
    """A check that fails is never kept: it fails again, and passes once the equation is right."""
    change(project, "index.md", "f = a + b", "f = a - b")
    for _ in range(2):
        assert run(project, "checks") == {"a": "failed", "b": "failed"}
    change(project, "index.md", "f = a - b", "f = a + b")
    assert run(project, "checks") == {"a": "passed", "b": "passed"}


def test_line_of_a_check_follows_its_code(project):
    """A comment above a check runs nothing again, but the record says where the check stands now."""
    run(project, "checks")
    change(project, "checks.py", "def test_sum", "# A comment.\ndef test_sum")
    assert run(project, "checks") == {"a": "reused", "b": "reused"}
    assert "docs/q9/a-plain/checks.py:7" in (project / ".cache/checks/q9/a-plain.json").read_text()


DOES = """
import os, sys, numpy
numpy.random.seed(1)
os.environ["DONE"], sys.modules["done"] = "1", sys
os.chdir("/")
"""
SEES = """
import os, sys
from pathlib import Path
assert "DONE" not in os.environ and "done" not in sys.modules and not any("a_plain" in n for n in sys.modules)
assert Path.cwd() == Path(__file__).parents[3] and hash("a") == {}
"""
LAST = """

def test_that_ends_the_process(evidence):
    {}
"""


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getppid(), 9)"], ids=["own", "warm"])
def test_no_check_sees_what_another_did(project, end):
    """Checks of parts that run in one process after the other are alone; if one ends it, the others run."""
    command = [sys.executable, "-c", "print(hash('a'))"]
    seed = subprocess.run(command, capture_output=True, text=True, env={"PYTHONHASHSEED": "0"}).stdout
    for name, code in (("a-plain", DOES), ("b-reader", SEES.format(seed.strip()))):
        path = project / "docs/q9" / name / "checks.py"
        path.write_text(path.read_text() + code)
    assert run(project, "checks", LOKY_MAX_CPU_COUNT="1") == {"a": "passed", "b": "passed"}
    first = project / "docs/q9/a-plain/checks.py"
    first.write_text(first.read_text() + LAST.format(end))
    change(project, "model.py", "2.0", "3.0")
    assert run(project, "checks", LOKY_MAX_CPU_COUNT="1") == {"a": "not", "b": "passed"}


CLUSTER_OF_TWO = """
from dask.distributed import LocalCluster
with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
    print(cluster.scheduler_address, flush=True)
    input()
"""


@pytest.fixture
def cluster(project):
    """Start a Dask cluster of two workers in the folder of the project; gives its address."""
    with subprocess.Popen([sys.executable, "-c", CLUSTER_OF_TWO], cwd=project, env=IN_COPY, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:  # fmt: skip
        yield running.stdout.readline().strip()
        running.communicate("\n")


def test_cluster_does_what_the_cores_do(project, cluster):
    """On a Dask cluster figures and checks give what they give on the cores, and changes are seen."""
    here = {script: run(project, script) for script in ("figures", "checks")}
    kept = {p: p.read_bytes() for p in project.glob(".cache/*/q9/**/*.svg")}
    shutil.rmtree(project / ".cache")
    there = {script: run(project, script, **{CLUSTER: cluster}) for script in here}
    assert there == here and kept
    assert {p: p.read_bytes() for p in project.glob(".cache/*/q9/**/*.svg")} == kept
    change(project, "model.py", "2.0", "3.0")
    run(project, "figures", **{CLUSTER: cluster})
    assert [p.name for p in kept if p.read_bytes() == kept[p]] == []


def test_failure_and_changed_file(tmp_path, monkeypatch):
    """What a job reads is part of what is kept; a job that fails leaves the others alone."""
    monkeypatch.setattr(jobs, "DOCS", tmp_path)
    monkeypatch.setattr(jobs, "each", lambda function, given: [function(*one) for one in given])
    data = tmp_path / "data.txt"
    data.write_text("1")

    @joblib.Memory(tmp_path / "cache", verbose=0).cache
    def job(name: str):
        if name == "bad":
            raise Failed(["page.md:1: bad"], "half")
        return data.read_text(), {"data.txt": jobs.digest(data)}

    given = [("good",), ("bad",)]
    for expected in (("1", False), ("1", True)):
        good, (bad, reused) = outcomes(job, given)
        assert good == expected and not reused
        assert bad.messages == ["page.md:1: bad"] and bad.results == "half"
    data.write_text("2")
    assert outcomes(job, [("good",)]) == [("2", False)]
    data.unlink()
    with pytest.raises(FileNotFoundError):
        outcomes(job, [("good",)])


def test_results_that_nobody_asks_for_go(tmp_path, monkeypatch):
    """A result that was not used for more than a month is dropped; the others stay."""
    monkeypatch.setattr(jobs, "memory", joblib.Memory(tmp_path, verbose=0))
    kept = jobs.memory.cache(len)
    for text, days in (("old", 31), ("newer", 29)):
        kept(text)
        used = time.time() - days * 24 * 3600
        os.utime(max(tmp_path.rglob("output.pkl"), key=os.path.getmtime), (used, used))
    jobs.prune()
    assert [kept.check_call_in_cache(text) for text in ("old", "newer")] == [False, True]


DRAWN = {
    "from the palette": lambda canvas, axes: axes.plot([1, 2], color=canvas.red, alpha=0.4),
    "hatched": lambda canvas, axes: axes.bar([1], [2], color=canvas.faint, hatch="//", edgecolor=canvas.ink),
    "mixed": lambda canvas, axes: axes.plot([1, 2], color=canvas.red[:5] + "00"),
    "otherwise in the dark": lambda canvas, axes: axes.plot([1, 2 + (canvas.scheme == "dark")]),
    "a picture": lambda canvas, axes: axes.imshow([[0, 1]], cmap="gray"),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_dark_figure_is_as_if_drawn(kind, tmp_path):
    """A figure that is coloured anew for the dark is, but for hashes, the one that would be drawn."""

    def function(sheet):
        figure, (axes,) = sheet.panels(1)
        DRAWN[kind](sheet, axes)
        return figure

    files, _ = canvas.draw("x", function, tmp_path)
    for width, name in (("wide", "x.dark.svg"), ("narrow", "x.dark.narrow.svg")):
        drawn = canvas.svg(function, canvas.Canvas("dark", width, tmp_path))
        hashes = re.compile(rb"(?<=[#\"])([mph]|C\w_\w_)[0-9a-f]{10}")
        assert hashes.sub(b"", files[name]) == hashes.sub(b"", drawn)
    once = canvas.recoloured(files["x.svg"]) is not None
    assert once == (kind in ("from the palette", "hatched", "otherwise in the dark"))
