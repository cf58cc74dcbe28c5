"""The admin's pages of people: search, a new account, roles, locking."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from engine.errors import InvalidSubmission
from engine.identity import people as rules
from engine.identity import permissions, second_factor
from engine.identity.people import NewAccount
from forms.base import Choices
from forms.people import MembershipForm, NewPerson
from models.account import Person
from models.choice import Choice
from models.language import gettext as _
from models.organisation import KIND_LABELS
from webapp.shell import current
from webapp.shell.confirmation import dangerous
from webapp.shell.labels import role_label

bp = Blueprint("people", __name__)

PERSON = "/people/<int:person_id>"
Page = tuple[str, int] | str | Response


@bp.get("/people")
def index() -> Page:
    """People, newest first, searched by name, user name or mobile, and by role."""
    q, role = request.args.get("q", "")[:200], request.args.get("role", "")[:40]
    scope, cursor = request.args.get("scope", "")[:40], request.args.get("cursor") or None
    with current.transaction() as session:
        page = rules.people_page(session, current.actor(), q=q, role=role, scope=scope, cursor=cursor)
        return render_template(
            "office/people.html",
            page=page,
            q=q,
            role=role,
            scope=scope,
            within=role_label(role, scope) if scope else "",
            roles=[(one.key, one.name) for one in current.organisation().active_roles],
            role_label=role_label,
            state_of=_state,
            may_add=permissions.allowed(current.actor(), "manage_people"),
        )


@bp.route("/people/new", methods=["GET", "POST"])
@dangerous
def new() -> Page:
    """Make an account. Only the page that answers displays its first password."""
    permissions.demand(current.actor(), "manage_people")
    kind, choices = NewPerson.for_roles(_divided()), _choices()
    form = (
        kind.from_request(request.form, choices=choices) if request.method == "POST" else kind.unbound(choices=choices)
    )
    if request.method == "POST" and form.validate():
        values = form.submission
        names = ("username", "first_name", "last_name", "company", "mobile", "kind", "role")
        account = NewAccount(**{name: values[name] for name in names}, scope=form.scope)
        try:
            with current.transaction() as session:
                person, password = rules.create_account(
                    session, current.application().accounts, account, by=current.actor(), now=current.now()
                )
                return _show(session, person, _membership(), password=password)
        except InvalidSubmission as error:
            form.add_errors(error.errors)
    failed = bool(form.errors)
    return render_template("office/new_person.html", form=form, failed_page=failed), 422 if failed else 200


@bp.get(PERSON)
def show(person_id: int) -> Page:
    with current.transaction() as session:
        return _show(session, rules.person(session, current.actor(), person_id), _membership())


@bp.post(f"{PERSON}/roles")
@dangerous
def grant(person_id: int) -> Page:
    form = MembershipForm.for_roles(_divided()).from_request(request.form, choices=_choices())
    if form.validate():
        try:
            with current.transaction() as session:
                rules.grant(
                    session,
                    person_id,
                    by=current.actor(),
                    role=form.submission["role"],
                    scope=form.scope,
                    now=current.now(),
                )
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            return _back(person_id, _("نقش افزوده شد."))
    with current.transaction() as session:
        return _show(session, rules.person(session, current.actor(), person_id), form), 422


@bp.post(f"{PERSON}/unlock")
@dangerous
def unlock(person_id: int) -> Page:
    with current.transaction() as session:
        rules.unlock_account(session, person_id, by=current.actor())
    return _back(person_id, _("حساب فعال شد."))


@bp.post(f"{PERSON}/sessions/end")
def end_sessions(person_id: int) -> Page:
    """Sign a person out everywhere, for example after a telephone was lost."""
    with current.transaction() as session:
        rules.end_sessions(session, current.application().accounts, person_id, by=current.actor())
    return _back(person_id, _("صاحب حساب از همهٔ دستگاه‌ها خارج شد."))


@bp.post(f"{PERSON}/password")
@dangerous
def reset_password(person_id: int) -> Page:
    """Make a new first password; only the page that answers displays it."""
    with current.transaction() as session:
        person, password = rules.reset_password(
            session, current.application().accounts, person_id, by=current.actor(), now=current.now()
        )
        return _show(session, person, _membership(), password=password)


@bp.post(f"{PERSON}/second-factor")
@dangerous
def reset_second_factor(person_id: int) -> Page:
    """Remove the second factor of somebody who has lost it."""
    with current.transaction() as session:
        rules.reset_second_factor(
            session, current.application().accounts, person_id, by=current.actor(), now=current.now()
        )
    return _back(person_id, _("ورود دومرحله‌ای حذف شد و صاحب حساب از همهٔ دستگاه‌ها خارج شد."))


def _divided() -> dict[str, str]:
    """The roles that the actor may grant, each with the kind of division it is divided by."""
    return {role.key: role.divided_by for role in current.organisation().grantable(current.actor())}


def _choices() -> Choices:
    organised = current.organisation()
    roles = [Choice(role.key, str(role.name)) for role in organised.grantable(current.actor())]
    return {"role": roles, **{str(kind): organised.choices_of(kind) for kind in KIND_LABELS}}


def _membership() -> MembershipForm:
    return MembershipForm.for_roles(_divided()).unbound(choices=_choices())


def _show(session: Session, person: Person, form: MembershipForm, *, password: str = "") -> str:
    held = {one.role for one in person.roles}
    return render_template(
        "office/person.html",
        account=person,
        form=form,
        password=password,
        role_label=role_label,
        state=_state(person),
        factor=second_factor.state(session, person.id),
        is_self=person.id == current.actor().person_id,
        may_manage=permissions.allowed(current.actor(), "manage_people"),
        may_see_audit=permissions.allowed(current.actor(), "see_audit"),
        revocable={role for role in held if _may_revoke(role)},
        divided={
            role
            for role in held
            if role in current.organisation().roles and current.organisation().roles[role].divided_by
        },
        failed_page=bool(form.errors),
    )


def _may_revoke(role: str) -> bool:
    known = current.organisation().roles.get(role)
    if known is None:  # held, though no row says so
        return permissions.allowed(current.actor(), "manage_people")
    return current.organisation().may_grant(current.actor(), known)


def _state(person: Person) -> tuple[str, str]:
    """The state of an account in words, and the colour of its badge."""
    return (_("فعال"), "green") if person.active else (_("غیرفعال"), "red")


def _back(person_id: int, words: str) -> Response:
    flash(words, "success")
    return redirect(f"{request.script_root}/people/{person_id}", 303)
