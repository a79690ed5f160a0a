"""Which task does what the outbox asks for.

A task gets `row`, the outbox row's number, and the fields of its payload, and comes to it more than once.
It goes through `running.consume`, which says in the end that the row is done. A topic whose task the
worker does not have is not published: its rows wait.
"""

from services import outbox

TASKS = {
    outbox.DISBURSE: "services.tasks.money.disburse",
    outbox.PROMPT: "services.tasks.money.prompt",
    outbox.REFUND: "services.tasks.money.refund",
    outbox.RETURN: "services.tasks.money.send_back",
    outbox.MENUS: "services.tasks.menus.publish",
    outbox.PROFILE: "services.tasks.menus.forget_profile",
    outbox.BULK: "services.tasks.sms.bulk",
    outbox.MPESA_CALLBACK: "services.tasks.money.inbox",
    outbox.SMS: "services.tasks.sms.send",
    outbox.SMS_CALLBACK: "services.tasks.sms.callback",
}
