"""The programs that draw the figures and run the checks, in processes of their own beside the build."""

import logging
import os
import subprocess
import sys
from tempfile import TemporaryFile

from paper.parts import CACHE, SCRIPTS, discover
from paper.settings import SAME

log = logging.getLogger("mkdocs.full-marks")
ROOMS = {"figures": "drawing", "checks": "checking"}
running: dict[str, "Run"] = {}


class Run:
    """A program that runs while the build goes on."""

    def __init__(self, script: str, folders: list[str]):
        # Imported, not run as a file: the cache keys its entries by the name of the module.
        command = f"import sys; from {ROOMS[script]} import {script}; sys.exit({script}.main(*sys.argv[1:]))"
        self.script, self.out, self.err = script, TemporaryFile("w+"), TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", command, *folders],
            cwd=SCRIPTS, env=os.environ | SAME, stdout=self.out, stderr=self.err,
        )  # fmt: skip

    def finish(self):
        """Wait for the end of the program, and report what it did and what failed."""
        code = self.process.wait()
        done, errors = (file.seek(0) or file.read().splitlines() for file in (self.out, self.err))
        reused = sum(line.startswith("reused") for line in done)
        log.info("%d %s: %d new, %d reused", len(done), self.script, len(done) - reused, reused)
        for message in errors if code else []:
            log.warning(message)


def start(only: str = ""):
    """Start all programs, for all parts or for `only` one and those that are new."""
    running.update({script: Run(script, wanted(only, script)) for script in ROOMS})


def wanted(only: str, script: str) -> list[str]:
    """Return the folders of the parts to draw or check: all, or the one that is asked for and any new one."""
    made = CACHE / script
    new = {part.id for part in discover() if not [*made.glob(part.id), *made.glob(f"{part.id}.json")]}
    return [str(part.folder) for part in discover() if part.id in new | {only}] if only else []


def finish(*scripts: str):
    """Wait for some of the programs, if they run."""
    for script in scripts:
        if script in running:
            running.pop(script).finish()
