"""Plans of the demo's projects, dealt from a deck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from workflows.demo.people import NOBODY_FREE

Waits = Iterator[timedelta]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The course of a project. ``age``: its start, at least and at most so many days ago."""

    age: tuple[float, float]
    known: bool = False  # stands on a property that the organisation knows
    region: int | None = None
    stops_at: str = ""  # this task stays open
    draft: bool = False  # … with a half-filled form
    cancelled_at: str = ""
    changes: bool = False  # goes back to the owner once
    pays: tuple[str, ...] = ("pay",)  # the bank's decisions, one for each try; "open": the payer is there now
    pays_twice: bool = False  # the payment that was given up comes after all (PAY-2)
    appointed: bool = False  # the gas office appoints the inspector, where the rules chose nobody
    claimed: bool = False  # … or has taken the task and not done it yet
    work: str = ""  # surface | concealed; else by chance
    visits: tuple[str, ...] = ()  # the outcomes of the inspector's visits; "": a visit that is still ahead
    wrong_meter: bool = False  # the first visit finds a meter different from the registered one (INS-11)
    corrects: bool = False  # the inspector corrects the first report (INS-14)
    stays: bool = False  # the contractor leaves open what the last visit asks for: a debt, a meter
    leaves: str = ""  # withdraw | dismiss_inspector: after the first visit
    certificate: str = ""  # requested | rejected | issued | revoked
    supervised: str = ""  # suspend | cancel


OLD, RECENT, FRESH, LONG = (14, 140), (4, 15), (0.3, 2), (85, 145)
SUB_WORKS = ("sub_work",) * 4  # the fourth is not prepaid any more (INS-7)
BOTH = ("approved", "approved")  # the two stages

DECK = (
    Plan(age=LONG, work="concealed", visits=(*SUB_WORKS, *BOTH), certificate="issued"),
    Plan(age=RECENT, stops_at="register_meters", draft=True),
    Plan(age=RECENT, visits=("",), known=True),
    Plan(age=(6, 30), region=NOBODY_FREE),
    Plan(age=(50, 62), work="concealed", visits=SUB_WORKS, stays=True),
    Plan(age=OLD, cancelled_at="review_invoice"),
    Plan(age=LONG, visits=BOTH, certificate="revoked"),
    Plan(age=RECENT, stops_at="review_invoice"),
    Plan(age=(16, 28), visits=("defects",), wrong_meter=True, stays=True),
    Plan(age=OLD, visits=("absent_without_fee", *BOTH), changes=True, certificate="issued"),
    Plan(age=(6, 10), pays=("open",)),
    Plan(age=(6, 20), visits=()),
    Plan(age=(24, 34), visits=("absent_without_fee", ""), leaves="dismiss_inspector"),
    Plan(age=RECENT, stops_at="upload_documents", known=True),
    Plan(age=(10, 60), region=NOBODY_FREE, known=True, appointed=True, visits=BOTH),
    Plan(age=(16, 28), visits=("absent_with_fee",), stays=True, known=True),
    Plan(age=OLD, visits=BOTH, pays=("fail", "pay"), known=True),
    Plan(age=FRESH, stops_at="choose_property"),
    Plan(age=(28, 40), visits=("approved", ""), known=True),
    Plan(age=RECENT, pays=("fail",)),
    Plan(age=(34, 46), visits=BOTH, certificate="requested"),
    Plan(age=(1, 4), stops_at="register_property", draft=True),
    Plan(age=(5, 16), visits=("absent_without_fee", "")),
    Plan(age=RECENT, stops_at="register_owner", known=True),
    Plan(age=LONG, visits=("defects", *BOTH), wrong_meter=True, corrects=True, certificate="issued"),
    Plan(age=OLD, cancelled_at="register_meters", known=True),
    Plan(age=RECENT, stops_at="register_building"),
    Plan(age=LONG, visits=BOTH, pays=("cancel", "pay"), certificate="rejected"),
    Plan(age=(6, 20), visits=("",), changes=True),
    Plan(age=(6, 12), region=NOBODY_FREE, claimed=True),
    Plan(age=(24, 34), visits=("absent_without_fee", ""), leaves="withdraw", known=True),
    Plan(age=(2, 6), stops_at="find_property", known=True),
    Plan(age=(6, 40), pays=("give_up", "pay"), pays_twice=True, visits=BOTH),
    Plan(age=LONG, visits=("approved", "absent_with_fee", "approved"), known=True, certificate="issued"),
    Plan(age=(10, 50), stops_at="review_invoice", supervised="suspend"),
    Plan(age=OLD, visits=BOTH),
    Plan(age=(20, 120), stops_at="upload_documents", supervised="cancel"),
)
