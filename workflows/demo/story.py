"""The stories of demo projects: how far each one gets, and what happens to it on the way.

A story is a generator: each ``yield`` says how long nothing happens. Whoever plays it stops at the present, so
the youngest stories are left in the middle.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.actor import Actor
from workflows.demo.inspection import Inspection
from workflows.demo.invention import CANCEL_REASONS
from workflows.demo.people import INSPECTORS, NOBODY_FREE
from workflows.demo.plan import Plan, Waits
from workflows.demo.stage import Stage

PROCESS = "project_registration"

APPOINTED = "نزدیک‌ترین بازرس با ظرفیت آزاد؛ تلفنی با ایشان هماهنگ شد."
SUPERVISED = {
    "suspend": "تا پاسخ شهرداری دربارهٔ پلاک ثبتی متوقف شد.",
    "cancel": "پرونده دو بار ثبت شده بود؛ پروندهٔ دیگر ادامه می‌یابد.",
}


class Story:
    """A project of a contractor."""

    def __init__(self, stage: Stage, plan: Plan, contractor: Actor) -> None:
        self.stage = stage
        self.plan = plan
        self.by = contractor
        self.case_id = 0
        self._building = stage.invention.building()
        self._building["work_type"] = plan.work or self._building["work_type"]

    def tell(self) -> Waits:
        """The whole story, from the start of the case to where the plan ends."""
        self.case_id = self.stage.starts(self.by, PROCESS)
        steps, changes = self._steps(), self.plan.changes
        while steps:
            key = steps.pop(0)
            yield self.stage.soon()
            if key in (self.plan.stops_at, self.plan.cancelled_at):
                yield from self._ends_at(key)
                return
            if key == "review_invoice":
                break
            self._fills_in(key)
            if key == "register_meters" and changes:
                yield self.stage.soon()
                self.stage.does(self.by, self.case_id, "change_step", step="register_owner")
                steps, changes = self._steps()[2:], False
        yield from self._pays()

    # Registration

    def _steps(self) -> list[str]:
        way = "find_property" if self.plan.known else "register_property"
        return [
            "choose_property",
            way,
            "register_owner",
            "register_building",
            "register_meters",
            "upload_documents",
            "review_invoice",
        ]

    def _fills_in(self, key: str) -> None:
        self.stage.does(self.by, self.case_id, key, **self._values(key))

    def _values(self, key: str) -> dict[str, Any]:
        invention = self.stage.invention
        if key == "choose_property":
            return {"source": "existing" if self.plan.known else "new"}
        if key == "register_property":
            return invention.property(self.plan.region)
        if key == "find_property":
            return self._search()
        if key == "register_owner":
            return invention.owner()
        if key == "register_building":
            return self._building
        if key == "register_meters":
            return {"meters": invention.meters(), "all_registered": True}
        return {"documents": self.stage.adds_papers(self.by, self.case_id, self._building["work_type"])}

    def _search(self) -> dict[str, Any]:
        """A search by one of the three ways, and the property it finds (REG-3)."""
        region = self.plan.region
        properties = [known for known in self.stage.known if known.region == (region or known.region)]
        if region is None:
            properties = [known for known in properties if known.region != NOBODY_FREE]
        target = self.stage.random.choice(properties)
        ways: list[dict[str, Any]] = [
            {"property_code": target.code},
            {"region": target.region, "main_plate": target.main_plate, "sub_plate": target.sub_plate},
            {"renovation_code": target.renovation_code},
        ]
        return {**self.stage.random.choice(ways), "property": target.id}

    def _ends_at(self, key: str) -> Waits:
        if self.plan.cancelled_at:
            reason = self.stage.random.choice(CANCEL_REASONS)
            self.stage.does(self.by, self.case_id, "cancel_registration", reason=reason)
        elif self.plan.draft:
            values = self._values(key)
            draft = {name: value for name, value in values.items() if name != "all_registered"}
            self.stage.types(self.by, self.case_id, key, draft)
        if self.plan.supervised:
            yield self.stage.in_office(days=3)
            self._is_supervised()

    def _is_supervised(self) -> None:
        engine, supervisor = self.stage.engine, self.stage.actors["supervisor"]
        reason = SUPERVISED[self.plan.supervised]
        act = engine.supervision.suspend if self.plan.supervised == "suspend" else engine.supervision.cancel_case
        with engine.transaction() as session:
            act(session, self.case_id, by=supervisor, reason=reason)

    # Payment

    def _pays(self) -> Waits:
        for number, decision in enumerate(self.plan.pays):
            if decision == "open":
                yield self.stage.until(self.stage.end - timedelta(minutes=self.stage.random.uniform(2, 20)))
            elif number:
                yield self.stage.soon()
            self.stage.does(self.by, self.case_id, "review_invoice")
            self.stage.work()
            if decision == "open":
                return
            yield timedelta(seconds=self.stage.random.uniform(40, 240))
            if decision == "give_up":
                self.stage.does(self.by, self.case_id, "cancel_payment")
                self.stage.work()
            else:
                self.stage.pays(self.by, self.case_id, decision)
        if self.plan.pays_twice:
            yield timedelta(minutes=5)
            self.stage.pays(self.by, self.case_id, "pay", earlier=1)
        if self.plan.pays[-1] == "pay":
            yield from self._assigned()

    # Inspector and visits

    def _assigned(self) -> Waits:
        if self.stage.waits_for(self.case_id, "assign_by_hand"):
            yield self.stage.in_office(days=0.8)
            if not self._is_appointed():
                return
        inspection = self.stage.inspection_of(self.case_id)
        if inspection is not None:
            yield from Inspection(self.stage, self.plan, self.by, project_id=self.case_id, case_id=inspection).tell()

    def _is_appointed(self) -> bool:
        officer = self.stage.actors["gas-office"]
        if self.plan.claimed:
            self.stage.claims(officer, self.case_id, "assign_by_hand")
        if not self.plan.appointed:
            return False
        inspector = self.stage.actors[self.stage.random.choice(INSPECTORS[1:8])]
        self.stage.does(officer, self.case_id, "assign_by_hand", inspector=inspector.person_id, note=APPOINTED)
        return True
