"""The admin's pages of the organisation: its roles, its units, districts and regions, and who changed what."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from engine.administration import organisation as changes
from engine.administration.organisation import DivisionValues, InUse, RoleValues
from engine.errors import ChangedMeanwhile, InvalidSubmission, NotFound
from engine.identity import second_factor
from engine.identity.organisation import DivisionEntry, RoleEntry
from engine.identity.permissions import GRANTABLE, demand
from engine.queries import organisation as queries
from forms.base import Choices
from forms.organisation import LABELS, NamesForm, NewDivision, NewNumberedDivision, NewRole, RoleForm, SystemRoleForm
from models import language
from models.choice import Choice
from models.language import gettext as _
from models.language import listed
from models.organisation import KIND_LABELS, NUMBERED, DivisionKind, OrganisationChange
from webapp.shell import current
from webapp.shell.confirmation import dangerous
from webapp.shell.filters import number
from webapp.shell.labels import role_label

bp = Blueprint("organisation", __name__)

ROLE, DIVISION = "/organisation/roles/<key>", "/organisation/<kind>/<key>"
Page = tuple[str, int] | str | Response


# ---------------------------------------------------------------- roles


@bp.get("/organisation")
def index() -> str:
    """The roles: how many people hold each, and which processes name it."""
    with current.transaction() as session:
        rows = queries.role_rows(session, current.actor(), current.engine().definitions)
    return render_template("office/organisation/roles.html", rows=rows, tabs=_tabs(), kinds=KIND_LABELS)


@bp.route("/organisation/roles/new", methods=["GET", "POST"])
@dangerous
def new_role() -> Page:
    demand(current.actor(), "manage_organisation")
    choices = _choices()
    form = NewRole.from_request(request.form, choices=choices) if _sent() else NewRole.unbound(choices=choices)
    if _sent() and form.validate():
        try:
            with current.transaction() as session:
                added = changes.add_role(
                    session,
                    form.submission["key"],
                    _role_values(form),
                    by=current.actor(),
                    now=current.now(),
                    case_roles=current.application().case_roles,
                )
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            words = _("نقش «%(name)s» افزوده شد. اکنون آن را در صفحهٔ کاربران به افراد بدهید.", name=added.name)
            return _back(f"roles/{added.key}", words)
    return _answer("office/organisation/new_role.html", form)


@bp.route(ROLE, methods=["GET", "POST"])
@dangerous
def role(key: str) -> Page:
    """One role: what it is, what it is used by, how it came to be so; a form to change it."""
    with current.transaction() as session:
        entry = queries.role(session, current.actor(), key)
    kind = SystemRoleForm if entry.is_system else RoleForm
    if not _sent():
        return _show_role(entry, kind.unbound(preset=_preset(entry), choices=_choices(of=entry)))
    form, seen = kind.from_request(request.form, choices=_choices(of=entry)), request.form.get("seen", "")
    if form.validate():
        try:
            with current.transaction() as session:
                entry = changes.change_role(
                    session, key, _role_values(form), by=current.actor(), now=current.now(), seen=seen
                )
        except ChangedMeanwhile:
            with current.transaction() as session:
                entry = queries.role(session, current.actor(), key)
            form.add_errors(_present(form, _preset(entry)))
            seen = entry.version
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            words = _("نقش «%(name)s» تغییر کرد.", name=entry.name)
            return _back(f"roles/{key}", f"{words} {_missing(entry)}".strip())
    return _show_role(entry, form, seen=seen)


@bp.post(f"{ROLE}/deactivate")
@dangerous
def deactivate_role(key: str) -> Page:
    try:
        with current.transaction() as session:
            entry = changes.set_role_active(
                session, current.engine().definitions, key, False, by=current.actor(), now=current.now()
            )
    except InUse:
        with current.transaction() as session:
            entry = queries.role(session, current.actor(), key)
        form = RoleForm.unbound(preset=_preset(entry), choices=_choices(of=entry))
        return _show_role(entry, form, refused=_("این نقش در حال استفاده است و غیرفعال نشد."))
    return _back(f"roles/{key}", _("نقش «%(name)s» غیرفعال شد. دیگر به کسی داده نمی‌شود.", name=entry.name))


@bp.post(f"{ROLE}/activate")
@dangerous
def activate_role(key: str) -> Response:
    with current.transaction() as session:
        entry = changes.set_role_active(
            session, current.engine().definitions, key, True, by=current.actor(), now=current.now()
        )
    words = _("نقش «%(name)s» فعال شد. اکنون می‌توان آن را به افراد داد.", name=entry.name)
    return _back(f"roles/{key}", words)


def _missing(entry: RoleEntry) -> str:
    """Who of the holders has to enrol at their next page, where the role demands a second factor."""
    if not entry.second_factor:
        return ""
    with current.transaction() as session:
        holders, enrolled = second_factor.enrolled(session, entry.key)
    return _(
        "این نقش %(holders)s عضو دارد؛ %(missing)s نفر هنوز ورود دومرحله‌ای را فعال نکرده‌اند.",
        holders=number(holders),
        missing=number(holders - enrolled),
    )


def _show_role(entry: RoleEntry, form: NamesForm, *, seen: str = "", refused: str = "") -> tuple[str, int]:
    failed = bool(refused or form.errors)
    with current.transaction() as session:
        uses = queries.uses_of_role(session, current.engine().definitions, entry)
        history = queries.changes(session, current.actor(), subject="role", key=entry.key).items
        page = render_template(
            "office/organisation/role.html",
            role=entry,
            form=form,
            seen=seen or entry.version,
            uses=uses,
            refused=refused,
            history=[_in_words(change) for change in history],
            kinds=KIND_LABELS,
            failed_page=failed,
        )
    return page, 422 if failed else 200


def _choices(*, of: RoleEntry | None = None) -> Choices:
    """What a role's form offers: the roles that may grant it, and the permissions that rows can give.

    A role that grants it already is offered, too, when it is out of use: saving does not take it away unseen.
    """
    key, kept = (of.key, of.granted_by) if of else ("", frozenset())
    roles = [
        role
        for role in current.organisation().roles.values()
        if role.key in kept or (role.active and not role.is_system and role.key != key)
    ]
    return {
        "granted_by": [
            Choice(role.key, str(role.name) if role.active else _("%(role)s (غیرفعال)", role=role.name))
            for role in roles
        ],
        "permissions": [Choice(key, label) for key, label in GRANTABLE.items()],
    }


def _preset(entry: RoleEntry) -> dict[str, Any]:
    return {
        "name_fa": entry.name.fa,
        "name_en": entry.name.en,
        "divided_by": entry.divided_by or None,
        "granted_by": sorted(entry.granted_by),
        "permissions": sorted(entry.permissions),
        "on_registration": entry.on_registration,
        "second_factor": entry.second_factor,
    }


def _present(form: NamesForm, state: dict[str, Any]) -> dict[str, list[str]]:
    """The error of a form that somebody else was quicker with: what is there now and differs from what was typed."""
    typed = form.submission
    lines = [
        _("%(field)s: «%(value)s»", field=label, value=_value(field, state))
        for field, label in LABELS.items()
        if field in typed and (typed[field] or None) != (state.get(field) or None)
    ]
    words = _("در این میان شخص دیگری این را تغییر داده است. اگر مقدارهای شما درست است، دوباره ذخیره کنید. اکنون:")
    return {"": [words, *lines]}


def _role_values(form: NamesForm) -> RoleValues:
    values = form.submission
    return RoleValues(
        name_fa=values["name_fa"],
        name_en=values["name_en"],
        divided_by=values.get("divided_by") or "",
        granted_by=values.get("granted_by") or (),
        permissions=values.get("permissions") or (),
        on_registration=bool(values.get("on_registration")),
        second_factor=bool(values.get("second_factor")),
    )


# ---------------------------------------------------------------- divisions


@bp.get("/organisation/<kind>")
def divisions(kind: str) -> str:
    """The divisions of one kind, and how many people are in each."""
    with current.transaction() as session:
        rows = queries.division_rows(session, current.actor(), _kind(kind))
        divided = [one for one in current.organisation().active_roles if one.divided_by == kind]
    return render_template(
        "office/organisation/divisions.html",
        kind=kind,
        label=KIND_LABELS[kind],
        rows=rows,
        divided=listed(str(one.name) for one in divided),
        tabs=_tabs(),
    )


@bp.route("/organisation/<kind>/new", methods=["GET", "POST"])
def new_division(kind: str) -> Page:
    demand(current.actor(), "manage_organisation")
    _kind(kind)
    form_class = NewNumberedDivision if kind in NUMBERED else NewDivision
    form = form_class.from_request(request.form) if _sent() else form_class.unbound()
    if _sent() and form.validate():
        try:
            with current.transaction() as session:
                added = changes.add_division(
                    session,
                    kind,
                    form.submission["key"],
                    DivisionValues(name_fa=form.submission["name_fa"], name_en=form.submission["name_en"]),
                    by=current.actor(),
                    now=current.now(),
                )
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            return _back(kind, _("«%(name)s» افزوده شد. اکنون می‌توان افراد را عضو آن کرد.", name=added.name))
    return _answer("office/organisation/new_division.html", form, kind=kind, label=KIND_LABELS[kind])


@bp.route(DIVISION, methods=["GET", "POST"])
def division(kind: str, key: str) -> Page:
    """One division: its names, what it is used by, how it came to be so."""
    with current.transaction() as session:
        entry = queries.division(session, current.actor(), _kind(kind), key)
    if not _sent():
        preset = {"name_fa": entry.name.fa, "name_en": entry.name.en}
        return _show_division(entry, NamesForm.unbound(preset=preset))
    form, seen = NamesForm.from_request(request.form), request.form.get("seen", "")
    if form.validate():
        values = DivisionValues(name_fa=form.submission["name_fa"], name_en=form.submission["name_en"])
        try:
            with current.transaction() as session:
                entry = changes.change_division(
                    session, kind, key, values, by=current.actor(), now=current.now(), seen=seen
                )
        except ChangedMeanwhile:
            with current.transaction() as session:
                entry = queries.division(session, current.actor(), kind, key)
            form.add_errors(_present(form, {"name_fa": entry.name.fa, "name_en": entry.name.en}))
            seen = entry.version
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            return _back(f"{kind}/{key}", _("«%(name)s» تغییر کرد.", name=entry.name))
    return _show_division(entry, form, seen=seen)


@bp.post(f"{DIVISION}/deactivate")
def deactivate_division(kind: str, key: str) -> Page:
    try:
        with current.transaction() as session:
            entry = changes.set_division_active(session, _kind(kind), key, False, by=current.actor(), now=current.now())
    except InUse:
        with current.transaction() as session:
            entry = queries.division(session, current.actor(), kind, key)
        form = NamesForm.unbound(preset={"name_fa": entry.name.fa, "name_en": entry.name.en})
        return _show_division(entry, form, refused=_("«%(name)s» در حال استفاده است و غیرفعال نشد.", name=entry.name))
    return _back(f"{kind}/{key}", _("«%(name)s» غیرفعال شد. دیگر کسی عضو آن نمی‌شود.", name=entry.name))


@bp.post(f"{DIVISION}/activate")
def activate_division(kind: str, key: str) -> Response:
    with current.transaction() as session:
        entry = changes.set_division_active(session, _kind(kind), key, True, by=current.actor(), now=current.now())
    return _back(f"{kind}/{key}", _("«%(name)s» فعال شد. اکنون می‌توان افراد را عضو آن کرد.", name=entry.name))


def _show_division(entry: DivisionEntry, form: NamesForm, *, seen: str = "", refused: str = "") -> tuple[str, int]:
    failed = bool(refused or form.errors)
    with current.transaction() as session:
        uses = queries.uses_of_division(session, entry)
        history = queries.changes(session, current.actor(), subject=entry.kind, key=entry.key).items
        page = render_template(
            "office/organisation/division.html",
            division=entry,
            label=KIND_LABELS[entry.kind],
            divided=next((one.key for one in current.organisation().active_roles if one.divided_by == entry.kind), ""),
            form=form,
            seen=seen or entry.version,
            uses=uses,
            refused=refused,
            history=[_in_words(change) for change in history],
            failed_page=failed,
        )
    return page, 422 if failed else 200


def _kind(text: str) -> str:
    """The kind of division that an address names. Raises ``NotFound``."""
    if text not in set(DivisionKind):
        raise NotFound("kind of division", text)
    return text


# ---------------------------------------------------------------- what was changed


@bp.get("/organisation/changes")
def history() -> str:
    """Every change of roles, divisions and memberships, the newest first."""
    with current.transaction() as session:
        page = queries.changes(session, current.actor(), cursor=request.args.get("cursor") or None)
        lines = [_in_words(change) for change in page.items]
    return render_template("office/organisation/changes.html", history=lines, next=page.next, tabs=_tabs())


def _in_words(change: OrganisationChange) -> tuple[OrganisationChange, str, list[str]]:
    """A change with its words: what happened, and what was before and after, a line each."""
    before, after = change.before or {}, change.after or {}
    if change.subject == "membership":
        held = after or before
        label = role_label(held["role"], held["scope"])
        title = _("نقش «%(role)s» به %(name)s داده شد") if after else _("نقش «%(role)s» از %(name)s گرفته شد")
        return change, title % {"role": label, "name": change.key}, []
    name = after.get("name_fa" if _persian() else "name_en", change.key)
    values = {"kind": _("نقش") if change.subject == "role" else KIND_LABELS[change.subject], "name": name}
    if not before:
        return change, _("%(kind)s «%(name)s» افزوده شد", **values), []
    if before.get("active") != after.get("active"):
        sentence = _("%(kind)s «%(name)s» فعال شد") if after.get("active") else _("%(kind)s «%(name)s» غیرفعال شد")
        return change, sentence % values, []
    differing = [field for field in LABELS if before.get(field) != after.get(field)]
    lines = [
        _(
            "%(field)s: از «%(before)s» به «%(after)s»",
            field=LABELS[field],
            before=_value(field, before),
            after=_value(field, after),
        )
        for field in differing
    ]
    return change, _("%(kind)s «%(name)s» تغییر کرد", **values), lines


def _value(field: str, state: dict[str, Any]) -> str:
    """A value of a role's or division's state in words."""
    value = state.get(field)
    if field == "divided_by":
        return str(KIND_LABELS[value]) if value else "—"
    if field == "granted_by":
        return listed(role_label(key) for key in value or ()) or "—"
    if field == "permissions":
        return listed(str(GRANTABLE.get(key, key)) for key in value or ()) or "—"
    if field in ("on_registration", "second_factor"):
        return _("بله") if value else _("خیر")
    return str(value)


# ---------------------------------------------------------------- what the pages share


def _persian() -> bool:
    return language.current() == language.SOURCE


def _sent() -> bool:
    return request.method == "POST"


def _answer(template: str, form: NamesForm, **values: Any) -> tuple[str, int]:
    failed = bool(form.errors)
    return render_template(template, form=form, failed_page=failed, **values), 422 if failed else 200


def _tabs() -> list[tuple[str, Any]]:
    """The parts of the section: their addresses and what they are called."""
    plurals = {DivisionKind.UNIT: _("واحدها"), DivisionKind.DISTRICT: _("منطقه‌ها"), DivisionKind.REGION: _("ناحیه‌ها")}
    kinds = [(f"/organisation/{kind}", plurals[kind]) for kind in DivisionKind]
    return [("/organisation", _("نقش‌ها")), *kinds, ("/organisation/changes", _("تغییرات"))]


def _back(where: str, words: str) -> Response:
    flash(words, "success")
    return redirect(f"{request.script_root}/organisation/{where}", 303)
