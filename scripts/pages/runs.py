"""The programs that draw the figures and run the checks, in processes of their own beside the build."""

import logging
import os
import subprocess
import sys
from tempfile import TemporaryFile

from checking import checks
from drawing import figures
from paper.parts import CACHE, SCRIPTS, Part, discover
from paper.settings import SAME

log = logging.getLogger("mkdocs.full-marks")
PROGRAMS = {"figures": figures, "checks": checks}
running: dict[str, "Run"] = {}


class Run:
    """A program that runs for some parts while the build goes on; of the others so much is `kept`."""

    def __init__(self, script: str, parts: list[Part], kept: int):
        self.script, self.kept, self.process = script, kept, None
        self.out, self.err = TemporaryFile("w+"), TemporaryFile("w+")
        if parts:
            self.start([str(part.folder) for part in parts])

    def start(self, folders: list[str]):
        """Start the program in a process of its own."""
        # Imported, not run as a file: the cache keys its entries by the name of the module.
        room = PROGRAMS[self.script].__name__.partition(".")[0]
        command = f"import sys; from {room} import {self.script} as it; sys.exit(it.main(*sys.argv[1:]))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", command, *folders],
            cwd=SCRIPTS, env=os.environ | SAME, stdout=self.out, stderr=self.err,
        )  # fmt: skip

    def finish(self):
        """Wait for the end of the program, and report what it did and what failed."""
        code = self.process.wait() if self.process else 0
        done, errors = (file.seek(0) or file.read().splitlines() for file in (self.out, self.err))
        reused = self.kept + sum(line.startswith("reused") for line in done)
        total = self.kept + len(done)
        log.info("%d %s: %d new, %d reused", total, self.script, total - reused, reused)
        for message in errors if code else []:
            log.warning(message)


def start(only: str = ""):
    """Start all programs, each for the parts whose results are not of their sources as these are now.

    With `only`, a part, what there is of other parts will do.
    """
    for script, program in PROGRAMS.items():
        made = {part: program.made(part) for part in discover()}
        due = [part for part, number in made.items() if number is None and wanted(part, only, script)]
        running[script] = Run(script, due, sum(filter(None, made.values())))


def wanted(part: Part, only: str, script: str) -> bool:
    """Tell whether a part is to be drawn or checked: any, or the one that is asked for and any new one."""
    made = CACHE / script
    return not only or part.id == only or not [*made.glob(part.id), *made.glob(f"{part.id}.json")]


def finish(*scripts: str):
    """Wait for some of the programs, if they run."""
    for script in scripts:
        if script in running:
            running.pop(script).finish()
