"""Kavenegar, against a server that speaks its protocol and has its faults."""

import logging
from collections.abc import Iterator

import httpx
import pytest

from tests.providers.kavenegar_server import KEY, KavenegarServer
from workflows.providers.errors import ProviderError
from workflows.providers.kavenegar import Kavenegar
from workflows.providers.on_screen import OnScreenOutbox
from workflows.providers.sms import SentSms, SmsProvider

MOBILE = "09121234567"
TEXT = "کد رهگیری شما ۱۲۳۴ است.\nسامانهٔ کارتابل & همکاران"


@pytest.fixture
def telephone() -> Iterator[KavenegarServer]:
    with KavenegarServer() as server:
        yield server


@pytest.fixture
def sms(telephone: KavenegarServer) -> Iterator[Kavenegar]:
    with httpx.Client(trust_env=False) as client:
        yield Kavenegar(KEY, "10004346", base_url=telephone.url, timeout=0.4, client=client)


def send(sms: SmsProvider, message_id: str = "17", text: str = TEXT, receiver: str = MOBILE) -> SentSms:
    return sms.send(receiver=receiver, text=text, message_id=message_id)


@pytest.mark.rule("SMS-1")
def test_a_message_arrives_as_it_was_written(sms, telephone):
    assert send(sms) == SentSms(provider_id="8000001")

    sent = telephone.sent[0]
    assert (sent["receptor"], sent["message"], sent["sender"]) == (MOBILE, TEXT, "10004346")


def test_an_account_with_one_line_needs_no_sender(telephone):
    with httpx.Client(trust_env=False) as client:
        send(Kavenegar(KEY, base_url=telephone.url, timeout=0.4, client=client))

    assert "sender" not in telephone.sent[0]


def test_entries_may_be_an_object(sms, telephone):
    telephone.entries_as_object = True

    assert send(sms).provider_id == "8000001"


@pytest.mark.rule("SMS-1")
@pytest.mark.parametrize(
    "fault",
    ["timeout_after_work", "drip", "cut", "500_after_work", "garbage", "array", "empty", "too_big", "packed"],
)
def test_a_message_whose_answer_was_lost_is_not_sent_twice(sms, telephone, fault):
    telephone.next_fault = fault

    with pytest.raises(ProviderError) as lost:
        send(sms)

    assert (lost.value.permanent, lost.value.uncertain) == (False, fault != "500_after_work")
    assert send(sms).provider_id == "8000001"
    assert len(telephone.sent) == 1


@pytest.mark.rule("SMS-1")
@pytest.mark.parametrize("fault", ["timeout_before", "500", "redirect"])
def test_a_message_that_was_not_taken_is_sent_with_the_next_attempt(sms, telephone, fault):
    telephone.next_fault = fault
    with pytest.raises(ProviderError) as untaken:
        send(sms)
    assert (untaken.value.permanent, untaken.value.uncertain) == (False, fault == "timeout_before")

    send(sms)

    assert len(telephone.sent) == 1


def test_two_messages_with_one_text_are_two(sms, telephone):
    send(sms, "17")
    send(sms, "18")

    assert len(telephone.sent) == 2


def test_message_17_of_a_fresh_database_is_another_message(sms, telephone):
    send(sms)
    send(sms, text="پیام دیگری با همان شماره")
    send(sms, receiver="09120000000")

    assert len(telephone.sent) == 3


@pytest.mark.parametrize("status", [411, 413, 414, 417, 420, 422, 428, 431, 501])
def test_what_is_wrong_with_the_message_itself_is_permanent(sms, telephone, status):
    telephone.refuse_with = status
    telephone.refuse_http = 200 if status == 501 else None  # judged by the body

    with pytest.raises(ProviderError, match=f"{status} پذیرفته نشد") as refused:
        send(sms)

    assert (refused.value.permanent, refused.value.uncertain) == (True, False)


