"""The rules of the URL shortener hold for every input, not only for the examples in mind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_impls.url_shortener import domain
from reference_impls.url_shortener.cache import decode, encode
from reference_impls.url_shortener.domain import GONE, UNKNOWN, RuleBroken, Target

KEY = 0x2545F4914F6CDD1D
numbers = st.integers(0, domain.CODE_SPACE - 1)
keys = st.integers(0, 2**128 - 1)


def test_codes_of_the_first_hundred_thousand_links_are_distinct_and_legal() -> None:
    codes = {domain.code_of_number(number, KEY) for number in range(100_000)}
    assert len(codes) == 100_000
    assert all(len(code) == domain.CODE_LENGTH and set(code) <= set(domain.ALPHABET) for code in codes)


@given(numbers, numbers, keys)
def test_two_numbers_have_the_same_code_only_if_they_are_the_same(one: int, other: int, key: int) -> None:
    assert (domain.code_of_number(one, key) == domain.code_of_number(other, key)) == (one == other)


@pytest.mark.parametrize("number", [0, 1, domain.CODE_SPACE - 1])
def test_the_ends_of_the_code_space_have_codes(number: int) -> None:
    assert domain.is_code(domain.code_of_number(number, KEY))


@pytest.mark.parametrize("number", [-1, domain.CODE_SPACE])
def test_a_number_outside_the_code_space_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="must be at least 0 and below"):
        domain.code_of_number(number, KEY)


def test_codes_of_neighbours_do_not_look_alike() -> None:
    pairs = [(domain.code_of_number(n, KEY), domain.code_of_number(n + 1, KEY)) for n in range(2000)]
    same = sum(a == b for one, other in pairs for a, b in zip(one, other, strict=True))
    # By chance one position in 62 is the same.
    assert 0.5 / 62 < same / (2000 * domain.CODE_LENGTH) < 2 / 62


@given(st.integers(0, 2**63 - 1), keys)
def test_a_cursor_gives_back_its_number(number: int, key: int) -> None:
    assert domain.number_of_cursor(domain.cursor_of_number(number, key), key) == number


@given(st.integers(0, 2**63 - 1), st.data())
def test_a_cursor_with_any_character_changed_is_refused(number: int, data: st.DataObject) -> None:
    cursor = domain.cursor_of_number(number, KEY)
    place = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. é"))
    changed = cursor[:place] + other + cursor[place + 1 :]
    if changed != cursor:
        with pytest.raises(RuleBroken):
            domain.number_of_cursor(changed, KEY)


@given(st.text(max_size=64))
def test_a_text_that_is_no_cursor_is_refused_and_nothing_else_goes_wrong(text: str) -> None:
    with pytest.raises(RuleBroken):
        domain.number_of_cursor(text, KEY)


def test_a_cursor_of_another_key_is_refused() -> None:
    with pytest.raises(RuleBroken):
        domain.number_of_cursor(domain.cursor_of_number(5, KEY + 1), KEY)


labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\#?"), max_size=40)


@given(
    st.sampled_from(["http", "https", "HTTPS"]),
    st.lists(labels, min_size=1, max_size=4).map(".".join),
    st.one_of(st.just(""), st.integers(1, 65_535).map(lambda port: f":{port}")),
    visible,
)
def test_an_ordinary_url_is_accepted_as_it_is(scheme: str, host: str, port: str, path: str) -> None:
    url = f"{scheme}://{host}{port}/{path}"
    assert domain.check_url(url) == url


@given(st.one_of(st.text(max_size=60), st.text(max_size=40).map("https://".__add__)))
def test_what_is_accepted_is_an_http_url_that_can_stand_in_a_header(text: str) -> None:
    try:
        domain.check_url(text)
    except RuleBroken:
        return
    parts = urlsplit(text)
    assert parts.scheme in ("http", "https")
    assert parts.hostname
    assert parts.username is None
    assert text.isascii()
    assert not any(character.isspace() or character < " " for character in text)


@pytest.mark.parametrize(
    "url",
    ["http://[::1]:8080/a", "http://127.0.0.1/", "https://xn--exmple-cua.com/", "http://a_b.example.", "https://e.com"],
)
def test_addresses_and_unusual_names_are_accepted(url: str) -> None:
    assert domain.check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "//example.com/",
        "http:/example.com",
        "http://",
        "http://:80/",
        "http://-a.com/",
        "http://a..b/",
        "http://[::1/",
        "http://e.com:0/",
        "http://e.com:x/",
        "http://u@e.com/",
        "http://@e.com/",
        "data:text/html,x",
        "http://a,b/",
    ],
)
def test_what_is_not_quite_a_url_is_refused(url: str) -> None:
    with pytest.raises(RuleBroken):
        domain.check_url(url)


def test_every_alias_of_the_test_data_is_legal() -> None:
    for rank in (0, 1, 99_999, 9_999_999):
        assert domain.check_alias(f"k{rank:07d}")


@pytest.mark.parametrize("alias", [*sorted(domain.RESERVED), "Docs", "HEALTHZ"])
def test_a_reserved_alias_is_refused_in_any_case(alias: str) -> None:
    with pytest.raises(RuleBroken, match="reserved"):
        domain.check_alias(alias)
    assert not domain.is_code(alias)


@pytest.mark.parametrize("alias", ["ab", "a" * 33, "-ab", "_ab", "a b", "a/b", "a.b", "äbc", "abc\n", ""])
def test_a_malformed_alias_is_refused(alias: str) -> None:
    with pytest.raises(RuleBroken, match="must be 3 to 32"):
        domain.check_alias(alias)


def test_a_link_has_expired_from_its_moment_on() -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    second = timedelta(seconds=1)
    domain.check_expiry(moment, now=moment - second)
    domain.check_expiry(None, now=moment)
    for now in (moment, moment + second):
        with pytest.raises(RuleBroken):
            domain.check_expiry(moment, now=now)
    target = Target("https://example.com/", expires_at_s=100.0)
    assert target.at(99.9) == target
    assert target.at(100.0) == GONE


@pytest.mark.parametrize("text", ["2030-01-01", "1893456000", 1893456000, "0001-01-01T00:00:00+14:00", True, []])
def test_a_moment_that_is_not_rfc_3339_is_refused(text: object) -> None:
    with pytest.raises(RuleBroken):
        domain.check_moment(text)


@given(st.floats(0, 1, exclude_max=True), st.floats(0.001, 1e6))
def test_the_cache_keeps_no_link_beyond_its_expiry(draw: float, left_s: float) -> None:
    target = Target("https://example.com/", expires_at_s=1000.0 + left_s)
    ttl_s = domain.cache_ttl_s(target, 1000.0, base_s=3600, negative_s=10, draw=lambda: draw)
    assert 0 < ttl_s <= left_s * (1 + 1e-9)
    assert ttl_s <= 3600 * 1.1


def test_the_lifetimes_of_keys_filled_together_are_spread() -> None:
    draws = iter([0.0, 0.5, 0.999])
    target = Target("https://example.com/")
    ttls = [domain.cache_ttl_s(target, 0.0, 1000, 10, draws.__next__) for _ in range(3)]
    assert ttls == pytest.approx([900, 1000, 1099.8])
    assert domain.cache_ttl_s(UNKNOWN, 0.0, 1000, 10, draws.__next__) == 10


@given(
    st.one_of(
        st.just(UNKNOWN),
        st.just(GONE),
        st.builds(
            Target,
            st.from_regex(r"https?://[a-z]{1,9}/[!-~]{0,30}", fullmatch=True),
            st.one_of(st.none(), st.floats(0, 1e11)),
        ),
    )
)
def test_a_target_survives_the_cache(target: Target) -> None:
    assert decode(encode(target)) == target
