"""The one door for XML: what is unsafe or broken is refused with a reason, and nothing foreign is raised."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.xml import MalformedXml, UnsafeXml, parse_xml

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
DOCTYPES = [
    "<!DOCTYPE d><d/>",
    '<!DOCTYPE d [<!ENTITY x "inside">]><d>&x;</d>',
    '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>',
    '<!DOCTYPE d [<!ENTITY % x SYSTEM "http://127.0.0.1:9/evil.dtd"> %x;]><d/>',
    '<!DOCTYPE d SYSTEM "http://127.0.0.1:9/evil.dtd"><d/>',
    f'<!DOCTYPE d [<!ENTITY l0 "ha">{LAUGHS}]><d>&l9;</d>',
    f'<!DOCTYPE d [<!ENTITY l0 "ha">{LAUGHS}]><d a="&l9;"/>',
    '<!DOCTYPE d [<!ATTLIST d a CDATA "given">]><d/>',
]


@pytest.mark.parametrize("text", DOCTYPES, ids=range(len(DOCTYPES)))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_never_accepted(text: str, encoding: str) -> None:
    with pytest.raises((UnsafeXml, MalformedXml)):
        parse_xml(text.encode(encoding))


def test_a_secret_file_is_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("very secret")
    for text in (
        f'<!DOCTYPE d [<!ENTITY x SYSTEM "{secret.as_uri()}">]><d>&x;</d>',
        f'<d xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{secret.as_uri()}" parse="text"/></d>',
    ):
        try:
            root = parse_xml(text.encode())
        except (UnsafeXml, MalformedXml) as error:
            assert "very secret" not in str(error)
        else:
            assert "very secret" not in "".join(root.itertext())


def test_a_broken_file_says_where_it_breaks() -> None:
    with pytest.raises(MalformedXml) as raised:
        parse_xml(b"<a>\n<b>\n</a>")
    assert raised.value.line == 3
    assert "3" in str(raised.value)


def test_a_file_beyond_the_limit_is_refused_before_it_is_read() -> None:
    assert parse_xml(b"<a/>" + b" " * 6, limit=10).tag == "a"
    with pytest.raises(UnsafeXml, match="10"):
        parse_xml(b"<a/>" + b" " * 7, limit=10)
    with pytest.raises(UnsafeXml):
        parse_xml(b"<a>" + b"x" * 1_000_000 + b"</a>")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"text",
        b"\x00",
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b"<a>" * 300,
        b'<?xml version="1.0" encoding="utf-16"?><a/>',
        b"<a b='1' b='2'/>",
        b"<x:a/>",
        b"<a>&no;</a>",
        b"%PDF-1.7",
    ],
)
def test_what_is_no_xml_is_refused_as_such(data: bytes) -> None:
    with pytest.raises((MalformedXml, UnsafeXml)):
        parse_xml(data)


def test_persian_and_comments_are_read_as_people_mean_them() -> None:
    root = parse_xml('<?xml version="1.0"?><!-- دیدگاه --><a نام="پرونده"><text>صف<!-- x -->حه</text></a>'.encode())
    assert root.get("نام") == "پرونده"
    assert root[0].text == "صفحه"
    assert len(root) == 1


@given(st.binary(max_size=200) | st.text(alphabet="<>/ab&;\"'= !?-[]DOCTYPE", max_size=60).map(str.encode))
def test_no_bytes_raise_anything_foreign(data: bytes) -> None:
    try:
        parse_xml(data)
    except (UnsafeXml, MalformedXml) as error:
        assert str(error)
