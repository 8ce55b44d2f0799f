"""A settings file, an environment and some flags come in; one record of settings, or one clear sentence, comes out."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from voice.config import Settings, engine_choice, load
from voice.config.records import SECTIONS, keys
from voice.errors import ConfigError

Write = Callable[[str], Path]
URL = "ws://127.0.0.1:9000/v1/realtime"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "voice.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refusal(
    path: Path | None, env: Mapping[str, str] | None = None, overrides: Mapping[str, object] | None = None
) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(path, env or {}, overrides)
    assert caught.value.exit_code == 2
    return caught.value


# What wins


def test_nothing_given_is_a_loopback_service_on_the_embedded_engine() -> None:
    settings = load(None, {})
    assert settings == Settings()
    assert (settings.server.host, settings.server.port, settings.engine.kind) == ("127.0.0.1", 8080, "local")


def test_a_flag_beats_a_variable_which_beats_the_file(write: Write) -> None:
    path = write("[server]\nport = 1\nmax_sessions = 1\ngrace_s = 1\n")
    env = {"VOICE_SERVER_PORT": "2", "VOICE_SERVER_MAX_SESSIONS": "2"}
    server = load(path, env, {"server.port": 3, "server.host": None}).server
    assert (server.port, server.max_sessions, server.grace_s, server.host) == (3, 2, 1.0, "127.0.0.1")


def test_every_kind_of_value_can_be_written_in_the_file_and_in_the_environment(write: Write) -> None:
    text = '[server]\nallowed_hosts = ["a", "b"]\n[turns]\nthreshold = 1\nmode = "push_to_talk"\n'
    written = load(write(text + '[tools]\nenabled = ["x"]\n'), {})
    exported = load(
        None,
        {
            "VOICE_SERVER_ALLOWED_HOSTS": "a, b",
            "VOICE_TURNS_THRESHOLD": "1.0",
            "VOICE_TURNS_MODE": "push_to_talk",
            "VOICE_TOOLS_ENABLED": "x",
        },
    )
    assert written == exported
    assert written.tools.enabled == ("x",)
    assert load(None, {"VOICE_TOOLS_ENABLED": "all"}).tools.enabled == "all"


def test_an_empty_variable_is_not_set() -> None:
    assert load(None, {"VOICE_SERVER_PORT": ""}).server.port == 8080


# Which engine


@pytest.mark.parametrize(
    ("file", "env", "flag", "kind", "url"),
    [
        ("", {}, "openai", "openai", ""),
        ("", {}, URL, "url", URL),
        ("", {"UPSTREAM_URL": URL}, None, "url", URL),
        ("", {"UPSTREAM_URL": URL}, "local", "local", ""),
        ("", {"VOICE_ENGINE": "openai", "UPSTREAM_URL": URL}, None, "openai", ""),
        ("", {"VOICE_ENGINE": URL}, None, "url", URL),
        (f'[engine]\nurl = "{URL}"', {}, None, "url", URL),
        (f'[engine]\nurl = "{URL}"', {}, "openai", "openai", ""),
        ('[engine]\nkind = "openai"', {"VOICE_ENGINE_URL": URL}, None, "url", URL),
    ],
)
def test_the_last_one_who_chose_an_engine_gets_it(
    write: Write, file: str, env: dict[str, str], flag: str | None, kind: str, url: str
) -> None:
    engine = load(write(file), env, dict(engine_choice(flag)) if flag else None).engine
    assert (engine.kind, engine.url) == (kind, url)


@pytest.mark.parametrize("url", ["ftp://host/x", "host:80/x", "ws://", "ws://host:99999/"])
def test_an_address_that_cannot_be_called_is_refused(url: str) -> None:
    assert "begins with ws:// or wss://" in refusal(None, {"VOICE_ENGINE_URL": url}).person


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    assert "hunter2" not in refusal(None, {"UPSTREAM_URL": "ws://me:hunter2@host/"}).person


def test_an_engine_by_address_needs_the_address(write: Write) -> None:
    error = refusal(write('[engine]\nkind = "url"\n'))
    assert "expected an address beside it" in error.person
    assert error.line == 2


def test_openai_is_at_its_own_address(write: Write) -> None:
    error = refusal(write('[engine]\nkind = "openai"\nurl = "wss://proxy.example/v1/realtime"\n'))
    assert 'Leave it out, or set kind = "url".' in error.person
    assert error.line == 3


# Keys


def test_openais_key_goes_to_openai_and_to_nobody_else() -> None:
    env = {"OPENAI_API_KEY": "sk-1"}
    assert load(None, env, {"engine.kind": "openai"}).engine.api_key == "sk-1"
    assert load(None, env, engine_choice("wss://api.openai.com/v1/realtime")).engine.api_key == "sk-1"
    assert load(None, env, engine_choice("wss://elsewhere.example/v1/realtime")).engine.api_key == ""
    assert load(None, env).local.brain_api_key == "sk-1"
    assert load(None, env, {"local.brain_url": "http://127.0.0.1:11434/v1"}).local.brain_api_key == ""


def test_a_key_for_openai_chooses_openai_unless_somebody_chose_otherwise() -> None:
    env = {"OPENAI_API_KEY": "sk-1"}
    assert load(None, env).engine.kind == "openai"
    assert load(None, env, engine_choice("local")).engine.kind == "local"
    assert load(None, env | {"UPSTREAM_URL": URL}).engine.url == URL
    assert load(None, {}).engine.kind == "local"


def test_another_server_gets_the_key_whose_variable_is_named(write: Write) -> None:
    path = write(f'[engine]\nurl = "{URL}"\napi_key_env = "MINE"\n')
    assert load(path, {"MINE": "k", "OPENAI_API_KEY": "sk-1"}).engine.api_key == "k"
    error = refusal(path, {"OPENAI_API_KEY": "sk-1"})
    assert "export MINE=" in error.person
    assert error.line == 3


def test_a_key_is_never_shown() -> None:
    settings = load(
        None, {"OPENAI_API_KEY": "sk-secret", "VOICE_LOCAL_BRAIN_API_KEY": "sk-secret"}, {"engine.kind": "openai"}
    )
    assert settings.engine.api_key == "sk-secret"
    assert "sk-secret" not in repr(settings)


def test_a_key_in_the_file_is_refused_without_repeating_it(write: Write) -> None:
    error = refusal(write('[engine]\napi_key = "sk-secret"\n'))
    assert 'api_key_env = "ITS_NAME"' in error.person
    assert "sk-secret" not in error.person
    assert error.line == 2


# Mistakes


def test_a_broken_line_is_named(write: Write) -> None:
    path = write('[server]\nhost = "127.0.0.1"\nport 8080\n')
    error = refusal(path)
    assert str(error).startswith(f"{path}:3: not a line of TOML: ")
    assert "(at line" not in str(error)


def test_a_text_that_ends_too_early_is_named_by_its_last_line(write: Write) -> None:
    assert refusal(write('[server]\nallowed_hosts = ["a",\n')).line == 2


def test_a_misspelt_key_is_answered_with_the_right_one(write: Write) -> None:
    error = refusal(
        write('# hello\n[session]\ninstructions = """\nprot = 1\n[server]\n"""\n\n[server]\n  prot = 8080\n')
    )
    assert "[server] prot is not a setting. Did you mean port?" in error.person
    assert error.line == 9


def test_a_misspelt_section_is_answered_with_the_right_one(write: Write) -> None:
    error = refusal(write("[turns]\n[sever]\nport = 1\n"))
    assert "[sever] is not a setting. Did you mean [server]?" in error.person
    assert error.line == 2


def test_a_key_without_its_section_is_explained(write: Write) -> None:
    error = refusal(write("port = 8080\n"))
    assert "port: expected every setting in a section. Write it below a line [server]." in error.person
    assert error.line == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('port = "8080"', "a whole number from 0 to 65535, not '8080'"),
        ("port = 80.5", "a whole number from 0 to 65535, not 80.5"),
        ("port = true", "a whole number from 0 to 65535, not True"),
        ("port = 70000", "a whole number from 0 to 65535, not 70000"),
        ("grace_s = nan", "a number from 0 to 3600, not nan"),
        ("host = 1", "text in quotes, not 1"),
        ('allowed_hosts = "a"', """a list of names like ["a", "b"], not 'a'"""),
        (
            'public_origin = "voice.example.com"',
            "an address that begins with https:// or http://, not 'voice.example.com'",
        ),
        ('public_origin = "https://a.b/c"', """an origin like "https://voice.example.com", not 'https://a.b/c'"""),
        ('allowed_origins = ["a.b"]', """an origin like "https://voice.example.com", not 'a.b'"""),
        ('allowed_origins = ["null"]', """an origin like "https://voice.example.com", not 'null'"""),
    ],
)
def test_a_wrong_value_is_answered_with_what_was_expected(write: Write, line: str, expected: str) -> None:
    error = refusal(write(f"[server]\n{line}\n"))
    assert f"expected {expected}." in error.person
    assert error.line == 2


def test_a_wrong_choice_lists_the_choices(write: Write) -> None:
    error = refusal(write("turns.mode = 'server-vad'\n"))
    assert (
        """expected one of "server_vad", "semantic_vad", "local", "push_to_talk", "off", not 'server-vad'. """
        """Did you mean "server_vad"?""" in error.person
    )
    assert error.line == 1


def test_a_wrong_variable_is_named_as_a_variable() -> None:
    assert str(refusal(None, {"VOICE_SERVER_PORT": "http"})).startswith("VOICE_SERVER_PORT: expected a whole number")
    assert "Did you mean VOICE_SERVER_PORT?" in refusal(None, {"VOICE_SERVER_PROT": "1"}).person


def test_a_wrong_flag_is_named_as_a_flag() -> None:
    assert str(refusal(None, {}, {"server.port": 70_000})).startswith("--port: expected")
    assert str(refusal(None, {}, engine_choice("locl"))).startswith("--engine: expected one of")


def test_variables_that_are_not_ours_are_left_alone() -> None:
    """A container platform announces a service called `voice` by variables that look nearly like settings."""
    env = {
        "VOICE_SERVICE_PORT": "80",
        "VOICE_PORT_8080_TCP_ADDR": "10.0.0.1",
        "VOICE_SERVICE_HOST": "x",
        "VOICEMAIL": "y",
    }
    assert load(None, env) == Settings()


def test_an_unreadable_file_is_one_sentence(tmp_path: Path) -> None:
    assert "cannot be read: no such file or directory. Check the path." in refusal(tmp_path / "none.toml").person
    broken = tmp_path / "latin.toml"
    broken.write_bytes(b'[session]\ngreeting = "\xe9"\n')
    assert "not UTF-8" in refusal(broken).person


def test_settings_load_without_the_heavy_libraries() -> None:
    code = "import sys, voice.config; voice.config.load(None, {}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pydantic", "numpy", "httpx", "rich", "asyncio", "difflib", "tomllib"} & set(loaded)


# What the documentation shows


def test_the_documented_file_has_every_setting_at_its_default() -> None:
    path = Path(__file__).parent.parent / "docs" / "snippets" / "voice.toml"
    assert load(path, {}) == Settings()
    written = tomllib.loads(path.read_text(encoding="utf-8"))
    wanted = {
        name: {key for key, _, limits in keys(record) if "secret" not in limits} for name, record in SECTIONS.items()
    }
    assert {name: set(table) for name, table in written.items()} == wanted


def test_a_yes_or_no_is_read_from_the_environment_too(write: Write) -> None:
    assert load(None, {"VOICE_TURNS_TOGGLE": "true"}).turns.toggle
    assert not load(write("turns.toggle = false\n"), {}).turns.toggle
    assert "true or false, not 'maybe'" in refusal(None, {"VOICE_TURNS_TOGGLE": "maybe"}).person


# WebRTC


def test_the_settings_of_webrtc_that_can_be_right(write: Write) -> None:
    path = write(
        '[webrtc]\nudp_ports = "50000-50200"\npublic_address = "203.0.113.7"\naddresses = ["10.0.0.4", "::1"]\n'
        'ice_servers = ["stun:stun.example.com:3478", "turns:turn.example.com?transport=tcp"]\n'
        'ice_credential_env = "TURN_PASSWORD"\n'
    )
    webrtc = load(path, {"TURN_PASSWORD": "s3cret"}).webrtc
    assert (webrtc.udp_ports, webrtc.public_address) == ("50000-50200", "203.0.113.7")
    assert webrtc.ice_credential == "s3cret"
    assert "s3cret" not in repr(webrtc)
    assert load(None, {"VOICE_WEBRTC_ADDRESSES": "127.0.0.1, ::1"}).webrtc.addresses == ("127.0.0.1", "::1")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('udp_ports = "many"', "a range of ports"),
        ('udp_ports = "60000-50000"', "a range of ports"),
        ('udp_ports = "0-70000"', "a range of ports"),
        ('public_address = "voice.example.com"', "an IP address"),
        ('addresses = ["eth0"]', "an IP address"),
        ('ice_servers = ["stun.example.com"]', "servers like"),
        ('ice_servers = ["turn:turn.example.com?transport=sctp"]', "servers like"),
        ("complexity = 11", "a whole number from 0 to 10"),
    ],
)
def test_the_settings_of_webrtc_that_cannot(write: Write, line: str, expected: str) -> None:
    error = refusal(write(f"[webrtc]\n{line}\n"))
    assert expected in error.person
    assert error.line == 2
