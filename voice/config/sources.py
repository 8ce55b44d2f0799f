"""The three places that settings come from: the file, the environment and the flags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from voice.config.given import Given, did_you_mean, unknown
from voice.config.positions import line_of, not_toml
from voice.config.records import ASSISTANTS, OF_ASSISTANT, SECTIONS, SUBSECTIONS, keys, names, variable
from voice.errors import ConfigError

# A Kubernetes service called `voice` puts addresses like VOICE_SERVICE_PORT into every environment around it.
NOT_OURS = re.compile(r"_SERVICE_(HOST|PORT)|_(TCP|UDP)(_|$)")
ASSISTANT_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
FLAGS = {"engine.kind": "--engine", "engine.url": "--engine"}


def from_file(path: Path) -> Iterator[tuple[str, Given]]:
    """Each setting of a TOML file. Raises ConfigError with the line."""
    text = _read(path)
    for section, table in _parse(text, path).items():
        line = line_of(text, section)
        if section == ASSISTANTS and isinstance(table, dict):
            for name, described in table.items():
                yield from _assistant(name, described, text, path)
            continue
        if section not in SECTIONS and not isinstance(table, dict):
            Given(table, section, path, line).refuse("every setting in a section", fix=_where_it_belongs(section))
        if section not in SECTIONS:
            sections = [*SECTIONS, f"{ASSISTANTS}.NAME"]
            raise unknown(f"[{section}]", [f"[{name}]" for name in sections], path=path, line=line)
        if not isinstance(table, dict):
            Given(table, section, path, line).refuse("a section", fix=f"Write [{section}] on a line of its own.")
        known = {key: metadata for key, _, metadata in keys(SECTIONS[section])}
        for key, value in table.items():
            item = Given(value, f"[{section}] {key}", path, line_of(text, section, key))
            if key not in known:
                public = [name for name in known if "secret" not in known[name]]
                raise unknown(item.name, public, wrong=key, path=path, line=item.line)
            if "secret" in known[key]:
                item.refuse(
                    "no key in a file, where it would be copied and shared",
                    fix=f'Put the key into an environment variable and write {key}_env = "ITS_NAME".',
                )
            yield f"{section}.{key}", item


def _assistant(name: str, table: object, text: str, path: Path) -> Iterator[tuple[str, Given]]:
    """Each setting of `[assistants.NAME]`, named `assistants.NAME.` and the general setting that it stands in for."""
    section = f"{ASSISTANTS}.{name}"
    whole = Given(table, f"[{section}]", path, line_of(text, section))
    if not isinstance(table, dict):
        whole.refuse("a section", fix=f"Write [{ASSISTANTS}.NAME] on a line of its own.")
    if not ASSISTANT_NAME.fullmatch(name):
        whole.refuse("a name of letters, digits, _ and -, at most 64 of them")
    known = {"description": "description", "model": "model", **OF_ASSISTANT}
    yield f"{section}.description", Given("", whole.name, path, whole.line)  # one that says nothing exists too
    for key, value in table.items():
        item = Given(value, f"[{section}] {key}", path, line_of(text, section, key))
        if key in SUBSECTIONS and isinstance(value, dict):
            yield from _own_section(section, key, value, text, path)
        elif key in known:
            yield f"{section}.{known[key]}", item
        else:
            raise unknown(item.name, [*known, *SUBSECTIONS], wrong=key, path=path, line=item.line)


def _own_section(
    assistant: str, section: str, table: Mapping[str, object], text: str, path: Path
) -> Iterator[tuple[str, Given]]:
    known = [key for key, _, _ in keys(SECTIONS[section])]
    for key, value in table.items():
        line = line_of(text, f"{assistant}.{section}", key)
        item = Given(value, f"[{assistant}.{section}] {key}", path, line)
        if key not in known:
            raise unknown(item.name, known, wrong=key, path=path, line=line)
        yield f"{assistant}.{section}.{key}", item


def from_environment(env: Mapping[str, str]) -> Iterator[tuple[str, Given]]:
    """Each `VOICE_*` variable that is a setting; an empty one is not set, a misspelt one is refused."""
    known = {variable(section, key): f"{section}.{key}" for section, key in names()}
    for name, value in env.items():
        if not name.startswith("VOICE_") or not value:
            continue
        if name in known:
            yield known[name], Given(value, name)
        elif name == "VOICE_ENGINE":
            for setting, part in engine_choice(value).items():
                yield setting, Given(part, name)
        elif not NOT_OURS.search(name) and did_you_mean(name, known, cutoff=0.9):
            raise unknown(name, known)


def from_flags(overrides: Mapping[str, object]) -> Iterator[tuple[str, Given]]:
    """Each flag that was given, by the dotted name of its setting."""
    known = [f"{section}.{key}" for section, key in names()]
    for name, value in overrides.items():
        if name not in known:
            raise unknown(name, known)
        if value is not None:
            yield name, Given(value, FLAGS.get(name, "--" + name.split(".")[1].replace("_", "-")))


def engine_choice(text: str) -> dict[str, str]:
    """Overrides for one word of a flag: `local`, `openai`, or the address of a realtime server."""
    if "://" in text:
        return {"engine.kind": "url", "engine.url": text}
    return {"engine.kind": text}


def _where_it_belongs(key: str) -> str:
    owners = [f"[{section}]" for section, known in names() if known == key] or [f"[{section}]" for section in SECTIONS]
    return f"Write it below a line {' or '.join(owners)}."


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ConfigError(f"the settings file cannot be read: {reason}.", fix="Check the path.", path=path) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the settings file is not UTF-8 text.", fix="Save it as UTF-8.", path=path) from error


def _parse(text: str, path: Path) -> dict[str, object]:
    import tomllib  # only who has a file needs the parser

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise not_toml(str(error), text, path) from error
