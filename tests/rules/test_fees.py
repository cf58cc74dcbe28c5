"""What a contractor pays (FEE-1 to FEE-3, INS-7, INS-8, INS-11), by the tariff of 1396."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.rules.fees import FeeLine, MeterForFee, registration_lines, total
from workflows.rules.inspection_fees import MARKS_METERS, ReportFee, difference, lines_of_report

SURFACE_TARIFF = {  # class: (inspection of each stage, repeated visit), Rials
    "G4": (690_000, 390_000),
    "G6": (730_000, 410_000),
    "G10": (770_000, 430_000),
    "G16": (810_000, 450_000),
    "G25": (850_000, 470_000),
    "G40": (1_500_000, 800_000),
    "G65": (1_700_000, 900_000),
    "G100": (2_300_000, 1_200_000),
}


STAGES = {
    "surface": [("pre_inspection", 1), ("final_inspection", 1)],
    "concealed": [("sub_work", 3), ("final_inspection", 1)],
}


def prepaid(meters: list[MeterForFee], work_type: str) -> list[FeeLine]:
    return registration_lines(meters, work_type, stages=STAGES[work_type], tariff=tariff)


def tariff(meter: MeterForFee, work_type: str, item: str) -> int:
    amount = SURFACE_TARIFF[meter.meter_class][("inspection", "repeated_visit").index(item)]
    return {"surface": amount, "concealed": amount * 5 // 4}[work_type]


meters = st.lists(st.sampled_from(sorted(SURFACE_TARIFF)), max_size=40).map(
    lambda classes: [MeterForFee(number, each) for number, each in enumerate(classes, start=1)]
)


@pytest.mark.rule("FEE-1")
def test_surface_work_prepays_two_inspections_of_each_meter():
    lines = prepaid([MeterForFee(1, "G4"), MeterForFee(2, "G6")], "surface")

    assert [(line.meter_number, line.stage, line.quantity, line.amount) for line in lines] == [
        (1, "pre_inspection", 1, 690_000),
        (1, "final_inspection", 1, 690_000),
        (2, "pre_inspection", 1, 730_000),
        (2, "final_inspection", 1, 730_000),
    ]
    assert {line.item for line in lines} == {"inspection"}
    assert [line.meter_class for line in lines] == ["G4", "G4", "G6", "G6"]


@pytest.mark.rule("FEE-2")
def test_concealed_work_prepays_three_sub_works_and_the_final_inspection():
    lines = prepaid([MeterForFee(1, "G4")], "concealed")

    assert [(line.stage, line.quantity, line.unit_amount, line.amount) for line in lines] == [
        ("sub_work", 3, 862_500, 2_587_500),
        ("final_inspection", 1, 862_500, 862_500),
    ]
    assert total(lines) == 3_450_000


def of_report(item: str, which: str, *classes: str, marked: set[int], work_type: str, stage: str) -> list[FeeLine]:
    meters = [MeterForFee(number, each) for number, each in enumerate(classes, start=1)]
    fee = ReportFee(item, which)
    return lines_of_report(fee, meters, marked=marked, work_type=work_type, stage=stage, tariff=tariff)


@pytest.mark.rule("INS-7")
def test_a_fourth_sub_work_costs_one_stage_of_all_meters():
    lines = of_report("inspection", "all", "G4", "G100", marked=set(), work_type="concealed", stage="sub_work")
    assert [line.amount for line in lines] == [862_500, 2_875_000]
    assert {line.stage for line in lines} == {"sub_work"}


@pytest.mark.rule("INS-8")
def test_a_repeated_visit_costs_its_own_fee_for_each_marked_meter():
    lines = of_report("repeated_visit", "marked", "G4", "G6", marked={2}, work_type="surface", stage="final_inspection")
    assert [(line.meter_number, line.item, line.amount) for line in lines] == [(2, "repeated_visit", 410_000)]


@pytest.mark.rule("INS-6")
def test_what_costs_nothing_has_no_lines_and_what_costs_has_a_meter():
    assert of_report("none", "none", "G4", marked=set(), work_type="surface", stage="pre_inspection") == []
    with pytest.raises(ValueError, match="repeated_visit without a meter"):
        of_report("repeated_visit", "marked", "G4", marked=set(), work_type="surface", stage="pre_inspection")


@pytest.mark.rule("INS-11")
@pytest.mark.parametrize(
    ("before", "after", "amount", "lines"),
    [
        ("G4", "G10", 4 * 100_000, [("sub_work", 3, 100_000), ("final_inspection", 1, 100_000)]),
        ("G10", "G4", -4 * 100_000, []),
        ("G4", "G4", 0, []),
    ],
)
def test_a_corrected_meter_costs_the_difference_of_all_that_was_prepaid_or_is_credited(before, after, amount, lines):
    found = difference(
        MeterForFee(1, after),
        before=MeterForFee(1, before),
        prepaid=dict(STAGES["concealed"]),
        work_type="concealed",
        tariff=tariff,
    )
    assert found.amount == amount
    assert [(line.stage, line.quantity, line.unit_amount) for line in found.lines] == lines
    assert {line.item for line in found.lines} <= {"class_difference"}
    assert {(line.meter_number, line.meter_class) for line in found.lines} <= {(1, after)}


@pytest.mark.rule("INS-11", "FEE-3")
def test_a_difference_of_one_rial_is_to_be_paid():
    prices = {"G4": 1, "G6": 2}
    found = difference(
        MeterForFee(1, "G6"),
        before=MeterForFee(1, "G4"),
        prepaid={"final_inspection": 1},
        work_type="surface",
        tariff=lambda meter, _work_type, _item: prices[meter.meter_class],
    )
    assert (found.amount, [line.amount for line in found.lines]) == (1, [1])


@pytest.mark.rule("FEE-3")
@given(meters, st.sampled_from(["surface", "concealed"]))
def test_an_invoice_is_the_sum_of_its_lines_in_whole_rials(group, work_type):
    lines = prepaid(group, work_type)

    stages = 2 if work_type == "surface" else 4
    expected = sum(stages * tariff(meter, work_type, "inspection") for meter in group)
    assert total(lines) == sum(line.quantity * line.unit_amount for line in lines) == expected
    assert all(type(line.amount) is int and line.amount > 0 for line in lines)
    assert len({(line.meter_number, line.stage) for line in lines}) == len(lines) == 2 * len(group)


@pytest.mark.rule("FEE-1", "FEE-2")
@given(meters)
def test_concealed_work_costs_two_and_a_half_times_surface_work(group):
    surface, concealed = (total(prepaid(group, kind)) for kind in ("surface", "concealed"))

    assert concealed * 2 == surface * 5  # four inspections for two, each 25 % dearer


@pytest.mark.rule("FEE-3")
@pytest.mark.parametrize("odd", [862_500.0, Decimal("862500"), "862500", True, None, 0, -1])
def test_a_tariff_that_gives_no_whole_rials_is_refused_and_never_rounded(odd):
    with pytest.raises(ValueError, match="G4, concealed, inspection"):
        registration_lines([MeterForFee(1, "G4")], "concealed", stages=[("sub_work", 3)], tariff=lambda *_: odd)


def test_an_unknown_type_of_work_has_no_fee():
    with pytest.raises(ValueError, match="'buried'"):
        registration_lines([MeterForFee(1, "G4")], "buried", stages=[], tariff=tariff)


@pytest.mark.rule("FEE-3")
def test_one_rial_is_a_fee():
    lines = registration_lines([MeterForFee(1, "G4")], "surface", stages=[("x", 1)], tariff=lambda *_: 1)
    assert total(lines) == 1


@pytest.mark.rule("INS-5")
def test_absences_and_defects_are_of_certain_meters():
    assert {"absent_with_fee", "absent_without_fee", "defects"} == MARKS_METERS
