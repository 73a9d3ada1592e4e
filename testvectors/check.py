#!/usr/bin/env python3
"""Checks the vectors: the building blocks against published answers, then every JSON file against a fresh making, then by
reading each vector back. Prints what it counted; ends with an error at the first difference."""

import sys

import checks
import make
import published


def main() -> int:
    failures = 0
    for check in published.CHECKS:
        failures += report(f"published: {check.__name__}", check)
    for generator in make.GENERATORS:
        failures += report(f"made anew: {generator.FILE}", lambda generator=generator: unchanged(generator))
        failures += report(f"read back: {generator.FILE}", lambda generator=generator: checks.run(generator.FILE))
    unknown = {path.name for path in make.HERE.glob("*.json")} - {generator.FILE for generator in make.GENERATORS}
    for name in sorted(unknown):
        print(f"FAILED  {name} is made by nothing")
    return 1 if failures or unknown else 0


def unchanged(generator) -> int:
    committed = (make.HERE / generator.FILE).read_text()
    assert make.render(generator) == committed, "differs from what make.py makes now"
    return len(committed)


def report(name: str, check) -> int:
    try:
        count = check()
    except Exception as error:  # noqa: BLE001 - a checker reports whatever went wrong and goes on
        print(f"FAILED  {name}: {type(error).__name__}: {error}")
        return 1
    unit = "bytes" if name.startswith("made anew") else "vectors"
    print(f"ok      {name}: {count} {unit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
