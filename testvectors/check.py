#!/usr/bin/env python3
"""Checks the vectors: the building blocks against published answers, then every JSON file against a fresh making, then by
reading each vector back. Prints what it counted; ends with an error when anything differed."""

import sys
from collections import Counter

import checks
import make
import published


def main() -> int:
    failures = 0
    counts = Counter()
    for check in published.CHECKS:
        failures += report(f"published: {check.__name__}", check, counts)
    for generator in make.GENERATORS:
        failures += report(f"made anew: {generator.FILE}", lambda generator=generator: unchanged(generator), counts)
        failures += report(f"read back: {generator.FILE}", lambda generator=generator: checks.run(generator.FILE), counts)
    unknown = {path.name for path in make.HERE.glob("*.json")} - {generator.FILE for generator in make.GENERATORS}
    for name in sorted(unknown):
        print(f"FAILED  {name} is made by nothing")
    failed = bool(failures or unknown)
    print(
        f"evidence: id=vectors/python figure={counts['published']} published answers, {len(make.GENERATORS)} files made anew"
        f" ({counts['made anew']} bytes), {counts['read back']} vectors read back verdict={'fail' if failed else 'pass'}"
    )
    return 1 if failed else 0


def unchanged(generator) -> int:
    committed = (make.HERE / generator.FILE).read_text()
    assert make.render(generator) == committed, "differs from what make.py makes now"
    return len(committed)


def report(name: str, check, counts: Counter) -> int:
    try:
        count = check()
    except Exception as error:  # noqa: BLE001 - a checker reports whatever went wrong and goes on
        print(f"FAILED  {name}: {type(error).__name__}: {error}")
        return 1
    unit = "bytes" if name.startswith("made anew") else "vectors"
    print(f"ok      {name}: {count} {unit}")
    counts[name.split(":")[0]] += count
    return 0


if __name__ == "__main__":
    sys.exit(main())
