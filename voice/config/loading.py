"""Put the three places together, the later one winning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from voice.config.given import Given, convert
from voice.config.records import ASSISTANTS, SECTIONS, AssistantSettings, ServerSettings, Settings, keys
from voice.config.rtc import check_rtc
from voice.config.sources import engine_choice, from_environment, from_file, from_flags

__all__ = ["engine_choice", "load"]

OPENAI_HOST = "api.openai.com"
ADDRESSES = {
    "engine.url": ("ws", "wss", "http", "https"),
    "local.brain_url": ("http", "https"),
    "server.public_origin": ("https", "http"),
}


def load(path: Path | None, env: Mapping[str, str], overrides: Mapping[str, object] | None = None) -> Settings:
    """Settings from a file (None: no file), the environment and flags (`{"server.port": 9000}`; None: not given).

    Raises ConfigError."""
    given: dict[str, Given] = dict(from_file(path)) if path is not None else {}
    for source in (from_environment(env), from_flags(overrides or {})):
        latest = dict(source)
        _forget_other_engine(given, latest)
        given.update(latest)
    _choose_engine(given, env)
    _find_keys(given, env)
    check_rtc(given)
    general = {section: _section(section, given) for section in SECTIONS}
    assistants = {name: _assistant(name, given) for name in _assistant_names(given)}
    return _checked(Settings(**general, assistants=assistants), given)


def _assistant_names(given: Mapping[str, Given]) -> list[str]:
    """In the order of the file."""
    return list(dict.fromkeys(name.split(".")[1] for name in given if name.startswith(f"{ASSISTANTS}.")))


def _assistant(name: str, given: Mapping[str, Given]) -> AssistantSettings:
    """What is said of it, over what is said in general."""
    prefix = f"{ASSISTANTS}.{name}."
    own = {key.removeprefix(prefix): item for key, item in given.items() if key.startswith(prefix)}
    whole = {**given, **own}
    return AssistantSettings(
        name=name,
        description=_quoted(own, "description"),
        model=_quoted(own, "model"),
        session=_section("session", whole),
        turns=_section("turns", whole),
        tools=_section("tools", whole),
        overrides=_section("overrides", whole),
    )


def _quoted(own: Mapping[str, Given], key: str) -> str:
    return str(convert(own[key], str, {})) if key in own else ""


def _checked(settings: Settings, given: Mapping[str, Given]) -> Settings:
    """What only makes sense together."""
    server = settings.server
    if server.default_assistant and server.default_assistant not in settings.assistants:
        known = ", ".join(settings.assistants) or "none"
        given["server.default_assistant"].refuse(f"the name of one of [{ASSISTANTS}.…] (there are: {known})")
    if server.twilio_auth_token and not server.public_origin:
        given["server.twilio_auth_token"].refuse("server.public_origin beside it: Twilio signs that address")
    _check_origins(server, given)
    if bool(server.tls_cert) is not bool(server.tls_key):
        one, other = ("tls_cert", "tls_key") if server.tls_cert else ("tls_key", "tls_cert")
        given[f"server.{one}"].refuse(f"server.{other} beside it", fix="--tls-cert and --tls-key go together.")
    return settings


def _section(section: str, given: Mapping[str, Given]) -> Any:
    record = SECTIONS[section]
    values = {
        key: convert(given[f"{section}.{key}"], hint, limits)
        for key, hint, limits in keys(record)
        if f"{section}.{key}" in given
    }
    return record(**values)


def _forget_other_engine(given: dict[str, Given], latest: Mapping[str, Given]) -> None:
    """Half of an earlier choice does not mix with a later one: an address belongs to the engine it came with."""
    kind = _text(latest, "engine.kind")
    if not kind and "engine.url" in latest:
        given.pop("engine.kind", None)
    elif kind not in ("", "url", _text(given, "engine.kind")):
        given.pop("engine.url", None)


def _choose_engine(given: dict[str, Given], env: Mapping[str, str]) -> None:
    """An address alone chooses the engine at it. When nobody chose, `UPSTREAM_URL` does, then a key for OpenAI."""
    if "engine.kind" not in given and "engine.url" not in given:
        if env.get("UPSTREAM_URL"):
            given["engine.url"] = Given(env["UPSTREAM_URL"], "UPSTREAM_URL")
        elif env.get("OPENAI_API_KEY"):
            given["engine.kind"] = Given("openai", "OPENAI_API_KEY")
    if "engine.kind" not in given and "engine.url" in given:
        given["engine.kind"] = Given("url", given["engine.url"].name)
    if _text(given, "engine.kind") == "url" and not _text(given, "engine.url"):
        given["engine.kind"].refuse("an address beside it", fix="Set engine.url, like ws://127.0.0.1:8081/v1/realtime.")
    if _text(given, "engine.kind") == "openai" and _text(given, "engine.url"):
        given["engine.url"].refuse('no address beside engine.kind "openai"', fix='Leave it out, or set kind = "url".')
    for name, schemes in ADDRESSES.items():
        if _text(given, name):
            _check_address(given[name], schemes)


def _find_keys(given: dict[str, Given], env: Mapping[str, str]) -> None:
    """A key goes to its owner only: OpenAI's to OpenAI, another one where a setting names its variable."""
    engine_host = urlsplit(_text(given, "engine.url")).hostname
    official = _text(given, "engine.kind") == "openai" or engine_host == OPENAI_HOST
    _find_key(given, env, "engine.api_key", official=official)
    brain_host = urlsplit(_text(given, "local.brain_url")).hostname
    _find_key(given, env, "local.brain_api_key", official=brain_host in (None, OPENAI_HOST))
    _find_key(given, env, "webrtc.ice_credential", official=False)
    _find_key(given, env, "server.twilio_auth_token", official=False)


def _find_key(given: dict[str, Given], env: Mapping[str, str], name: str, *, official: bool) -> None:
    if name in given:
        return
    variable = _text(given, f"{name}_env")
    if variable:
        key = env.get(variable, "")
        if not key:
            given[f"{name}_env"].refuse(
                f"the name of a variable that holds a key, and {variable} is empty or unset",
                fix=f"Set it: export {variable}=…",
            )
        given[name] = Given(key, variable)
    elif official and env.get("OPENAI_API_KEY"):
        given[name] = Given(env["OPENAI_API_KEY"], "OPENAI_API_KEY")


def _check_origins(settings: ServerSettings, given: Mapping[str, Given]) -> None:
    """An origin has no path; one that had would be compared with what no browser says, and never fit."""
    for name, origins in (
        ("public_origin", (settings.public_origin,)),
        ("allowed_origins", settings.allowed_origins),
    ):
        for origin in filter(None, origins):
            parts = urlsplit(origin.lower())
            if not parts.scheme or not parts.netloc or origin.lower().rstrip("/") != f"{parts.scheme}://{parts.netloc}":
                given[f"server.{name}"].refuse(f'an origin like "https://voice.example.com", not {origin!r}')


def _check_address(item: Given, schemes: tuple[str, ...]) -> None:
    url = str(item.value)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        item.refuse(f"an address that begins with {schemes[0]}:// or {schemes[1]}://, not {url!r}")
    if parts.username or parts.password:
        item.refuse("an address without a password in it", fix="Name the key's variable in api_key_env instead.")


def _text(given: Mapping[str, Given], name: str) -> str:
    item = given.get(name)
    return item.value if item is not None and isinstance(item.value, str) else ""
