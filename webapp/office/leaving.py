"""The page before a role, a division or the account is taken from a person: what is open, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from engine.actor import Actor
from engine.administration import leaving as rules
from engine.administration.leaving import RETURN, STAY, TASKS, Kind, OpenWork
from engine.errors import InvalidSubmission, NotAllowed
from engine.identity import people, permissions
from forms.base import Choices
from forms.people import LeavingForm, Way
from models.account import Person, RoleGrant
from models.case import Case, Task
from models.choice import Choice
from models.language import gettext as _
from models.language import listed, stored
from webapp.shell import current
from webapp.shell.confirmation import dangerous
from webapp.shell.filters import digits
from webapp.shell.labels import role_label

bp = Blueprint("leaving", __name__)

PERSON = "/people/<int:person_id>"
MAX_NAMED = 5  # cases of each kind that the page names
Page = tuple[str, int] | str | Response


@dataclass(frozen=True)
class Step:
    """What is about to be done to a person; ``moves_in``: the kind of division that is chosen anew, or ""."""

    title: str
    consequence: str
    act: str
    after: Actor
    moves_in: str = ""


@bp.route(f"{PERSON}/lock", methods=["GET", "POST"])
@dangerous
def lock(person_id: int) -> Page:
    def step(session: Session, target: Person) -> Step:
        permissions.demand(current.actor(), "manage_people")
        return Step(
            _("غیرفعال کردن حساب %(name)s", name=target.name),
            _("صاحب حساب از همهٔ دستگاه‌ها خارج می‌شود و دیگر نمی‌تواند وارد شود."),
            _("غیرفعال کردن حساب"),
            rules.without_account(target),
        )

    def act(session: Session, choices: dict[str, str], _scope: str) -> str:
        rules.lock_account(
            session,
            current.engine(),
            current.application().accounts,
            person_id,
            by=current.actor(),
            now=current.now(),
            choices=choices,
        )
        return _("حساب غیرفعال شد و صاحب آن از همهٔ دستگاه‌ها خارج شد.")

    return _leave(person_id, step, act)


@bp.route(f"{PERSON}/roles/<int:grant_id>/revoke", methods=["GET", "POST"])
@dangerous
def revoke(person_id: int, grant_id: int) -> Page:
    def step(session: Session, target: Person) -> Step:
        after, held = rules.without_grant(target, grant_id), _grant(target, grant_id)
        return Step(
            _("حذف نقش «%(role)s» از %(name)s", role=role_label(held.role, held.scope), name=target.name),
            _("دسترسی‌های این نقش از صفحهٔ بعدی همان شخص، در مرورگر و برنامه‌ها، گرفته می‌شود."),
            _("حذف نقش"),
            after,
        )

    def act(session: Session, choices: dict[str, str], _scope: str) -> str:
        rules.revoke_role(
            session, current.engine(), person_id, grant_id, by=current.actor(), now=current.now(), choices=choices
        )
        return _("نقش حذف شد.")

    return _leave(person_id, step, act)


@bp.route(f"{PERSON}/roles/<int:grant_id>/move", methods=["GET", "POST"])
@dangerous
def move(person_id: int, grant_id: int) -> Page:
    """To another unit, district or region, with the same role."""

    def step(session: Session, target: Person) -> Step:
        after, held = rules.without_grant(target, grant_id, moving=True), _grant(target, grant_id)
        known = current.organisation().roles.get(held.role)
        return Step(
            _("جابه‌جایی %(name)s از «%(role)s»", name=target.name, role=role_label(held.role, held.scope)),
            _("نقش همان می‌ماند. کارهای بخش قبلی دیگر با این شخص نیست."),
            _("جابه‌جایی"),
            after,
            known.divided_by if known else "",
        )

    def act(session: Session, choices: dict[str, str], scope: str) -> str:
        rules.move_role(
            session,
            current.engine(),
            person_id,
            grant_id,
            scope=scope,
            by=current.actor(),
            now=current.now(),
            choices=choices,
        )
        return _("جابه‌جایی انجام شد.")

    return _leave(person_id, step, act)


def let_go(person_id: int) -> None:
    """Pass on what the person cannot do any more, after a sign-in or an unlinking may have ended roles of theirs."""
    engine, now = current.engine(), current.now()
    engine.in_transaction(lambda session: rules.let_go(session, engine, person_id, now=now))


def _grant(target: Person, grant_id: int) -> RoleGrant:
    """The grant, for whoever may take it. Raises ``NotAllowed``."""
    held = next(held for held in target.roles if held.id == grant_id)
    known = current.organisation().roles.get(held.role)
    actor = current.actor()
    if not (current.organisation().may_grant(actor, known) if known else permissions.allowed(actor, "manage_people")):
        raise NotAllowed(actor.username, f"revoke {held.role}")
    return held


def _leave(
    person_id: int, step_of: Callable[[Session, Person], Step], act: Callable[[Session, dict[str, str], str], str]
) -> Page:
    with current.transaction() as session:
        target = people.person(session, current.actor(), person_id)
        step = step_of(session, target)
        work = rules.open_work(session, current.engine(), target, step.after, now=current.now())
        kind = LeavingForm.for_work([_way(session, one) for one in work.kinds], moves_in=step.moves_in)
        choices: Choices = {"scope": current.organisation().choices_of(step.moves_in)} if step.moves_in else {}
        name = target.name
    if request.method == "GET":
        return _page(person_id, name, step, work, kind.unbound(choices=choices))
    form = kind.from_request(_with_defaults(work), choices=choices)
    if form.validate():
        values: dict[str, Any] = dict(form.submission)
        try:
            words = current.engine().in_transaction(
                lambda session: act(
                    session, {key: str(value) for key, value in values.items()}, values.get("scope", "")
                )
            )
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            flash(words, "success")
            return redirect(f"{request.script_root}/people/{person_id}", 303)
    return _page(person_id, name, step, work, form), 422


def _with_defaults(work: OpenWork) -> Any:
    """What was sent, and for work that has come since the page was drawn what happens to it without a choice."""
    sent = request.form.copy()
    for one in work.kinds:
        sent.setdefault(one.key, one.default)
    return sent


def _page(person_id: int, name: str, step: Step, work: OpenWork, form: LeavingForm) -> str:
    return render_template(
        "office/leaving.html",
        person_id=person_id,
        name=name,
        step=step,
        work=work,
        form=form,
        failed_page=bool(form.errors),
    )


def _way(session: Session, kind: Kind) -> Way:
    count, role = digits(len(kind.ids)), role_label(kind.role, kind.scope)
    if kind.what == TASKS:
        label = _("%(count)s کار باز گروه «%(role)s» که به عهدهٔ این شخص است", count=count, role=role)
        options = [Choice(RETURN, _("برگرداندن به گروه"))]
        numbers = select(Case.number).join(Task, Task.case_id == Case.id).where(Task.id.in_(kind.ids[:MAX_NAMED]))
    else:
        process = current.engine().definitions.newest(session, kind.process).diagrams[kind.process].name
        label = _(
            "%(count)s پروندهٔ «%(process)s» که این شخص در آن «%(role)s» است",
            count=count,
            process=stored(process),
            role=role,
        )
        options = [Choice(STAY, _("در انتظار ماندن تا تعیین مسئول دیگر"))]
        if kind.default == RETURN:
            options.insert(0, Choice(RETURN, _("تعیین مسئول جدید به روال فرایند")))
        numbers = select(Case.number).where(Case.id.in_(kind.ids[:MAX_NAMED]))
    named = [digits(number) for number in session.scalars(numbers.distinct().order_by(Case.number))]
    more = ["…"] if len(kind.ids) > MAX_NAMED else []
    options += [Choice(str(one), _("واگذاری به %(name)s", name=name)) for one, name in kind.colleagues]
    return Way(kind.key, label, _("پرونده‌ها: %(numbers)s", numbers=listed([*named, *more])), options, kind.default)
