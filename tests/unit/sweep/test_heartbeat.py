"""Pings as healthchecks.io takes them, against a server of this machine that speaks TLS."""

from __future__ import annotations

import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from emailint.config.secrets import GivenSecret, SecretText
from emailint.errors import ConnectionFailed, StoreError
from emailint.store.lock import RunLock
from emailint.store.sqlite_ledger import SqliteLedger
from emailint.sweep import heartbeat
from emailint.sweep.heartbeat import target
from tests.support.memory import letter
from tests.support.tls_faults import authorities
from tests.support.world import World, make_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "4f1c0a52-key"


class Service:
    """What was pinged, with what; `status` and `slow` are how it answers."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.status = 200
        self.slow = 0.0
        self.port = 0

    @property
    def source(self) -> GivenSecret:
        return GivenSecret(SecretText(f"https://localhost:{self.port}/{KEY}"), literal=False)


@contextmanager
def serving(kind: str) -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            time.sleep(service.slow)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            service.heard.append((self.path.removeprefix(f"/{KEY}"), body.decode("ascii")))
            self.send_response(service.status)
            self.send_header("Location", f"https://localhost:{service.port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_given: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_given: None  # type: ignore[method-assign]  # what clients refuse is no noise
        server.socket = (
            authorities()
            .context(kind)
            .wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        )
        service.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authorities().ca_file))
    monkeypatch.setenv("NO_PROXY", "localhost")
    with serving("good") as found:
        yield found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: Service) -> World:
    return make_world(tmp_path, monkeypatch, settings={"heartbeat": service.source})


def test_a_good_sweep_says_when_it_starts_and_ends(world: World, service: Service) -> None:
    world.source.deliver(letter(1))
    world.sweep()
    assert service.heard == [("/start", ""), ("", "")]
    world.sweep()
    assert service.heard[2:] == [("/start", ""), ("", "")]


def test_a_failure_says_what_is_wrong_and_no_word_of_a_mail(world: World, service: Service) -> None:
    def no_route(_verb: str) -> None:
        raise ConnectionFailed(f"no route by {KEY} of https://localhost:{service.port}/{KEY}")

    world.source.before = no_route
    world.sweep()
    start, (what, body) = service.heard
    assert (start, what) == (("/start", ""), "/fail")
    assert "payroll: connection_failed: no route" in body
    assert f"localhost:{service.port}/{KEY}" not in body


def test_held_mail_is_told_by_its_kind_alone(world: World, service: Service) -> None:
    world.change(aliases=())
    world.source.deliver(letter(1, sender="mallory@evil.example"))
    world.sweep()
    what, body = service.heard[-1]
    assert (what, "payroll: held: E-" in body, "held 1" in body) == ("/fail", True, True)
    assert "mallory" not in body
    assert "payroll@" not in body


def test_a_store_that_cannot_be_used_is_a_failure(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_given: object, **_more: object) -> None:
        raise StoreError("no space left")

    monkeypatch.setattr(SqliteLedger, "open", refused)
    with pytest.raises(StoreError):
        world.sweep()
    assert service.heard == [("/fail", "store_error: no space left")]


def test_a_dry_run_and_a_sweep_that_gives_way_ping_nothing(world: World, service: Service) -> None:
    world.sweep(dry_run=True)
    (world.folder / "data").mkdir(exist_ok=True, mode=0o700)
    lock = RunLock(world.folder / "data")
    lock.acquire(["payroll"], str(world.folder / "integrations.yaml"), None)
    with lock:
        assert world.sweep().busy
    assert service.heard == []


@pytest.mark.parametrize("status", [302, 404, 500])
def test_no_answer_matters_and_no_redirect_is_followed(world: World, service: Service, status: int) -> None:
    service.status = status
    assert not world.sweep().trouble
    assert service.heard == [("/start", ""), ("", "")]
    assert world.open_errors() == []


def test_a_slow_service_costs_a_bounded_time(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "SECONDS", 0.5)
    service.slow = 1.5
    began = time.monotonic()
    world.source.deliver(letter(1))
    assert world.sweep().totals.cases == 1
    assert time.monotonic() - began < 1.4


@pytest.mark.parametrize("kind", ["expired", "another host", "unknown authority"])
def test_nothing_is_told_to_whom_the_certificate_does_not_name(
    world: World, service: Service, kind: str
) -> None:
    with serving(kind) as false:
        world.settings["heartbeat"] = false.source
        assert not world.sweep().trouble
        assert (false.heard, service.heard) == ([], [])


def test_urls() -> None:
    assert target("https://hc.example/uuid", "start") == "https://hc.example/uuid/start"
    assert target("https://hc.example/uuid/?create=1", "fail") == "https://hc.example/uuid/fail?create=1"
    assert target("https://hc.example/ping/", "") == "https://hc.example/ping/"
    for wrong in ("http://hc.example/uuid", "https:///uuid", "uuid"):
        with pytest.raises(ValueError, match="no https URL"):
            target(wrong, "start")
