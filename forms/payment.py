"""Forms of ``bpmn_diagrams/payment.bpmn`` (PAY-1)."""

from forms.base import TaskForm, user_task
from models.language import lazy


@user_task("payment_returned")
class PaymentReturned(TaskForm):
    """The payer is back from the gateway: ask it whether the money came. Nothing typed here counts."""

    submit_label = lazy("بررسی نتیجهٔ پرداخت")


@user_task("cancel_payment")
class CancelPayment(TaskForm):
    """The payer gives this payment up."""

    inline = True
    submit_label = lazy("انصراف از پرداخت")
    confirm = lazy("پرداخت لغو شود؟ اگر مبلغی از حساب شما کم شده است، لغو نکنید و نتیجه را بررسی کنید.")
