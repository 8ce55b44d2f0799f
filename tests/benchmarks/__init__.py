"""What the service costs and how fast it is: `python -m tests.benchmarks NAME [--json]`.

A benchmark is a module (or package) here with two functions: `run() -> dict[str, float]` measures and answers
figures whose keys carry their units, `table(figures) -> list[tuple[str, str]]` says them for people. It may also
have `METHOD` (a sentence on how it measures) and `add_options(parser)`, in which case `run` is given the options.
"""
