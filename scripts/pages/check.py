"""Check one part while it is written: its checks, its figures, its page with all house rules, its mutants."""

import argparse
import subprocess
import sys

from checking import checks, mutate
from checking.junit import command
from paper.jobs import Failed
from paper.parts import Part, chosen, discover

from pages.build import finish, logged, make


def library(part: Part):
    """Run the library checks if their record is missing or stale, and renew it."""
    try:
        checks.recorded(part)
    except Failed:
        checks.main("--library", str(part.folder))
    except SyntaxError:
        pass  # the build says where


def main() -> int:
    """Check the part that is named, or some checks of it alone; return 0 if all is well."""
    parser = argparse.ArgumentParser(prog="scripts/check", description=__doc__)
    parser.add_argument("part", help="its folder, such as docs/q2/d-my-part")
    parser.add_argument("-k", metavar="NAMES", help="run only the checks with these names, as pytest does")
    parser.add_argument("--mutate", action="store_true", help="change each equation and see its checks fail")
    given = parser.parse_args()
    try:
        part = chosen(given.part)
    except LookupError as error:
        print(f"scripts/check: {error}", file=sys.stderr)
        return 2
    if given.k:
        return subprocess.run([*command(part), "-k", given.k]).returncode
    report = logged()
    library(part)
    # Of the other parts what is kept may be older than they are: the build says what is wrong there.
    others = tuple(f"docs/{other.id}/" for other in discover() if other.id != part.id)
    problems = [problem for problem in make(report, only=part.id) if not problem.startswith(others)]
    code = finish(report, problems, "The part is sound. Now ./scripts/build makes the site with it.")
    return code or (mutate.main(part.id) if given.mutate else 0)


if __name__ == "__main__":
    sys.exit(main())
