"""Debts of a contractor by the rules of the guides, computed apart from the product: nothing of it is imported."""

from __future__ import annotations

from dataclasses import dataclass, field

TARIFF = {  # class: (inspection of each stage, repeated visit), Rials, surface work; concealed work costs 25 % more
    "G4": (690_000, 390_000),
    "G6": (730_000, 410_000),
    "G10": (770_000, 430_000),
    "G16": (810_000, 450_000),
    "G25": (850_000, 470_000),
    "G40": (1_500_000, 800_000),
    "G65": (1_700_000, 900_000),
    "G100": (2_300_000, 1_200_000),
}
AREAS = {"G4": 100, "G6": 200, "G10": 300, "G16": 600, "G25": 1000, "G40": 1500, "G65": 2500, "G100": 4000}
PREPAID_SUB_WORKS = 3


def inspection_fee(meter_class: str, work: str) -> int:
    return TARIFF[meter_class][0] * (5 if work == "concealed" else 4) // 4


def repeated_visit_fee(meter_class: str, work: str) -> int:
    return TARIFF[meter_class][1] * (5 if work == "concealed" else 4) // 4


@dataclass
class Book:
    """A project's stage and the cost of each of its reports in Rials (INS-6 to INS-9)."""

    work: str
    meters: dict[int, str]  # number → class
    stage: int = 1  # 1 and 2; 3: approved
    sub_works: int = 0
    invoiced: list[int] = field(default_factory=list)

    @property
    def outcomes(self) -> list[str]:
        """Outcomes that an inspector may record now."""
        others = ["approved", "defects", "absent_with_fee", "absent_without_fee"]
        return [*others, "sub_work"] if self.work == "concealed" and self.stage == 1 else others

    def report(self, outcome: str, *marked: int) -> int:
        """Write a report down. Returns what it costs."""
        cost = 0
        if outcome == "approved":
            self.stage += 1
        elif outcome == "sub_work":
            self.sub_works += 1
            if self.sub_works > PREPAID_SUB_WORKS:
                cost = sum(inspection_fee(each, self.work) for each in self.meters.values())
        elif outcome in ("defects", "absent_with_fee"):
            cost = sum(repeated_visit_fee(self.meters[number], self.work) for number in marked)
        if cost:
            self.invoiced.append(cost)
        return cost

    def correct(self, number: int, meter_class: str) -> int:
        """A meter has another class. Returns what all its prepaid inspections cost more; less is a credit (INS-11)."""
        prepaid = 4 if self.work == "concealed" else 2
        more = inspection_fee(meter_class, self.work) - inspection_fee(self.meters[number], self.work)
        self.meters[number] = meter_class
        if more > 0:
            self.invoiced.append(more * prepaid)
        return more * prepaid


def meter(meter_class: str) -> dict[str, object]:
    """A meter of this class, as a contractor registers it."""
    return {"units": 1, "usage": "residential", "floor_area": AREAS[meter_class], "consumption": 1}
