"""Entra's token endpoint, as strict as its pages say: applications, persons by device code, refresh tokens.

Paths and answers: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow,
v2-oauth2-device-code, certificate-credentials; error numbers: reference-error-codes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from collections.abc import Mapping

TENANT: Final = "0aaa0aa0-1111-2222-3333-0000009000a0"
DOMAIN: Final = "bigtmepeo.onmicrosoft.com"
CLIENT: Final = "11111111-2222-3333-4444-555555555555"
SECRET: Final = "s~ecret.Of-the_App"
USER: Final = "operator@bigtmepeo.com"
ALL_ROLES: Final = ("Mail.ReadWrite", "Mail.Send")

Reply = tuple[int, dict[str, Any]]


@dataclass
class App:
    """A registration. `consented` False: an administrator has not agreed yet."""

    secret: str = SECRET
    expired: bool = False
    roles: tuple[str, ...] = ALL_ROLES
    consented: bool = True
    certificates: list[bytes] = field(default_factory=list)
    public_flows: bool = True


class Entra:
    """`root` is where it is, `resource` the Graph root that tokens are for. `lifetime` is seconds."""

    def __init__(self, root: str, resource: str) -> None:
        self.root = root
        self.resource = resource
        self.apps = {CLIENT: App()}
        self.lifetime = 3_600
        self.tokens: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, str]] = []
        self.refresh_tokens: set[str] = set()
        self.entered = False
        self.device_codes: dict[str, str] = {}

    def revoke_all(self) -> None:
        """Every token that is out is refused from now on."""
        self.tokens.clear()

    def get(self, path: str) -> Reply:
        """openid-configuration; 400 with AADSTS90002 for a tenant that there is not."""
        tenant, _, rest = path.strip("/").partition("/")
        if rest != "v2.0/.well-known/openid-configuration":
            return 404, {}
        if tenant not in (TENANT, DOMAIN, "organizations", "common", "consumers"):
            return _error("invalid_tenant", 90002, f"Tenant '{tenant}' not found.")
        base = f"{self.root}/{TENANT}/oauth2/v2.0"
        return 200, {
            "issuer": f"{self.root}/{TENANT}/v2.0",
            "token_endpoint": f"{base}/token",
            "authorization_endpoint": f"{base}/authorize",
            "device_authorization_endpoint": f"{base}/devicecode",
        }

    def post(self, path: str, form: Mapping[str, str]) -> Reply:
        """The token endpoint and the device-code endpoint."""
        self.asked.append(dict(form))
        app = self.apps.get(form.get("client_id", ""))
        if app is None:
            return _error("unauthorized_client", 700016, "Application was not found in the directory")
        if path.endswith("/devicecode"):
            return self._device_code(app, form)
        match form.get("grant_type"):
            case "client_credentials":
                return self._for_app(app, form)
            case "urn:ietf:params:oauth:grant-type:device_code":
                return self._for_device(form)
            case "refresh_token":
                return self._refreshed(form)
            case other:
                return _error("unsupported_grant_type", 70003, f"{other} is not supported")

    def issue(self, claims: dict[str, Any]) -> dict[str, Any]:
        """A token that looks like one of Entra's, and is opaque to clients all the same."""
        body = {"aud": self.resource, "exp": int(time.time()) + self.lifetime, "nonce": secrets.token_hex(4)}
        token = jwt.encode({**body, **claims}, "k" * 32, "HS256")
        self.tokens[token] = {**body, **claims}
        return {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": token}

    def _for_app(self, app: App, form: Mapping[str, str]) -> Reply:
        if form.get("scope") != f"{self.resource}/.default":
            return _error("invalid_scope", 1002012, f"The scope {form.get('scope')} is not valid")
        refusal = self._assertion(app, form) if "client_assertion" in form else _secret(app, form)
        if refusal is not None:
            return refusal
        if not app.consented:
            return _error("invalid_grant", 65001, "The user or administrator has not consented")
        return 200, self.issue({"roles": list(app.roles)})

    def _assertion(self, app: App, form: Mapping[str, str]) -> Reply | None:
        assertion = form["client_assertion"]
        head = jwt.get_unverified_header(assertion)
        for pem in app.certificates:
            certificate = x509.load_pem_x509_certificate(pem)
            digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
            if (
                str(head.get("x5t#S256")).rstrip("=")
                != base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            ):
                continue
            key: Any = certificate.public_key()
            audience = f"{self.root}/{TENANT}/oauth2/v2.0/token"
            jwt.decode(assertion, key, ["PS256"], audience=audience, issuer=form["client_id"])
            return None
        return _error("invalid_client", 700027, "Client assertion contains an invalid signature.")

    def _device_code(self, app: App, form: Mapping[str, str]) -> Reply:
        if not app.public_flows:
            return _error("invalid_client", 7000218, "The request body must contain: client_assertion")
        code = secrets.token_hex(8)
        self.device_codes[code] = form["scope"]
        return 200, {
            "device_code": code,
            "user_code": "ABCD-EFGH",
            "verification_uri": f"{self.root}/device",
            "expires_in": 900,
            "interval": 1,
            "message": "To sign in, open the page and enter the code ABCD-EFGH to authenticate.",
        }

    def _for_device(self, form: Mapping[str, str]) -> Reply:
        if form.get("device_code") not in self.device_codes:
            return _error("invalid_grant", 70000, "no such code")
        if not self.entered:
            self.entered = True  # the person enters it while the program waits
            return _error("authorization_pending", 70016, "Pending end-user authorization.")
        return 200, self._for_person({**form, "scope": self.device_codes[form["device_code"]]})

    def _refreshed(self, form: Mapping[str, str]) -> Reply:
        if form.get("refresh_token") not in self.refresh_tokens:
            return _error("invalid_grant", 700082, "The refresh token has expired due to inactivity.")
        return 200, self._for_person(form)

    def _for_person(self, form: Mapping[str, str]) -> dict[str, Any]:
        refresh = secrets.token_urlsafe(16)
        self.refresh_tokens.add(refresh)
        info = base64.urlsafe_b64encode(json.dumps({"uid": "u1", "utid": TENANT}).encode()).decode()
        identity = {
            "aud": form["client_id"],
            "iss": f"{self.root}/{TENANT}/v2.0",
            "sub": "u1",
            "exp": int(time.time()) + 3_600,
            "iat": int(time.time()),
            "preferred_username": USER,
        }
        return {
            **self.issue({"scp": "Mail.ReadWrite Mail.Send"}),
            "refresh_token": refresh,
            "client_info": info.rstrip("="),
            "id_token": jwt.encode(identity, "k" * 32, "HS256"),
            "scope": form["scope"],
        }


def _secret(app: App, form: Mapping[str, str]) -> Reply | None:
    if form.get("client_secret") != app.secret:
        return _error("invalid_client", 7000215, "Invalid client secret provided.", 401)
    if app.expired:
        return _error("invalid_client", 7000222, "The provided client secret keys are expired.", 401)
    return None


def _error(error: str, number: int, text: str, status: int = 400) -> Reply:
    trace = "0f1a2b3c-0000-0000-0000-000000000000"
    return status, {
        "error": error,
        "error_description": f"AADSTS{number}: {text}\r\nTrace ID: {trace}\r\nTimestamp: 2026-11-24 18:00Z",
        "error_codes": [number],
        "trace_id": trace,
    }
