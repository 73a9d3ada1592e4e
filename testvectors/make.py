#!/usr/bin/env python3
"""Writes every JSON file of test vectors beside this script, from fixed seeds: the same bytes every time."""

import json
import sys
from pathlib import Path

from generators import audit_chains, backups, entries, envelopes, heads, keyrings, policies, records, rewraps, shares, slots, storage_keys

HERE = Path(__file__).parent
GENERATORS = (records, storage_keys, entries, heads, keyrings, policies, shares, slots, rewraps, backups, envelopes, audit_chains)
NOTE = "Made by testvectors/make.py from docs/FORMATS.md: do not edit. Bytes are hex; numbers and text are themselves."


def plain(value):
    """Bytes as hex, everything else as JSON has it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def render(generator) -> str:
    document = {"note": NOTE, "section": generator.__doc__.split(": ", 1)[1].split("\n")[0], **plain(generator.make())}
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def main() -> None:
    for generator in GENERATORS:
        (HERE / generator.FILE).write_text(render(generator))
        print(f"wrote {generator.FILE}", file=sys.stderr)


if __name__ == "__main__":
    main()
