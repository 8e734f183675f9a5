"""Compile the printed sets with Typst, a few to a process: Typst keeps what memory it has taken."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pikepdf
import typst
from joblib import cpu_count
from paper.parts import CACHE, SCRIPTS, digest
from paper.settings import SAME

from printing.printer import Unprintable

WORK = CACHE / "print"
TEMPLATE = SCRIPTS / "printing" / "print.typ"
STANDARDS = ["a-2a", "ua-1"]
SHARE = 4
WIDE = re.compile(r'panicked with: "(.+)"')
LOST = re.compile(r'the text `"(.+?)"` could not be displayed')


class Job:
    """The printing of one set: its Typst source, the pictures in it, and the PDF file that is made."""

    def __init__(self, name: str, source: str, pictures: dict[str, Path]):
        self.name, self.source, self.pictures = name, source, pictures
        self.path = WORK / "pdf" / f"{name}.pdf"
        self.record, self.new = self.path.with_suffix(".json"), self.path.with_suffix(".new")
        self.process, self.stopped = None, False
        self.key = digest(TEMPLATE, *pictures.values(), text=source + typst.__version__ + pikepdf.__version__)

    def known(self) -> dict:
        """Return the record of the file: its key, and how many pages it has; nothing if there is none."""
        return json.loads(self.record.read_text()) if self.record.is_file() and self.path.is_file() else {}

    @property
    def done(self) -> bool:
        return self.known().get("key") == self.key

    def prepare(self):
        """Put what Typst reads into its folder."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TEMPLATE, WORK / "print.typ")
        for name, path in self.pictures.items():
            shutil.copy(path, WORK / name)
        (WORK / f"{self.name}.typ").write_text(self.source)

    def finish(self, answer: dict) -> Unprintable | None:
        """Put the new file in place; or return what is wrong, with the place in the pages."""
        if "message" in answer:
            return unprintable(answer["message"], place_of(answer["diagnostic"], self.source))
        self.record.unlink(missing_ok=True)  # in this order no record is ever that of another file
        self.new.replace(self.path)
        self.record.write_text(json.dumps({"key": self.key, "pages": answer["pages"]}))
        return None

    def stop(self):
        """Leave the file as it is."""
        self.stopped = True
        if self.process:
            self.process.kill()


def unprintable(message: str, place: str) -> Unprintable:
    """Return an error of Typst with its place; a table that is too wide names its own place."""
    if wide := WIDE.search(message):
        return Unprintable(wide[1], "")
    if lost := LOST.search(message):
        character = f"{lost[1]!r} (U+{ord(lost[1][0]):04X})"
        return Unprintable(f"no font of the printed sets has the character {character}", lost[1])
    return Unprintable(f"{place}: {message}", "")


def place_of(diagnostic: str, source: str) -> str:
    """Return the last place of a page that the source names before a Typst error."""
    found = re.search(r"\.typ:(\d+):", diagnostic)
    before = "\n".join(source.splitlines()[: int(found[1])]) if found else ""
    places = re.findall(r"/\* (\S+:\d+) \*/", before)
    return places[-1] if places else "the printed sets"


def compile_all(jobs: Iterable[Job]) -> Iterator[tuple[str, Unprintable]]:
    """Make the files that are not there from the same source, on all cores; yield the sets that failed."""
    # The longest first: the others fill the time that it takes.
    stale = sorted((job for job in jobs if not job.done), key=lambda job: -len(job.source))
    for job in stale:
        job.prepare()
    with ThreadPoolExecutor(cpu_count()) as pool:
        for problems in pool.map(run, batches(stale)):
            yield from problems


def batches(jobs: list[Job]) -> list[list[Job]]:
    """Share out jobs, the longest first, to processes: starting one takes as long as a short set does.

    None gets more than a quarter of the longest job, or one job, so that it takes no more memory.
    """
    made, room = [], 0
    for job in jobs:
        if len(job.source) > room:
            made, room = [*made, []], len(jobs[0].source) // SHARE
        made[-1].append(job)
        room -= len(job.source)
    return made


def run(jobs: list[Job]) -> list[tuple[str, Unprintable]]:
    """Make some files one after the other in a process, unless they are stopped; return what failed."""
    if any(job.stopped for job in jobs):
        return []
    files = [str(path) for job in jobs for path in (WORK / f"{job.name}.typ", job.new)]
    process = subprocess.Popen(
        [sys.executable, "-m", "printing.compile", *files], text=True,
        env=os.environ | SAME | {"PYTHONPATH": str(SCRIPTS)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    for job in jobs:
        job.process = process
    out, errors = process.communicate()
    if process.returncode and not any(job.stopped for job in jobs):
        raise RuntimeError(f"Typst did not run: {errors.strip()}")
    answers = (json.loads(line) for line in out.splitlines(keepends=True) if line.endswith("\n"))
    return [(job.name, wrong) for job, answer in zip(jobs, answers) if (wrong := job.finish(answer))]


def told(failed: Iterable[tuple[str, Unprintable]], placed: Callable[[Unprintable], str]) -> list[str]:
    """Return each problem once, behind its place, with the sets in which it stands: `set q2 and 3 more`."""
    sets = {}
    for name, error in failed:
        sets.setdefault(placed(error), []).append(name)
    return [
        f"{problem} (set {first}{f' and {len(more)} more' * bool(more)})"
        for problem, (first, *more) in sets.items()
    ]


def pack(content: bytes, target: str):
    """Write a PDF with its many small objects compressed together, which Typst leaves as they are."""
    with pikepdf.open(BytesIO(content)) as file:
        file.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True)


def compiled(source: str, target: str) -> dict:
    """Compile one file; return its number of pages, or Typst's error."""
    compiler = typst.Compiler(source, root=str(Path(source).parent), ignore_system_fonts=True)
    try:
        content = compiler.compile(format="pdf", pdf_standards=STANDARDS)
    except typst.TypstError as error:
        return {"message": error.message, "diagnostic": error.diagnostic}
    pack(content, target)
    return {"pages": json.loads(compiler.query("<pages>", field="value", one=True))}


def main(*files: str):
    """Compile files, each given as its source and its target, and print as JSON what came of each."""
    for source, target in zip(files[::2], files[1::2], strict=True):
        print(json.dumps(compiled(source, target)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
