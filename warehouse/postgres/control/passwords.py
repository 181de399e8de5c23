"""Passwords: Argon2id (RFC 9106) through argon2-cffi, with its parameters for little memory (64 MiB, 3 passes).

Rules are by length, as NIST SP 800-63B asks: no mixtures, no expiry. One-time passwords are made here, from 80 random
bits, live `ONE_TIME_DAYS`, and open nothing but the change of the password.
"""

import hmac
import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from warehouse.postgres.books.balances import Conn

LENGTH_MIN = 12
LENGTH_MAX = 128
ONE_TIME_DAYS = 7
# Crockford's base 32 in lower case: without i, l, o and u, which people misread.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def problem_with(password: str, person: str) -> str | None:
    """Why that is no password for this person; None when it is one."""
    password = _normal(password)
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        return f"a password has {LENGTH_MIN} to {LENGTH_MAX} characters"
    if len(set(password)) < 4:
        return "a password has at least 4 different characters"
    if person in password.lower():
        return "a password does not contain the name"
    return None


def one_time_password() -> str:
    """Four groups of four."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def store(conn: Conn, person: str, password: str, *, one_time: bool) -> None:
    """Make it the person's password, instead of any other."""
    conn.execute(
        """insert into credential (person, hash, one_time, expires_at)
           values (%(person)s, %(hash)s, %(one_time)s,
                   case when %(one_time)s then now() + make_interval(days => %(days)s) end)
           on conflict (person) do update set hash = excluded.hash, one_time = excluded.one_time,
               expires_at = excluded.expires_at, set_at = now()""",
        {"person": person, "hash": _hash(password), "one_time": one_time, "days": ONE_TIME_DAYS},
    )


def is_it(stored: str | None, password: str) -> bool:
    """Whether it is the password behind that hash. Without one the work is done all the same, and it is not."""
    try:
        found = PasswordHasher().verify(stored if stored is not None else prepare(), _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return found and stored is not None


def same(one: str, other: str) -> bool:
    """Whether two passwords are the same."""
    return hmac.compare_digest(_normal(one).encode(), _normal(other).encode())


@cache
def prepare() -> str:
    """The hash of nobody's password. Called at the start, so that the first stranger takes no longer than the next."""
    return _hash(secrets.token_urlsafe())


def _hash(password: str) -> str:
    return PasswordHasher().hash(_normal(password))


def _normal(password: str) -> str:
    """Keyboards write the same letter in several ways (SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
