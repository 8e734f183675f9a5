"""Run pytest for file after file, each in a fork of this process, which has imported what takes its time."""

import gc
import json
import os
import sys

import lxml.etree  # noqa: F401
import maths.equations  # noqa: F401
import numpy  # noqa: F401
import paper.markup  # noqa: F401
import pytest
import scipy.optimize
import scipy.stats  # noqa: F401
import sympy  # noqa: F401


def run(arguments: list[str], output: str, read: str) -> int:
    """Run pytest; what it prints goes to the file `output`, and which files are read to `read`."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream in (1, 2):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    # Of the plug-ins that are installed none is about checks.
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "FULL_MARKS_READ": read}
    return pytest.main(arguments)


def main():
    """Answer each line of the input, the arguments of a run as JSON, with the exit code of the run."""
    gc.freeze()  # a fork leaves what is imported alone, at its end too
    for line in sys.stdin:
        child = os.fork()
        if not child:
            sys.exit(run(**json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
