"""Fields of files: what a page sends and what JSON says become the same list of documents."""

from typing import Any

import pytest

from forms.base import FormData, TaskForm
from forms.declared import declared_form
from forms.fields import DocumentField, DocumentsField, RowForm, RowsField
from forms.files import MAX_FILES, document_fields
from forms.validators import FilesBetween, Required

pytestmark = pytest.mark.rule("DOC-1")


class Visit(TaskForm):
    photos = DocumentsField("عکس‌ها", [Required("دست‌کم یک عکس بفرستید."), FilesBetween(1, 3)], accept=["jpg", "png"])


class PhotosOfMeter(RowForm):
    photos = DocumentsField("عکس‌ها")
    plan = DocumentField("نقشه")


class Meters(TaskForm):
    letter = DocumentField("نامه")
    meters = RowsField(PhotosOfMeter, "کنتورها")


def sent(*texts: str, form: type[TaskForm] = Visit) -> TaskForm:
    bound = form.from_request(FormData(photos=list(texts)))
    bound.validate()
    return bound


@pytest.mark.parametrize("values", [[3, 1], ["3", "۱"], (3, 1, 3), ["3", 1, ""]])
def test_several_documents_are_a_list_of_ids_each_once_in_their_order(values: Any) -> None:
    assert Visit.from_values({"photos": values}).submission == {"photos": [3, 1]}
    assert sent(*map(str, values)).submission == {"photos": [3, 1]}


def test_one_id_is_a_list_of_one_and_none_is_an_empty_list() -> None:
    assert Visit.from_values({"photos": 7}).submission == {"photos": [7]}
    empty = Visit.from_values({"photos": None})
    assert (empty.validate(), empty.submission) == (False, {"photos": []})
    assert empty.error_map == {"photos": ["دست‌کم یک عکس بفرستید."]}


@pytest.mark.parametrize("wrong", ["x", [1.5], [True], [[1]], {"a": 1}, [0], [-1], ["9" * 30], [{}]])
def test_what_is_no_list_of_documents_is_an_error_at_the_field(wrong: Any) -> None:
    form = Visit.from_values({"photos": wrong})
    assert not form.validate()
    assert set(form.error_map) == {"photos"}


def test_a_wrong_id_is_told_and_loses_none_of_the_others() -> None:
    form = sent("1", "x", "2")
    assert form.error_map == {"photos": ["این فایل پیدا نشد. آن را دوباره بارگذاری کنید."]}
    assert form.draft_values == {"photos": [1, 2]}
    assert Visit.unbound(preset=form.draft_values).photos.ids == [1, 2]


def test_how_many_files_there_may_be_is_a_validator_and_stands_in_the_schema() -> None:
    assert sent("1", "2", "3").error_map == {}
    assert sent("1", "2", "3", "4").error_map == {
        "photos": ["اینجا حداکثر ۳ فایل جا می‌گیرد و با آنچه ارسال کردید ۴ تا می‌شد."]
    }
    few = type("Few", (TaskForm,), {"photos": DocumentsField("عکس‌ها", [FilesBetween(2, 30)])})
    assert sent(form=few).error_map == {}
    assert sent("1", form=few).error_map == {"photos": ["حداقل ۲ فایل بارگذاری کنید."]}
    schema = Visit.json_schema()["properties"]["photos"]
    assert schema == {
        "type": "array",
        "items": {"type": "integer", "minimum": 1},
        "uniqueItems": True,
        "minItems": 1,
        "maxItems": 3,
        "title": "عکس‌ها",
        "x-widget": "documents",
    }
    schema = few.json_schema()["properties"]["photos"]
    assert (schema["maxItems"], schema["anyOf"]) == (30, [{"maxItems": 0}, {"minItems": 2}])


def test_without_a_validator_a_field_holds_twenty_files_and_reads_no_endless_list() -> None:
    any_number = type("Any", (TaskForm,), {"photos": DocumentsField("عکس‌ها")})
    assert sent(*map(str, range(1, MAX_FILES + 1)), form=any_number).error_map == {}
    assert "photos" in sent(*map(str, range(1, MAX_FILES + 2)), form=any_number).error_map
    assert len(sent(*map(str, range(1, 100_000)), form=any_number).draft_values["photos"]) == 1_000


def test_the_page_has_one_input_for_new_files_that_takes_several_of_the_wanted_kinds() -> None:
    drawn = str(Visit.unbound().photos())
    assert drawn.count("<input") == 1
    for part in ('type="file"', "multiple", 'name="photos"', 'accept=".jpg,.png"'):
        assert part in drawn


def test_a_button_of_the_page_removes_one_file_and_leaves_the_others() -> None:
    form = Visit.from_request(FormData(photos=["5", "17", "6"], _remove_file=["photos-۱۷"]))
    assert form.apply_row_commands()
    assert form.draft_values == {"photos": [5, 6]}
    for nonsense in ("photos-99", "photos", "other-17", "photos-x", "-", "", "photos-" + "9" * 5000):
        form = Visit.from_request(FormData(photos=["5"], _remove_file=[nonsense]))
        form.apply_row_commands()
        assert form.draft_values == {"photos": [5]}


def test_a_file_in_a_row_is_removed_by_the_rows_place_on_the_page() -> None:
    typed = FormData({"meters-3-photos": ["5", "6"], "meters-7-photos": ["5"], "_remove_file": ["meters-7-photos-5"]})
    form = Meters.from_request(typed)
    form.apply_row_commands()
    assert [row["photos"] for row in form.draft_values["meters"]] == [[5, 6], []]


def test_the_fields_of_files_are_found_in_rows_too() -> None:
    typed = FormData({"letter": ["1"], "meters-4-photos": ["5", "6"], "meters-4-plan": ["9"]})
    found = list(document_fields(Meters.from_request(typed)))
    assert [(path, name, field.ids) for path, name, field in found] == [
        ("letter", "letter", [1]),
        ("meters.0.photos", "meters-4-photos", [5, 6]),
        ("meters.0.plan", "meters-4-plan", [9]),
    ]


def test_a_diagram_may_declare_a_field_of_files() -> None:
    form = declared_form("p", "t", [{"id": "photos", "type": "files", "label": "عکس‌ها", "required": "true"}])
    assert form.from_values({"photos": [4]}).submission == {"photos": [4]}
    assert form.json_schema()["required"] == ["photos"]
