"""Adds up what the steps of tests/run counted, and prints the plain closing line.

    tally.py LOG_FOLDER "NAME STATUS SECONDS"...

A step whose runner counted nothing counts as one check.
"""

import os
import re
import sys

NEXTEST = re.compile(r"tests? run: (?P<passed>\d+) passed(?: \([^)]*\))?(?:, (?P<failed>\d+) failed)?"
                     r"(?:, \d+ timed out)?(?:, (?P<skipped>\d+) skipped)?")
DOCTEST = re.compile(r"^test result: \w+\. (?P<passed>\d+) passed; (?P<failed>\d+) failed; (?P<skipped>\d+) ignored")
PYTEST = re.compile(r"^=*\s*(?=.*\d+ (?:passed|failed|error|skipped).* in [\d.]+s)(?:.*?(?P<failed>\d+) failed)?"
                    r"(?:.*?(?P<passed>\d+) passed)?(?:.*?(?P<skipped>\d+) skipped)?(?:.*?(?P<errors>\d+) error)?")
PLAIN = re.compile(r"^(?P<passed>\d+) passed, (?P<failed>\d+) failed$")
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def counted(path):
    """(passed, failed, skipped) of one step's log."""
    total = [0, 0, 0]
    with open(path, errors="replace") as log:
        for line in log:
            line = ESCAPES.sub("", line.rstrip())
            for pattern in (NEXTEST, DOCTEST, PLAIN, PYTEST):
                if found := pattern.search(line):
                    counts = {name: int(value or 0) for name, value in found.groupdict().items()}
                    total[0] += counts["passed"]
                    total[1] += counts["failed"] + counts.get("errors", 0)
                    total[2] += counts.get("skipped", 0)
                    break
    return total


def main(folder, steps):
    """Prints the sum; exit status 1 when anything failed."""
    total = [0, 0, 0]
    for step in steps:
        name, status, _ = step.split()
        passed, failed, skipped = counted(os.path.join(folder, f"step-{name}.log"))
        if passed + failed == 0:
            passed, failed = (1, 0) if status == "0" else (0, 1)
        elif status != "0" and failed == 0:
            failed = 1
        for place, count in enumerate((passed, failed, skipped)):
            total[place] += count
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