@pytest.mark.rule("SMS-1")
@pytest.mark.parametrize("status", [402, 403, 407, 409, 412, 416, 418, 424, 426, 429, 432, 451, 999])
def test_what_is_wrong_with_the_account_loses_no_message(sms, telephone, status):
    telephone.refuse_with = status
    telephone.refuse_http = 400

    with pytest.raises(ProviderError) as refused:
        send(sms)

    assert (refused.value.permanent, refused.value.uncertain) == (False, False)
    send(sms)
    assert len(telephone.sent) == 1


@pytest.mark.parametrize("status", [6, 11, 13, 14])
def test_a_message_that_the_network_will_not_deliver_is_given_up(sms, telephone, status):
    telephone.entry_status = status

    with pytest.raises(ProviderError) as blocked:
        send(sms)

    assert blocked.value.permanent


@pytest.mark.parametrize("entries", [None, [], {}, [None], [[]], [{"messageid": None}], "x", 5])
def test_a_yes_that_names_no_message_is_uncertain(sms, telephone, entries):
    telephone.answer = lambda path, values: (200, {"return": {"status": 200}, "entries": entries})

    with pytest.raises(ProviderError) as unclear:
        send(sms)

    assert unclear.value.uncertain


@pytest.mark.parametrize("answer", [None, {}, {"return": None}, {"return": []}, {"return": {"status": "200 OK"}}])
def test_an_answer_without_a_status_is_uncertain(sms, telephone, answer):
    telephone.answer = lambda path, values: (200, answer)

    with pytest.raises(ProviderError) as unclear:
        send(sms)

    assert unclear.value.uncertain


@pytest.mark.parametrize("receiver", ["", "9121234567", "+989121234567", "۰۹۱۲۱۲۳۴۵۶۷", "09121234567\n", "02188000000"])
def test_what_is_no_mobile_number_is_not_sent_to(sms, telephone, receiver):
    with pytest.raises(ProviderError) as refused:
        send(sms, receiver=receiver)

    assert refused.value.permanent
    assert telephone.requests == []


def test_a_message_without_text_is_not_sent(sms, telephone):
    with pytest.raises(ProviderError):
        send(sms, text=" \n")

    assert telephone.requests == []


@pytest.mark.parametrize("fault", [None, "timeout_after_work", "500", "redirect", "garbage", "cut"])
def test_key_text_and_receiver_stand_in_no_log_and_no_error(sms, telephone, fault, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx")  # the command line, if it ran in this process, has quieted it
    telephone.next_fault = fault
    said = []
    try:
        send(sms)
    except ProviderError as error:
        said = [str(error), repr(error), str(error.__cause__)]

    told = "\n".join([*said, caplog.text, *(str(record.args) for record in caplog.records), repr(sms)])
    assert "HTTP Request" in caplog.text or fault == "timeout_after_work"
    assert all(secret not in told for secret in (KEY, MOBILE, TEXT))


def test_a_key_that_the_provider_repeats_is_masked(sms, telephone):
    answer = {"return": {"status": 403, "message": f"key {KEY} is wrong"}, "entries": []}
    telephone.answer = lambda path, values: (403, answer)

    with pytest.raises(ProviderError) as refused:
        send(sms)

    assert KEY not in str(refused.value)


@pytest.mark.parametrize("key", ["", "short", "../../x/y/z", "key with space", "کلیدکلیدکلید"])
def test_a_key_of_another_form_is_refused_and_not_repeated(key):
    with pytest.raises(ValueError) as refused:
        Kavenegar(key)

    assert not key or key not in str(refused.value)


@pytest.mark.rule("SMS-1")
def test_the_outbox_on_screen_shows_everything_at_once():
    assert send(OnScreenOutbox()) == SentSms(provider_id="shown")


@pytest.mark.rule("SMS-1")
@pytest.mark.parametrize("status", [6.5, "6 ", True, [], {}, 2**63])
def test_a_status_that_cannot_be_read_is_unclear(sms, telephone, status):
    telephone.entry_status = status

    with pytest.raises(ProviderError) as unclear:
        send(sms)

    assert unclear.value.uncertain and not unclear.value.permanent
