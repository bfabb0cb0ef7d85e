"""The rules of the URL shortener, without I/O: codes, aliases, URLs, cursors and expiry."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CODE_LENGTH = 7
CODE_SPACE = len(ALPHABET) ** CODE_LENGTH  # 3.5e12

ALIAS_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]{2,31}"
URL_LENGTH_MAX = 2048

# The first segment of every path the service answers itself, and a few it may want. A code never equals one of them,
# so the order in which routes are matched does not matter.
RESERVED = frozenset(
    {"admin", "api", "docs", "favicon", "healthz", "links", "login", "logout", "metrics", "openapi"}
    | {"readyz", "redoc", "robots", "static", "static-offline-docs", "statistics"}
)

_ALIAS = re.compile(ALIAS_PATTERN)
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
# Far enough from the first and last years that no offset leads out of them.
_MOMENT = re.compile(r"(19[7-9]\d|[2-8]\d{3}|9[0-8]\d\d|99[0-8]\d|999[0-8])-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d")
_HALF_BITS = 21
_HALF_MASK = (1 << _HALF_BITS) - 1
_ROUNDS = 4


class RuleBroken(ValueError):
    """A value from a client breaks a rule; the text says which, to complete "<field>: ..."."""


# Codes ---------------------------------------------------------------------------------------------------------------


def code_of_number(number: int, key: int) -> str:
    """The code of the n-th link: distinct for distinct numbers, and telling nothing of their order without the key.

    A balanced Feistel network (Luby and Rackoff, 1988) permutes 42 bits; numbers that land outside the space of
    codes walk on until they land inside (cycle walking: Black and Rogaway, 2002), which keeps it a permutation.

    Raises ValueError if ``number`` is not in [0, 62**7).
    """
    if not 0 <= number < CODE_SPACE:
        raise ValueError(f"number = {number}: must be at least 0 and below {CODE_SPACE}")
    value = _feistel(number, key)
    while value >= CODE_SPACE:
        value = _feistel(value, key)
    digits = []
    for _ in range(CODE_LENGTH):
        value, digit = divmod(value, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def _feistel(value: int, key: int) -> int:
    left, right = value >> _HALF_BITS, value & _HALF_MASK
    for turn in range(_ROUNDS):
        left, right = right, left ^ _round(right, turn, key)
    return left << _HALF_BITS | right


def _round(half: int, turn: int, key: int) -> int:
    message = half.to_bytes(4, "big") + bytes([turn])
    return int.from_bytes(_keyed_hash(message, key)[:4], "big") & _HALF_MASK


def _keyed_hash(message: bytes, key: int) -> bytes:
    return hashlib.blake2b(message, digest_size=8, key=key.to_bytes(16, "big")).digest()


def is_code(text: str) -> bool:
    """Whether a link could have this code: any other needs no look-up."""
    return _ALIAS.fullmatch(text) is not None and not is_reserved(text)


def is_reserved(text: str) -> bool:
    return text.lower() in RESERVED


def check_alias(alias: str) -> str:
    """The alias itself. Raises RuleBroken if it is malformed or reserved."""
    if _ALIAS.fullmatch(alias) is None:
        raise RuleBroken("must be 3 to 32 letters, digits, '-' or '_', and start with a letter or digit")
    if is_reserved(alias):
        raise RuleBroken("is reserved")
    return alias


# URLs ----------------------------------------------------------------------------------------------------------------


def check_url(url: str) -> str:
    """The URL itself, byte for byte: it goes back to clients as it came. Raises RuleBroken.

    Accepted: absolute http and https URLs in visible ASCII, without a user name or password (``https://bank.example@
    evil.example/`` goes to evil.example, and a short link would hide it), without backslashes (browsers read them as
    slashes, parsers do not), and with a host that is a name or an IP address.
    """
    if len(url) > URL_LENGTH_MAX:
        raise RuleBroken(f"must be at most {URL_LENGTH_MAX} characters")
    if any(not "!" <= character <= "~" for character in url):
        raise RuleBroken("must be visible ASCII without spaces; percent-encode anything else")
    if "\\" in url:
        raise RuleBroken("must not contain a backslash")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise RuleBroken(f"is not a URL ({error})") from None
    if parts.scheme not in ("http", "https"):
        raise RuleBroken("must be an http or https URL")
    if "@" in parts.netloc:
        raise RuleBroken("must not contain a user name or password")
    is_ipv6 = parts.netloc.startswith("[")
    if not host or (not is_ipv6 and _HOST.fullmatch(host) is None) or len(host) > 253:
        raise RuleBroken("must have a host name or address")
    if port == 0:
        raise RuleBroken("must not have port 0")
    return url


# Expiry --------------------------------------------------------------------------------------------------------------


def check_moment(text: object) -> object:
    """The text of an RFC 3339 moment, for a parser. Raises RuleBroken for anything else, such as a number."""
    if text is not None and (not isinstance(text, str) or _MOMENT.match(text) is None):
        raise RuleBroken("must be an RFC 3339 date and time of the years 1970 to 9998, with its offset")
    return text


def check_expiry(expires_at: datetime | None, now: datetime) -> None:
    """Raises RuleBroken unless the moment, if there is one, lies in the future."""
    if expires_at is not None and expires_at <= now:
        raise RuleBroken("must be in the future")


# Cursors -------------------------------------------------------------------------------------------------------------


def cursor_of_number(number: int, key: int) -> str:
    """An opaque mark of a place in the list of links: the number of the last link seen, and a keyed checksum."""
    body = number.to_bytes(8, "big")
    return base64.urlsafe_b64encode(body + _keyed_hash(b"cursor" + body, key)).rstrip(b"=").decode("ascii")


def number_of_cursor(cursor: str, key: int) -> int:
    """The number in a cursor. Raises RuleBroken for any text that ``cursor_of_number`` did not make."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raw = b""
    number = int.from_bytes(raw[:8], "big")
    # Comparing texts, not bytes: base64 has spare bits, and a cursor has one spelling.
    if len(raw) != 16 or cursor_of_number(number, key) != cursor:
        raise RuleBroken("is not a cursor this service gave")
    return number


# What a code leads to ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """What a code leads to: a URL (until ``expires_at_s``, seconds since 1970, if set), or nothing.

    ``url`` is None for a code that is unknown, or that led somewhere and does no longer (``is_gone``).
    """

    url: str | None = None
    expires_at_s: float | None = None
    is_gone: bool = False

    def at(self, now_s: float) -> Target:
        """The same, after its expiry has been looked at."""
        if self.expires_at_s is not None and self.expires_at_s <= now_s:
            return GONE
        return self


UNKNOWN = Target()
GONE = Target(is_gone=True)


def cache_ttl_s(target: Target, now_s: float, base_s: float, negative_s: float, draw: Callable[[], float]) -> float:
    """How long a cache may keep a target: jittered by a tenth, so that keys filled together do not expire together,
    and never beyond the link's own expiry. ``draw`` gives uniform numbers in [0, 1)."""
    if target.url is None:
        return negative_s
    ttl_s = base_s * (0.9 + 0.2 * draw())
    if target.expires_at_s is not None:
        ttl_s = min(ttl_s, target.expires_at_s - now_s)
    return ttl_s
