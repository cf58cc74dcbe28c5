"""What a contractor pays, line by line, in whole Rials (FEE-1 to FEE-3, INS-7 to INS-9)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

INSPECTION = "inspection"
REPEATED_VISIT = "repeated_visit"

PRE_INSPECTION = "pre_inspection"
SUB_WORK = "sub_work"
FINAL_INSPECTION = "final_inspection"

SURFACE = "surface"
CONCEALED = "concealed"

PREPAID_STAGES = {
    SURFACE: [(PRE_INSPECTION, 1), (FINAL_INSPECTION, 1)],  # FEE-1
    CONCEALED: [(SUB_WORK, 3), (FINAL_INSPECTION, 1)],  # FEE-2
}

Tariff = Callable[[str, str, str], int]  # (meter class, work type, item) → Rials


@dataclass(frozen=True)
class MeterForFee:
    number: int  # its row, from 1
    meter_class: str


@dataclass(frozen=True, kw_only=True)
class FeeLine:
    """One line of an invoice; the fields are those of ``InvoiceLine``."""

    meter_number: int
    meter_class: str
    item: str
    stage: str
    quantity: int
    unit_amount: int

    @property
    def amount(self) -> int:
        return self.quantity * self.unit_amount


def registration_lines(meters: Sequence[MeterForFee], work_type: str, *, tariff: Tariff) -> list[FeeLine]:
    """What is prepaid at registration: every stage of the work type, for each meter."""
    if work_type not in PREPAID_STAGES:
        raise ValueError(f"Not a type of work: {work_type!r}")
    return [
        _line(meter, work_type, tariff, item=INSPECTION, stage=stage, quantity=quantity)
        for meter in meters
        for stage, quantity in PREPAID_STAGES[work_type]
    ]


def stage_lines(meters: Sequence[MeterForFee], work_type: str, *, stage: str, tariff: Tariff) -> list[FeeLine]:
    """One more inspection of ``stage``, all meters: a fourth sub-work, or one more than was prepaid."""
    return [_line(meter, work_type, tariff, item=INSPECTION, stage=stage) for meter in meters]


def repeated_visit_lines(meters: Sequence[MeterForFee], work_type: str, *, stage: str, tariff: Tariff) -> list[FeeLine]:
    """A repeated visit in ``stage``, for the marked meters: after defects, or an absence with a fee."""
    return [_line(meter, work_type, tariff, item=REPEATED_VISIT, stage=stage) for meter in meters]


def total(lines: Iterable[FeeLine]) -> int:
    return sum(line.amount for line in lines)


def _line(meter: MeterForFee, work_type: str, tariff: Tariff, *, item: str, stage: str, quantity: int = 1) -> FeeLine:
    unit_amount = tariff(meter.meter_class, work_type, item)
    if type(unit_amount) is not int or unit_amount <= 0:  # a fraction is the table's fault, not rounded here
        where = f"{meter.meter_class}, {work_type}, {item}"
        raise ValueError(f"The tariff gives {unit_amount!r} for {where}: not whole Rials")
    return FeeLine(
        meter_number=meter.number,
        meter_class=meter.meter_class,
        item=item,
        stage=stage,
        quantity=quantity,
        unit_amount=unit_amount,
    )
