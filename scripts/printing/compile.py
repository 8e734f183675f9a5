"""Compile the printed sets with Typst, each in a process of its own: Typst keeps what memory it has taken."""

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
WIDE = re.compile(r'panicked with: "(.+)"')
LOST = re.compile(r'the text `"(.+?)"` could not be displayed')


class Job:
    """The printing of one set: its Typst source, the pictures in it, and the PDF file that is made."""

    def __init__(self, name: str, source: str, pictures: dict[str, Path]):
        self.name, self.source, self.pictures = name, source, pictures
        self.path = WORK / "pdf" / f"{name}.pdf"
        self.record = self.path.with_suffix(".json")
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

    def run(self) -> Unprintable | None:
        """Make the file, unless it is stopped; return what is wrong, with the place in the pages."""
        new = self.path.with_suffix(".new")
        command = [sys.executable, "-m", "printing.compile", str(WORK / f"{self.name}.typ"), str(new)]
        environment = os.environ | SAME | {"PYTHONPATH": str(SCRIPTS)}
        if self.stopped:
            return None
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        out, errors = self.process.communicate()
        if self.process.returncode and not self.stopped:
            raise RuntimeError(f"Typst did not run: {errors.strip()}")
        answer = {} if self.process.returncode else json.loads(out)
        if "message" in answer:
            return unprintable(answer["message"], place_of(answer["diagnostic"], self.source))
        if answer:
            self.record.unlink(missing_ok=True)  # in this order no record is ever that of another file
            new.replace(self.path)
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
        problems = zip(stale, pool.map(Job.run, stale))
        yield from ((job.name, problem) for job, problem in problems if problem)


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


def main(source: str, target: str):
    """Compile one file, and print as JSON its number of pages, or Typst's error."""
    compiler = typst.Compiler(source, root=str(Path(source).parent), ignore_system_fonts=True)
    try:
        content = compiler.compile(format="pdf", pdf_standards=STANDARDS)
    except typst.TypstError as error:
        print(json.dumps({"message": error.message, "diagnostic": error.diagnostic}))
        return
    pack(content, target)
    print(json.dumps({"pages": json.loads(compiler.query("<pages>", field="value", one=True))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
