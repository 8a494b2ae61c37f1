"""Why a request got no answer, in words: the proxy, the name, the network, and what to do about each."""

from __future__ import annotations

import re
import ssl
from typing import Final
from urllib.parse import urlsplit

AGAIN: Final = "the mail stays unread, and the next run tries again"
"""What becomes of the mail, where nobody has to do anything."""

_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")
_PROXY: Final = "check HTTPS_PROXY (http://proxy.example.com:3128), and NO_PROXY for hosts that need none"
_LOST: Final = ("RemoteDisconnected", "ConnectionReset", "BrokenPipe")


def proxy_for(url: str) -> str:
    """`proxy.example.com:3128` where the environment sends this request through a proxy, "" where not."""
    from requests.utils import get_environ_proxies, select_proxy  # noqa: PLC0415 - loaded where it is asked

    found = select_proxy(url, get_environ_proxies(url)) or ""
    try:
        return urlsplit(found if "://" in found else f"http://{found}").netloc.rpartition("@")[2]
    except ValueError:
        return ""


def lost(error: Exception, url: str) -> tuple[str, str]:
    """What to say of a request that got no whole answer, and the cure; no URL and no password in either."""
    from requests import exceptions  # noqa: PLC0415 - loaded already

    host, proxy = urlsplit(url).netloc, proxy_for(url)
    through = f" through the proxy {proxy}" if proxy else ""
    match error:
        case exceptions.ProxyError():
            return _lost_by_proxy(repr(error), host, proxy)
        case exceptions.Timeout():
            cure = f"check the proxy {proxy} (HTTPS_PROXY), and the network" if proxy else "check the network"
            return f"{host} did not answer in time{through}", cure
        case exceptions.ChunkedEncodingError() | exceptions.ContentDecodingError():
            return f"{host} broke off in the middle of an answer", AGAIN
        case exceptions.InvalidURL() | exceptions.MissingSchema() | exceptions.InvalidSchema():
            return f"{host} cannot be asked: its address or the proxy's is no http URL", _PROXY
        case _ if "NameResolution" in repr(error):
            return f"the host name {host} cannot be resolved", "check DNS, or set HTTPS_PROXY"
        case _:
            return f"no connection to {host}{through}, or it was lost", AGAIN


def tls_lost(error: Exception, url: str) -> tuple[str, str]:
    """The same of a TLS handshake that failed for another reason than the certificate."""
    host, proxy = urlsplit(url).netloc, proxy_for(url)
    reason = next((str(each.reason) for each in _causes(error) if isinstance(each, ssl.SSLError)), "")
    told = f": {reason.replace('_', ' ').lower()}" if reason not in ("", "None") else ""
    if not proxy:
        return f"TLS with {host} failed{told}; nothing was sent", "is something in between that answers?"
    cure = f"the proxy {proxy} may have answered in its place: {_PROXY}"
    return f"TLS with {host} through the proxy {proxy} failed{told}; nothing was sent", cure


def certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """What OpenSSL said, at the bottom of what urllib3 and requests have put around it."""
    return next((each for each in _causes(error) if isinstance(each, ssl.SSLCertVerificationError)), None)


def _lost_by_proxy(said: str, host: str, proxy: str) -> tuple[str, str]:
    """As `lost`. urllib3 blames the proxy also where a connection through it was lost later."""
    proxy = f"the proxy {proxy}".strip()
    if any(name in said for name in _LOST):
        return f"no connection to {host} through {proxy}, or it was lost", AGAIN
    tunnel = _TUNNEL.search(said)
    if tunnel is None:
        named = "NameResolution" in said
        why = "its name cannot be resolved" if named else "no connection to it"
        return f"{proxy} does not lead to {host}: {why}", _PROXY
    what = f"{proxy} does not lead to {host}: it answered {tunnel[1]}"
    match tunnel[1]:
        case "407":
            cure = (
                "it wants a login: write it into HTTPS_PROXY, as http://user:password@proxy.example.com:3128"
            )
            return f"{what} (a login is wanted)", cure
        case "403" | "401" | "405" | "451":
            cure = f"have {host} allowed there (or name another proxy in HTTPS_PROXY)"
            return f"{what} (forbidden)", cure
        case "502" | "503" | "504":
            return what, f"it cannot reach {host} itself: ask who runs it, or try again; {_PROXY}"
        case _:
            return what, _PROXY


def _causes(error: BaseException | None) -> list[BaseException]:
    """An exception and all that it was made of, at most twenty."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(seen) < 20:
        each = waiting.pop()
        if isinstance(each, BaseException) and each not in seen:
            seen.append(each)
            waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
    return seen
