"""Strongroom's formats, written a second time.

An implementation of `docs/FORMATS.md` that shares no code with the Rust crates and was written from the document alone. It is
here to make and check test vectors: it is neither fast nor constant in time, and must never meet a real key.

One module per section of the document; `primitives`, `wire`, `shamir`, `bch`, `xwing` and `hpke` lie below them.
"""
