"""`python -m tests.benchmarks NAME [--json]`, and `all --markdown FILE` for every one in turn."""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from tests.benchmarks.report import Result, as_json, as_markdown, show

HERE = Path(__file__).resolve().parent


def names() -> list[str]:
    """Every module and package beside this file that defines `run` and `table`, without importing any."""
    found = []
    for path in sorted(HERE.iterdir()):
        source = path / "__init__.py" if path.is_dir() else path
        if path.name.startswith("__") or source.suffix != ".py" or not source.exists():
            continue
        defined = {node.name for node in ast.parse(source.read_text()).body if isinstance(node, ast.FunctionDef)}
        if {"run", "table"} <= defined:
            found.append(path.stem)
    return found


def main(arguments: list[str]) -> int:
    """Exit code 0, 1 when something could not be measured, 2 for a name or an option that does not exist."""
    known = names()
    name = arguments[0] if arguments else ""
    if name == "all":
        return run_all(known, arguments[1:])
    if name not in known:
        print(f"Which benchmark? One of: all {' '.join(known)}", file=sys.stderr)
        return 2
    return run_one(name, arguments[1:])


def run_one(name: str, arguments: list[str]) -> int:
    module = import_module(f"tests.benchmarks.{name}")
    parser = argparse.ArgumentParser(prog=f"python -m tests.benchmarks {name}", description=module.__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    with_options = hasattr(module, "add_options")
    if with_options:
        module.add_options(parser)
    options = parser.parse_args(arguments)
    figures: dict[str, float] = module.run(options) if with_options else module.run()
    if options.json:
        print(as_json(name, figures, method_of(module)))
    else:
        show(name, module.table(figures), method_of(module))
    return 0


def run_all(known: list[str], arguments: list[str]) -> int:
    """Each in a process of its own, so that none inherits another's memory, imports or caches."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks all")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--only", nargs="+", choices=known, default=known, metavar="NAME")
    options = parser.parse_args(arguments)
    results = []
    for name in options.only:
        print(f"{name} …", file=sys.stderr, flush=True)
        results.append(measured_apart(name))
        if results[-1].problem:
            print(f"{name}: {results[-1].problem}", file=sys.stderr)
        else:
            show(name, results[-1].rows, "")
    if options.markdown:
        options.markdown.write_text(as_markdown(results))
    return 1 if any(result.problem for result in results) else 0


def measured_apart(name: str) -> Result:
    """Run one benchmark as `--json` in a child and read the figures off its last line."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", name, "--json"],
        cwd=HERE.parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = child.stdout.strip().splitlines()
    if child.returncode or not lines:
        return Result(name, (), f"exit code {child.returncode}")
    figures = {key: value for key, value in json.loads(lines[-1]).items() if isinstance(value, int | float)}
    return Result(name, import_module(f"tests.benchmarks.{name}").table(figures))


def method_of(module: ModuleType) -> str:
    return str(getattr(module, "METHOD", ""))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
