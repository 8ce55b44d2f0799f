"""Official JavaScript clients in Node, as they come from npm, hold a voice turn with the service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import MODULES, need_module
from tests.service.served import served
from tests.service.sound import fixture, independent_words

pytestmark = [pytest.mark.node, pytest.mark.sdk, pytest.mark.speech]

STOCK = MODULES.parent / "tests" / "stock"
PATIENCE_S = 60


def talked(script: str, url: str, folder: Path, **environment: str) -> tuple[dict[str, Any], bytes]:
    """Runs a script of `clients/browser/tests/stock`: what it tells, and the sound of the answer."""
    need_module("ws")
    node = shutil.which("node")
    assert node is not None, "Node is needed: apt-get install nodejs"
    question, answer = folder / "question.pcm", folder / "answer.pcm"
    question.write_bytes(fixture("lines/what_is_twelve_times_seven_rms.wav"))
    ran = subprocess.run(
        [node, str(STOCK / script), url, str(question), str(answer)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, **environment},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return told, answer.read_bytes()


def test_agents_over_a_websocket(address: str, tmp_path: Path) -> None:
    told, sound = talked("agents_ws.mjs", address.replace("http", "ws", 1) + "/v1/realtime", tmp_path)
    assert told["errors"] == []
    assert ["user", "what is twelve times seven"] in told["words"]
    assert ["assistant", "12 times 7 is 84."] in told["words"]
    assert "eighty four" in independent_words(sound)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signed itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "voice test")])
    now = datetime.now(UTC)
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(addresses, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret


@pytest.fixture(scope="module")
def secure_base(certificate: tuple[Path, Path]) -> Iterator[str]:
    chain, key = certificate
    with served("--tls-cert", str(chain), "--tls-key", str(key)) as base:
        yield base


def test_openai_over_tls(secure_base: str, certificate: tuple[Path, Path], tmp_path: Path) -> None:
    assert secure_base.startswith("https://")
    told, sound = talked("openai_wss.mjs", secure_base, tmp_path, NODE_EXTRA_CA_CERTS=str(certificate[0]))
    assert told["errors"] == []
    assert told["words"] == {"user": "what is twelve times seven", "assistant": "12 times 7 is 84."}
    assert "eighty four" in independent_words(sound)
