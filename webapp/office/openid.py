"""The admin's page of sign-in by the organisation's provider: which claim gives which role, and who gets an account."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from engine.errors import InvalidSubmission
from engine.identity import permissions
from engine.identity.openid import linking, role_mapping
from forms.base import Choices
from forms.openid import ClaimRoleForm
from models.choice import Choice
from models.language import gettext as _
from models.organisation import KIND_LABELS
from webapp.shell import current
from webapp.shell.confirmation import dangerous
from webapp.shell.labels import role_label

bp = Blueprint("openid", __name__)

PAGE = "/office/openid"
Page = tuple[str, int] | str | Response


@bp.route(PAGE, methods=["GET", "POST"])
@dangerous
def index() -> Page:
    """The mapping, a form for a further line of it, and the switch for new accounts."""
    _demand()
    kind, choices = ClaimRoleForm.for_roles(_divided()), _choices()
    if request.method == "GET":
        return _show(kind.unbound(choices=choices))
    form = kind.from_request(request.form, choices=choices)
    if form.validate():
        try:
            with current.transaction() as session:
                role_mapping.add(
                    session,
                    form.submission["value"],
                    role=form.submission["role"],
                    scope=form.scope,
                    by=current.actor(),
                    now=current.now(),
                )
        except InvalidSubmission as error:
            form.add_errors(error.errors)
        else:
            flash(_("افزوده شد. هر کس از ورود بعدی خود این نقش را دارد."), "success")
            return redirect(f"{request.script_root}{PAGE}", 303)
    return _show(form), 422


@bp.post(f"{PAGE}/<int:row_id>/remove")
@dangerous
def remove(row_id: int) -> Response:
    _demand()
    with current.transaction() as session:
        role_mapping.remove(session, row_id, by=current.actor())
    flash(_("حذف شد. نقش هر کس در ورود بعدی او گرفته می‌شود."), "success")
    return redirect(f"{request.script_root}{PAGE}", 303)


@bp.post(f"{PAGE}/new-accounts")
@dangerous
def new_accounts() -> Response:
    """Allow new accounts (``allowed`` is ``yes``) or not any more (``no``). Raises ``InvalidSubmission``."""
    _demand()
    answer = request.form.get("allowed")
    if answer not in ("yes", "no"):
        raise InvalidSubmission({"allowed": [_("فعال کردن یا غیرفعال کردن را انتخاب کنید.")]})
    with current.transaction() as session:
        changed = linking.allow_new_accounts(session, answer == "yes", by=current.actor(), now=current.now())
    if not changed:
        flash(_("چیزی تغییر نکرد."), "info")
    elif answer == "yes":
        flash(_("از این پس هر کس با حساب سازمانی وارد شود، می‌تواند حساب بسازد."), "success")
    else:
        flash(_("از این پس حساب جدید را فقط مدیر سامانه می‌سازد."), "success")
    return redirect(f"{request.script_root}{PAGE}", 303)


def _demand() -> None:
    permissions.demand(current.actor(), "manage_sign_in")
    if current.application().openid is None:
        abort(404)


def _divided() -> dict[str, str]:
    return {role.key: role.divided_by for role in current.organisation().grantable(current.actor())}


def _choices() -> Choices:
    organised = current.organisation()
    roles = [Choice(role.key, str(role.name)) for role in organised.grantable(current.actor())]
    return {"role": roles, **{str(kind): organised.choices_of(kind) for kind in KIND_LABELS}}


def _show(form: ClaimRoleForm) -> str:
    with current.transaction() as session:
        return render_template(
            "office/openid.html",
            form=form,
            rows=role_mapping.rows(session, by=current.actor()),
            allowed=linking.new_accounts_allowed(session),
            claim=current.settings().openid_roles_claim,
            issuer=current.settings().openid_issuer,
            role_label=role_label,
            failed_page=bool(form.errors),
        )
