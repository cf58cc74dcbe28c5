"""Tickets of the demo: waiting, overdue, passed on, replied to, closed, and brought to the president (TKT)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows.demo.plan import Waits
from workflows.demo.stage import Stage

HALF_A_DAY = timedelta(hours=12)


@dataclass(frozen=True)
class Turn:
    """The next action of a person. ``days``: about so many working days later; ``unit``: where a transfer goes."""

    task: str
    by: str
    text: str
    days: float = 0.6
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A ticket and what becomes of it. ``age``: sent so many days ago; ``photo``: with a file."""

    age: float
    by: str
    unit: str
    priority: str
    title: str
    body: str
    photo: bool = False
    turns: tuple[Turn, ...] = ()
    draft: bool = False


MOHAMMAD, FATEMEH, HOSSEIN = "09590001001", "09590001002", "09590001003"

REQUESTS = (
    Request(
        age=41,
        by=MOHAMMAD,
        unit="information_technology",
        priority="urgent",
        title="کد تایید نمی‌رسد",
        photo=True,
        body="سلام\nهنگام ثبت‌نام پیامک کد تایید نمی‌رسد. تصویر صفحه را پیوست کرده‌ام. لطفاً راهنمایی کنید.",
        turns=(Turn("answer_ticket", "unit-it", "با سلام. سرویس پیامک برطرف شد. لطفاً دوباره تلاش کنید."),),
    ),
    Request(
        age=34,
        by="contractor-3",
        unit="gas_inspection",
        priority="normal",
        title="زمان بازآموزی مجریان",
        body="زمان دورهٔ بازآموزی مجریان گاز در نیمهٔ دوم سال چه هنگامی است؟",
        turns=(
            Turn("transfer_ticket", "unit-gas-inspection", "دربارهٔ دوره‌هاست.", unit="education"),
            Turn("answer_ticket", "unit-education", "دوره از نیمهٔ آذر برگزار می‌شود و ثبت‌نام آن در سامانه است."),
            Turn("reply_ticket", "contractor-3", "سپاس. هزینهٔ دوره چقدر است؟", days=1),
            Turn("answer_ticket", "unit-education", "برای اعضا رایگان است."),
        ),
    ),
    Request(
        age=27,
        by=HOSSEIN,
        unit="secretariat",
        priority="very_urgent",
        title="پاسخ نامهٔ وارده",
        body="نامه‌ای که سه هفته پیش به دبیرخانه داده‌ام هنوز پاسخ داده نشده است.",
        turns=(
            Turn("escalate_ticket", HOSSEIN, "دو روز کاری گذشت و کسی پاسخ نداد. خواهشمندم رسیدگی بفرمایید."),
            Turn("answer_escalation", "president", "پوزش می‌خواهم. نامه پیدا شد و پاسخ آن امروز پست می‌شود.", days=1),
        ),
    ),
    Request(
        age=9,
        by=FATEMEH,
        unit="finance",
        priority="urgent",
        title="استرداد وجه پرداخت اضافی",
        body="حق عضویت را دو بار پرداخت کرده‌ام. خواهشمندم مبلغ اضافی برگردانده شود.",
        photo=True,
        turns=(Turn("escalate_ticket", FATEMEH, "با وجود پیگیری تلفنی پاسخی نگرفته‌ام."),),
    ),
    Request(
        age=6.5,
        by="12-10-00517",
        unit="information_technology",
        priority="normal",
        title="ورود با شمارهٔ عضویت",
        body="با شمارهٔ عضویت جدید نمی‌توانم وارد سامانه شوم.",
    ),
    Request(
        age=3,
        by="12-30-01301",
        unit="gas_inspection",
        priority="normal",
        title="اصلاح منطقهٔ فعالیت",
        body="خواهشمندم منطقهٔ ۶ را به منطقه‌های فعالیت من بیفزایید.",
        turns=(Turn("answer_ticket", "unit-gas-inspection", "در «کاربرگ بازرسی» خودتان می‌توانید آن را بیفزایید."),),
    ),
    Request(
        age=0.9,
        by=MOHAMMAD,
        unit="information_technology",
        priority="very_urgent",
        title="خطا در بارگذاری فایل",
        body="هنگام بارگذاری فایل با پیام خطا روبه‌رو می‌شوم.",
        photo=True,
    ),
    Request(
        age=0.7,
        by="contractor",
        unit="information_technology",
        priority="low",
        title="تغییر شمارهٔ همراه",
        body="شمارهٔ همراه شرکت تغییر کرده است. چگونه آن را در سامانه عوض کنم؟",
    ),
    Request(
        age=0.5,
        by=FATEMEH,
        unit="membership",
        priority="normal",
        title="مدارک پروانهٔ عضویت",
        body="برای تمدید پروانهٔ عضویت چه مدارکی لازم است؟",
        draft=True,
    ),
)


def stories(stage: Stage) -> Iterator[tuple[datetime, Waits]]:
    """The stories of the tickets, each with the moment it begins."""
    for request in REQUESTS:
        yield stage.awake(stage.end - timedelta(days=request.age)), _tell(stage, request)


def _tell(stage: Stage, request: Request) -> Waits:
    by = stage.actors[request.by]
    case = stage.starts(by, "ticket")
    yield timedelta(minutes=4)
    values = {"unit": request.unit, "priority": request.priority, "title": request.title, "body": request.body}
    if request.draft:
        stage.types(by, case, "submit_ticket", values)
        return
    files = [stage.adds_photo(by, case)] if request.photo else []
    stage.does(by, case, "submit_ticket", **values, files=files)
    for turn in request.turns:
        yield stage.in_office(days=turn.days)
        while not stage.waits_for(case, turn.task):  # an escalation waits for the deadline
            yield HALF_A_DAY
        stage.does(stage.actors[turn.by], case, turn.task, **_values(stage, case, turn))


def _values(stage: Stage, case: int, turn: Turn) -> dict[str, str]:
    if turn.unit:
        return {"unit": turn.unit, "note": turn.text}
    if turn.task == "escalate_ticket":
        return {"tracking_number": stage.number_of(case), "body": turn.text}
    return {"body": turn.text}
