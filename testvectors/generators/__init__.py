"""What the vectors are made of: one module per JSON file, each with `FILE` and `make()`."""
