"""Fees of inspection reports, and differences of corrected meters (INS-5 to INS-9, INS-11).

``report_fee.dmn`` decides the item and the meters of a report's fee; the tariff has the amounts in whole Rials.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from workflows.rules.fees import FeeLine, MeterForFee, Tariff, item_line

NONE = "none"
NOT_POSSIBLE = "not_possible"  # the table's key of an outcome that this work or stage does not have
CLASS_DIFFERENCE = "class_difference"  # item of a line for the difference to a larger class

SUB_WORK = "sub_work"
DEFECTS = "defects"
ABSENCES = frozenset({"absent_with_fee", "absent_without_fee"})
MARKS_METERS = ABSENCES | {DEFECTS}  # outcomes that name certain meters (INS-5)


@dataclass(frozen=True)
class ReportFee:
    """An answer of ``report_fee.dmn``: ``item`` is none, inspection, repeated_visit or not_possible."""

    item: str
    meters: str  # none | all | marked


def lines_of_report(
    fee: ReportFee,
    meters: Sequence[MeterForFee],
    *,
    marked: Collection[int],
    work_type: str,
    stage: str,
    tariff: Tariff,
) -> list[FeeLine]:
    """Invoice lines of a report: none, another stage for all meters, or a repeated visit for the marked meters."""
    if fee.item == NONE:
        return []
    meant = [meter for meter in meters if fee.meters == "all" or meter.number in marked]
    if not meant:
        raise ValueError(f"A report that costs {fee.item} without a meter")
    return [item_line(meter, work_type, tariff, item=fee.item, stage=stage) for meter in meant]


@dataclass(frozen=True)
class Difference:
    """Effect of a corrected meter: lines to pay, or a negative ``amount`` (Rials) to credit."""

    amount: int
    lines: list[FeeLine]


def difference(
    meter: MeterForFee, *, before: MeterForFee, prepaid: Mapping[str, int], work_type: str, tariff: Tariff
) -> Difference:
    """Rials that a meter's ``prepaid`` stages (stage → number) cost more than those of the same meter ``before``."""
    more = tariff(meter, work_type, "inspection") - tariff(before, work_type, "inspection")
    amount = sum(more * quantity for quantity in prepaid.values())
    if amount <= 0:
        return Difference(amount, [])
    lines = [
        FeeLine(
            meter_number=meter.number,
            meter_class=meter.meter_class,
            item=CLASS_DIFFERENCE,
            stage=stage,
            quantity=quantity,
            unit_amount=more,
        )
        for stage, quantity in prepaid.items()
    ]
    return Difference(amount, lines)
