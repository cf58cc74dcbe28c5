"""The inspections of demo projects: visits, debts, wrong meters, inspectors who leave, and the certificate."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.actor import Actor
from models.gas import Meter
from models.jalali import jalali_text
from workflows.demo.invention import DISMISSALS, REJECTION, REMARKS, REPORTS, REVOCATION
from workflows.demo.plan import Plan, Waits
from workflows.demo.stage import Stage
from workflows.rules.inspection_fees import DEFECTS, MARKS_METERS

LARGER, SMALLER = 1.6, 0.5  # a meter that is put right has so much of what was registered
CORRECTION = "کنتوری که در گزارش آمده در طبقهٔ دوم است، نه اول؛ نتیجه همان است."
MISMATCH = "زیربنای این واحد با آنچه ثبت شده یکی نیست."


class Inspection:
    """The course of a paid project of a contractor, as far as its plan goes."""

    def __init__(self, stage: Stage, plan: Plan, contractor: Actor, *, project_id: int, case_id: int) -> None:
        self.stage = stage
        self.plan = plan
        self.by = contractor
        self.project_id = project_id  # the registration's case
        self.case_id = case_id

    def tell(self) -> Waits:
        for count, outcome in enumerate(self.plan.visits):
            if count == 1 and self.plan.leaves:
                yield self.stage.in_office(days=2)
                self._inspector_leaves()
            if not self.stage.waits_for(self.case_id, "schedule_visit"):
                return  # no inspector could take it
            yield from self._is_visited(outcome, first=count == 0)
            if not outcome or (self.plan.stays and count == len(self.plan.visits) - 1):
                return
            yield from self._puts_right()
        if self.plan.certificate:
            yield from self._is_certified()

    # The inspector

    def _is_visited(self, outcome: str, *, first: bool) -> Waits:
        """Without an outcome the visit is still ahead."""
        stage, office = self.stage, self.stage.office
        yield stage.in_office(days=1)
        inspector = stage.inspector_of(self.project_id)
        day = office.add_working_days(stage.now, stage.random.randrange(2, 7)).astimezone(office.zone)
        visit = day.replace(hour=stage.random.randrange(8, 14), minute=30, second=0, microsecond=0)
        when = {"visit_date": jalali_text(visit.date()), "visit_time": f"{visit:%H:%M}"}
        stage.does(inspector, self.case_id, "schedule_visit", **when)
        if not outcome:
            return
        yield stage.until(visit + timedelta(minutes=stage.random.uniform(40, 300)))
        stage.does(inspector, self.case_id, "record_report", **self._report(inspector, outcome, first=first))
        if first and self.plan.corrects:
            yield stage.in_office(days=1)
            stage.does(inspector, self.case_id, "correct_report", report=1, report_text=CORRECTION)

    def _report(self, inspector: Actor, outcome: str, *, first: bool) -> dict[str, Any]:
        wrong = first and self.plan.wrong_meter
        return {
            "outcome": outcome,
            "report_text": self.stage.random.choice(REPORTS[outcome]),
            "meters": [1] if outcome in MARKS_METERS else [],
            "mismatches": [{"meter": 1, "remark": MISMATCH}] if wrong else [],
            "photos": [self.stage.adds_photo(inspector, self.case_id)] if outcome == DEFECTS else [],
        }

    def _inspector_leaves(self) -> None:
        if self.plan.leaves == "withdraw":
            self.stage.does(self.stage.inspector_of(self.project_id), self.case_id, "withdraw", confirmed=True)
        else:
            reason = self.stage.random.choice(DISMISSALS)
            self.stage.does(self.stage.actors["gas-office"], self.case_id, "dismiss_inspector", reason=reason)

    # The contractor

    def _puts_right(self) -> Waits:
        """Correct the mismatched meters and pay the debt."""
        while self.stage.waits_for(self.case_id, "correct_meter"):
            yield self.stage.in_office(days=1)
            meter = self.stage.project_of(self.project_id).meters[0]
            self.stage.does(self.by, self.case_id, "correct_meter", **self._as_it_is(meter))
        while self.stage.waits_for(self.case_id, "pay_debt"):
            yield self.stage.in_office(days=1.5)
            self.stage.does(self.by, self.case_id, "pay_debt")
            self.stage.work()
            yield timedelta(seconds=self.stage.random.uniform(40, 240))
            self.stage.pays(self.by, self.case_id, "pay")

    def _as_it_is(self, meter: Meter) -> dict[str, Any]:
        share = self.stage.random.choice((LARGER, SMALLER))
        return {
            "units": meter.units,
            "usage": meter.usage,
            "floor_area": round(float(meter.floor_area) * share, 1),
            "consumption": round(float(meter.consumption) * min(share, 1), 2),
        }

    # The certificate

    def _is_certified(self) -> Waits:
        stage, outcome = self.stage, self.plan.certificate
        yield stage.in_office(days=2)
        number = stage.number_of(self.project_id)
        remarks = stage.random.choice(REMARKS)
        request = stage.asks(self.by, "confirmation_issuance", project=number, remarks=remarks)
        if outcome == "requested":
            return
        yield stage.in_office(days=1)
        decision = {"decision": "reject", "reason": REJECTION} if outcome == "rejected" else {"decision": "approve"}
        stage.does(stage.inspector_of(self.project_id), request, "review_confirmation", **decision)
        if outcome == "revoked":
            yield stage.in_office(days=6)
            officer, certificate = stage.actors["gas-office"], stage.certificate_of(request)
            stage.asks(officer, "certificate_revocation", certificate=certificate, reason=REVOCATION)
