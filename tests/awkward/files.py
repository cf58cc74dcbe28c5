"""Awkward as files: broken, in strange encodings, too large, hostile, with ids that nobody should give."""

from __future__ import annotations

from collections.abc import Iterator

from tests.awkward.drawing import HEAD, document, end, flow, node, path, person, simple, start
from tests.awkward.expected import Awkward, fine, refused

# ---------------------------------------------------------------- not XML, not BPMN, cut off


def broken() -> Iterator[Awkward]:
    whole = simple().encode()
    yield refused("empty", b"", "XML")
    yield refused("spaces", b"   \n\n  ", "XML")
    yield refused("zeros", b"\0" * 100, "XML")
    yield refused("text", "سلام، این یک نمودار نیست.", "XML")
    yield refused("json", b'{"definitions": []}', "XML")
    yield refused("html", b"<!DOCTYPE html><html><body><p>404</p></body></html>", "DOCTYPE")
    yield refused("html_without_doctype", b"<html><body><p>404</p></body></html>", "html")
    yield refused("svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "svg")
    yield refused("zip", b"PK\x03\x04\x14\0\x06\0\x08\0" + bytes(range(256)), "XML")
    yield refused("pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF", "XML")
    yield refused("png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "XML")
    yield refused("dmn", '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d"/>', "BPMN 2.0")
    yield refused("xpdl", '<Package xmlns="http://www.wfmc.org/2008/XPDL2.1" Id="p"/>', "BPMN 2.0")
    yield refused("old_bpmn_namespace", simple().replace("20100524/MODEL", "20090221"), "BPMN 2.0")
    yield refused("no_namespace", "<definitions><process id='p'/></definitions>", "BPMN 2.0")
    yield refused("nothing_drawn", document(""), "فرایندی")
    yield refused("no_process", f"{HEAD}</definitions>", "فرایندی")
    yield refused(
        "only_a_pool", f'{HEAD}<collaboration id="c"><participant id="p"/></collaboration></definitions>', "فرایندی"
    )
    yield refused("two_roots", whole + whole, "XML")
    yield refused("two_definitions", f"<all>{simple()}{simple()}</all>", "all")
    yield refused("unclosed", simple().replace("</process>", ""), "XML")
    yield refused("wrong_nesting", simple().replace("</userTask>", "</task>"), "XML")
    yield refused("unbound_prefix", simple().replace("<userTask", "<bpmn:userTask", 1), "XML")
    yield refused("attribute_twice", simple().replace('name="بررسی پرونده"', 'name="a" name="b"'), "XML")
    for hundredth in range(5, 100, 7):
        yield refused(f"cut_at_{hundredth}", whole[: len(whole) * hundredth // 100], "XML")


# ---------------------------------------------------------------- encodings


def encodings() -> Iterator[Awkward]:
    text = simple(person("work", name="بررسی مدارک"))
    yield fine("utf8_declared", '<?xml version="1.0" encoding="UTF-8"?>' + text)
    yield fine("utf8_bom", b"\xef\xbb\xbf" + text.encode())
    yield fine("utf16", ('<?xml version="1.0" encoding="UTF-16"?>' + text).encode("utf-16"))
    yield fine(
        "utf16_be_with_bom", b"\xfe\xff" + ('<?xml version="1.0" encoding="UTF-16"?>' + text).encode("utf-16-be")
    )
    plain = text.replace("ی", "ي")  # windows-1256 has no Persian ye
    yield fine("windows_1256", ('<?xml version="1.0" encoding="windows-1256"?>' + plain).encode("cp1256"))
    yield refused("wrong_encoding", b'<?xml version="1.0" encoding="UTF-8"?>' + plain.encode("cp1256"), "XML")
    yield refused("unknown_encoding", '<?xml version="1.0" encoding="persian-2000"?>' + text, "XML")
    yield refused("declared_utf16_is_utf8", '<?xml version="1.0" encoding="UTF-16"?>' + text, "XML")
    yield refused("nul_inside", text.replace("مدارک", "\0"), "XML")
    yield refused("control_sign", text.replace("مدارک", "\x08"), "XML")
    yield refused("version_2", '<?xml version="2.0"?>' + text.replace("definitions", "x<", 1), "XML")
    yield fine("windows_line_ends", text.replace("><", ">\r\n<"))
    yield fine("one_long_line_of_spaces", text.replace("><", ">" + " " * 500 + "<"))


# ---------------------------------------------------------------- too large, too deep


def in_a_row(count: int) -> str:
    keys = [f"t{number}" for number in range(count)]
    return document(start() + person(*keys) + end() + path("begin", *keys, "done"))


def ring(count: int) -> str:
    """Gateways, each leading on to the next and out to a person."""
    body = start() + end() + path("begin", "g0")
    for number in range(count):
        key, following = f"g{number}", f"g{(number + 1) % count}"
        body += node("exclusiveGateway", key, default=f"d{number}") + person(f"u{number}")
        body += (
            flow(key, following, "case == 1") + flow(key, f"u{number}", key=f"d{number}") + flow(f"u{number}", "done")
        )
    return document(body)


def nested(depth: int) -> str:
    inner = start(key="s0") + person("work") + end(key="e0") + path("s0", "work", "e0")
    for level in range(1, depth):
        sub = node("subProcess", f"p{level}", inner)
        inner = start(key=f"s{level}") + sub + end(key=f"e{level}") + path(f"s{level}", f"p{level}", f"e{level}")
    return document(inner)


def giants() -> Iterator[Awkward]:
    yield fine("row_of_100", in_a_row(100))
    yield fine("row_of_489", in_a_row(489))
    yield fine("row_of_490", in_a_row(490))
    yield refused("row_of_5000", in_a_row(5_000), "5002")
    flat = "".join(person(f"t{number}") for number in range(5_000))
    yield refused("five_thousand_elements", document(start() + flat + end()), "5002")
    yield fine("ring_of_gateways", ring(30))
    yield fine("ring_of_200_gateways", ring(200))
    yield fine(
        "fan_of_300",
        document(
            start()
            + node("parallelGateway", "fork")
            + node("parallelGateway", "join")
            + end()
            + "".join(person(f"t{n}") + path("fork", f"t{n}", "join") for n in range(300))
            + path("begin", "fork")
            + path("join", "done")
        ),
    )
    yield fine("nested_20", nested(20))
    yield refused("nested_300", nested(300), "XML")
    yield refused("tags_in_tags", b"<a>" * 100_000, "XML")
    yield refused("two_megabytes_of_tasks", in_a_row(12_000), "عنصر")
    yield refused("six_megabytes", simple().replace("><", ">" + " " * 600_000 + "<"), "بایت")
    yield refused("comment_of_6_megabytes", simple() + f"<!--{'x' * 6_000_000}-->", "بایت")
    long_name = simple(person("work", name="ن" * 20_000))
    yield fine("name_of_20000_letters", long_name)
    yield refused(
        "id_of_a_megabyte",
        simple(node("userTask", "k" * 1_000_000), first="k" * 1_000_000, last="k" * 1_000_000),
        "بایت",
    )
    many = "".join(f' a{number}="1"' for number in range(20_000))
    yield fine("twenty_thousand_attributes", simple().replace("<userTask", f"<userTask{many}"))


# ---------------------------------------------------------------- entities, doors to other files


def hostile() -> Iterator[Awkward]:
    text = simple()
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    for name, inner in {
        "billion_laughs": f'<!ENTITY l0 "lol">{laughs}',
        "quadratic": f'<!ENTITY a "{"a" * 50_000}">',
        "entity_inside": '<!ENTITY office "شهرداری">',
        "file": '<!ENTITY x SYSTEM "file:///etc/passwd">',
        "http": '<!ENTITY x SYSTEM "http://127.0.0.1:9/x">',
        "parameter": '<!ENTITY % p SYSTEM "http://127.0.0.1:9/p.dtd"> %p;',
        "dtd": "",
    }.items():
        use = {"billion_laughs": "&l9;", "quadratic": "&a;" * 2_000, "entity_inside": "&office;"}.get(name, "")
        use = "&x;" if name in ("file", "http") else use
        documented = f"<documentation>{use}</documentation>"
        filled = text.replace("</userTask>", f"{documented}</userTask>")
        yield Awkward(f"doctype_{name}", f"<!DOCTYPE definitions [{inner}]>{filled}".encode(), False)
    yield refused("doctype_remote", f'<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd">{text}', "DOCTYPE")
    yield refused("undefined_entity", text.replace("بررسی", "&nbsp;"), "XML")
    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
    yield fine("xinclude", text.replace("</userTask>", f"<documentation>{include}</documentation></userTask>"))
    yield fine("stylesheet", f'<?xml-stylesheet type="text/xsl" href="http://127.0.0.1:9/x.xsl"?>{text}')
    imported = '<import importType="http://www.w3.org/2001/XMLSchema" location="file:///etc/passwd" namespace="x"/>'
    yield fine("import", simple(before=imported))
    for number, name in enumerate(
        (
            "&lt;img src=x onerror=alert(1)&gt;",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "{{ 7*7 }}",
            "%(name)s %s %d",
            "\u202eevil\u202c",
            "=cmd|' /C calc'!A0",
            "../../etc/passwd",
            "'; drop table cases; --",
        )
    ):
        yield fine(f"name_{number}", simple(person("work", name=name)))


# ---------------------------------------------------------------- ids


def identifiers() -> Iterator[Awkward]:
    yield fine(
        "id_missing",
        simple()
        .replace('<userTask id="work"', "<userTask", 1)
        .replace(path("begin", "work") + path("work", "done"), path("begin", "done")),
    )
    yield fine("flow_without_id", simple().replace('<sequenceFlow id="from_begin_work"', "<sequenceFlow"))
    yield fine("no_flow_has_an_id", simple().replace('id="from_', 'x="from_'))
    yield refused("id_twice", simple(person("work", "work")), "دو بار", "work")
    yield refused("id_twice_of_another_kind", simple(person("work") + node("task", "done")), "دو بار", "done")
    for key in ("Start", "End", "Root", "Kartabl.fork.a"):
        yield Awkward(f"id_{key}", simple(person(key), first=key, last=key).encode(), True)
    for name, key in {
        "persian": "بررسی",
        "quote": "it's",
        "double_quote": "a&quot;b",
        "space": "a b",
        "dot": "a.b",
        "digit": "1",
        "markup": "&lt;b&gt;",
        "rtl": "a\u202eb",
        "zero_width": "a\u200cb",
        "slash": "../a",
        "percent": "a%20b",
        "empty": "",
        "brace": "{a}",
        "emoji": "😀",
        "xpath": "' or '1'='1",
    }.items():
        if key:
            yield fine(f"id_{name}", simple(person(key), first=key, last=key))
        else:
            yield refused(f"id_{name}", simple(person(key), first=key, last=key), "انتهای این جریان", "from_begin_")
    yield fine("process_without_id", simple().replace('<process id="awkward"', "<process"))
    yield fine("process_id_with_spaces", simple().replace('id="awkward"', 'id="my process"'))
    second = simple().partition("<process")[2]
    yield Awkward(
        "process_id_twice", simple().replace("</definitions>", "<process" + second).encode(), False, "awkward", "دو بار"
    )
    other = ("<process" + second).replace('"awkward"', '"other"')
    for key in ("begin", "work", "done"):
        other = other.replace(f'"{key}"', f'"{key}2"').replace("from_begin_work", "f1").replace("from_work_done", "f2")
    yield fine("two_processes", simple().replace("</definitions>", other))
