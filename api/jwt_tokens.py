"""Access tokens: JWT (RFC 7519) with the header and claims of RFC 9068, signed with HS256 (RFC 7518, 3.2).

A symmetric algorithm, because who makes a token and who checks it are the same program over one database; others ask
this API. A token names a person and an open session and says nothing about rights: these are looked up, so that a
session that ends or a role that is taken away counts within seconds, not at the token's expiry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

import jwt

ACCESS_S = 600
# Clocks of processes that share a database may differ by this much.
LEEWAY_S = 5
AUDIENCE = "tagledger"
CLIENT = "first-party"
_TYPE = "at+jwt"
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """Whom a token is for, in which session."""

    person: str
    session_id: UUID


def make(claims: TokenClaims, issuer: str, now_s: int, kid: str, secret: bytes) -> str:
    """A token that holds for `ACCESS_S`."""
    payload = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": claims.person,
        "client_id": CLIENT,
        "sid": str(claims.session_id),
        "jti": uuid4().hex,
        "iat": now_s,
        "exp": now_s + ACCESS_S,
    }
    return jwt.encode(payload, secret, _ALGORITHM, {"kid": kid, "typ": _TYPE})


def kid_of(token: str) -> str | None:
    """The name of the key that is said to have signed it; None when that is no token of ours."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        return None
    kid = header.get("kid")
    return kid if header.get("typ") == _TYPE and header.get("alg") == _ALGORITHM and isinstance(kid, str) else None


def read(token: str, issuer: str, keys: Mapping[str, bytes]) -> TokenClaims | None:
    """What a token says, if one of these keys signed it, for us, and it has not expired."""
    secret = keys.get(kid_of(token) or "")
    if secret is None:
        return None
    required = ["exp", "iat", "sub", "sid"]
    try:
        payload = jwt.decode(
            token,
            secret,
            [_ALGORITHM],
            audience=AUDIENCE,
            issuer=issuer,
            leeway=LEEWAY_S,
            options={"require": required},
        )
        return TokenClaims(str(payload["sub"]), UUID(str(payload["sid"])))
    except (jwt.InvalidTokenError, ValueError):
        return None
