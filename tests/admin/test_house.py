"""Pages of menus, messages to many and settings: what they show, check, count and change, and for whom."""

from services.api.permissions import Role
from tests.admin.visiting import Seen, visitor
from tests.api.conftest import Api, api, api_environment, terms
from tests.services.world import FOLDER, count

__all__ = ["api", "api_environment", "terms"]

MAY = {
    "/menus": set(Role),
    "/menus/new": {Role.PRODUCT, Role.ADMIN},
    "/bulk": {Role.OFFICER, Role.ADMIN},
    "/many": {Role.VIEWER, Role.OFFICER, Role.APPROVER, Role.ADMIN},
    "/settings": {Role.VIEWER, Role.OFFICER, Role.APPROVER, Role.ADMIN},
    "/analytics": set(Role),
    "/reports": set(Role),
}
DO = "/admin/do/"


def fault(page: Seen) -> str:
    """What a page says went wrong."""
    return page.html.partition('class="fault" role="alert">')[2].partition("</p>")[0]


async def test_each_role_opens_its_pages_and_is_refused_the_others(api: Api) -> None:
    for role in Role:
        who = await visitor(api, role)
        for path, roles in MAY.items():
            page = await who.get(path)
            assert page.status == (200 if role in roles else 403), (role, path, page.text)
            assert "Traceback" not in page.html
        if role not in MAY["/bulk"]:
            assert (await who.post("/admin/bulk", {})).status == 403
        if role not in MAY["/menus/new"]:
            assert (await who.post("/admin/menus/new", {})).status == 403
        shown = (await who.get("/settings")).goes_to(f"{DO}change_setting")
        assert shown == (role is Role.ADMIN)


async def test_a_form_without_its_token_does_nothing(api: Api) -> None:
    admin = await visitor(api, "admin")
    page = await admin.get("/menus/new")
    for path, form in (("/admin/menus/new", page.form("/admin/menus/new")),
                       ("/admin/bulk", (await admin.get("/bulk")).form("/admin/bulk"))):  # fmt: skip
        fields = {**form.fields, "_csrf": "0" * 64, "_step": "propose", "note": "abc", "reason": "abc"}
        assert (await admin.post(path, fields)).status == 403
    assert await count(api.pool, "approval") == 0


async def test_menus_are_written_checked_proposed_and_decided_by_another(api: Api) -> None:
    one, other = await visitor(api, "product"), await visitor(api, "product", "other")
    form = (await one.get("/menus/new")).form("/admin/menus/new")
    main = (FOLDER / "main.yaml").read_text()
    assert form.fields["file.main.yaml"] == [main.replace("\n", "\r\n")]

    same = await one.send(form, _step="propose", note="The very same")
    assert same.status == 409
    assert "which is live" in fault(same)

    broken = {"file.main.yaml": main.replace("to: ", "to: nowhere_", 1)}
    checked = await one.post("/admin/menus/new", {**form.fields, **broken, "_step": "check"})
    assert checked.status == 200
    assert "cannot be published as they are" in fault(checked)
    line = 1 + main[: main.index("to: ")].count("\n")
    assert f"main.yaml:{line}:" in checked.text
    assert "^" in checked.html
    refused = await one.post("/admin/menus/new", {**form.fields, **broken, "_step": "propose", "note": "abc"})
    assert refused.status == 422
    assert "nowhere_" in refused.form("/admin/menus/new").fields["file.main.yaml"][0]
    assert await count(api.pool, "approval") == 0

    good = {"file.main.yaml": main + "\n# shorter\n"}
    checked = await one.post("/admin/menus/new", {**form.fields, **good, "_step": "check"})
    assert "may be published" in checked.text
    form = checked.form("/admin/menus/new")
    done = await one.send(form, _step="propose", note="Shorter words")
    assert "It waits for a second person" in done.text
    assert "You proposed this" in done.text
    again = await one.send(form, _step="propose", note="Shorter words")  # pressed twice: proposed once
    assert again.url == done.url
    number, version = await api.pool.fetchrow("select id, details ->> 'bundle' from approval")

    seen = await other.get(f"/menus/{version}")
    assert "+# shorter" in seen.text
    assert "It waits for a decision" in seen.text
    waiting = (await other.get("/menus")).form(f"{DO}approve_menus")
    assert waiting.fields["path.approval_id"] == [str(number)]
    said = await other.send(waiting, note="Read it all")
    assert "these menus are being published" in said.text
    assert await api.pool.fetchval("select state from approval") == "approved"
    assert (await other.get("/menus/0123456789ab")).status == 404


async def test_going_back_to_a_version_is_proposed_and_can_be_rejected(api: Api) -> None:
    old = api.desk.bundles.live()["umoja"].name
    newer = {path.name: path.read_text() for path in FOLDER.glob("*.yaml")}
    await api.desk.bundles.publish(newer | {"main.yaml": newer["main.yaml"] + "# newer\n"}, "tests", "newer")
    one, other = await visitor(api, "product"), await visitor(api, "admin")
    page = await one.get("/menus")
    back = page.form(f"{DO}propose_rollback", version=old)
    assert "approval" in (await one.send(back, note="The new one confuses people")).text
    assert "Roll back to" in (await other.get("/menus")).text
    form = (await other.get("/menus")).form(f"{DO}approve_menus")
    assert "the menus stay as they are" in (await other.send(form, f"{DO}reject_menus")).text
    assert await api.pool.fetchval("select state from approval") == "rejected"


async def test_files_are_added_and_left_out(api: Api) -> None:
    product = await visitor(api, "product")
    form = (await product.get("/menus/new")).form("/admin/menus/new")
    added = await product.send(form, _step="check", _new_path="x.y.yaml", _new_text="# to come\r\n")
    assert "may be published" in added.text
    form = added.form("/admin/menus/new")
    assert form.fields["file.x.y.yaml"] == ["# to come\r\n"]
    gone = await product.send(form, _step="check", _drop="main.yaml")
    assert "cannot be published as they are" in fault(gone)
    assert "file.main.yaml" not in gone.form("/admin/menus/new").fields


WORDS = {"words__en": "Umoja: {name|first}, we are closed.", "words__sw": "Umoja: {name|first}, tumefunga."}


async def test_a_message_is_counted_and_only_what_was_counted_is_sent(api: Api) -> None:
    await api.phone().join()
    officer = await visitor(api, "officer")
    form = (await officer.get("/bulk")).form("/admin/bulk")
    unsent = await officer.send(form, _step="send", reason="Closed on Friday", **WORDS)
    assert "What it comes to" in unsent.text  # nothing was counted: so it is
    counted = unsent.form("/admin/bulk")
    assert "People 1 " in unsent.text
    assert "Second person not needed" in unsent.text
    assert counted.fields["words.sw"] == ["Umoja: {name|first}, tumefunga."]

    other = await officer.send(counted, _step="send", words__en="Umoja: {name|first}, other words.")
    assert "Something was changed since it was counted" in other.text
    assert await count(api.pool, "bulk_message") == 0
    sent = await officer.send(other.form("/admin/bulk"), _step="send")
    assert sent.url.endswith("/bulk/1?done=send_bulk"), sent.text
    assert "other words" in sent.text
    stopped = await officer.send(sent.form(f"{DO}stop_bulk"))
    assert "What was sent is sent" in stopped.text
    assert await api.pool.fetchval("select state from bulk_message") == "stopped"
    assert not stopped.goes_to(f"{DO}stop_bulk")
    listed = await officer.get("/many")
    assert "stopped service 1 " in listed.text, listed.text
    assert "officer@page.example" in listed.text
    assert 'href="/admin/bulk/1"' in listed.html
    assert "Nothing was written to many like that." in (await officer.get("/many?status=sent")).text
    assert (await officer.get("/bulk/99")).status == 404
    assert (await officer.get("/bulk/x")).status == 422


async def test_to_many_it_is_proposed_and_what_is_wrong_stays_on_the_page(api: Api) -> None:
    await api.phone().join()
    await api.pool.execute(
        "insert into setting (name, value, changed_by) values ('bulk_sms_alone', '0', 'x')"
    )
    officer = await visitor(api, "officer")
    form = (await officer.get("/bulk")).form("/admin/bulk")
    half = await officer.send(form, _step="count", reason="Closed", words__en="Umoja: closed.")
    assert half.status == 422
    assert fault(half)
    assert half.form("/admin/bulk").fields["words.en"] == ["Umoja: closed."]
    nobody = await officer.post("/admin/bulk", {
        **form.fields, "_step": "count", "notice": "overdue", "reason": "Reminder", "words.en": "not this",
        "many.to.states": ["overdue", "written_off"], "int.to.days_past_due_from": "1",
    })  # fmt: skip
    assert "Nobody fits" in nobody.text, nobody.text
    counted = await officer.send(form, _step="count", reason="Closed on Friday", **WORDS)
    assert "Second person needed" in counted.text
    proposed = await officer.send(counted.form("/admin/bulk"), _step="send")
    assert "It waits for a second person" in proposed.text
    assert await count(api.pool, "sms") == 0


async def test_settings_are_changed_or_proposed_in_their_own_types(api: Api) -> None:
    admin = await visitor(api, "admin")

    async def change(name: str, **typed: str) -> Seen:
        form = (await admin.get("/settings")).form(f"{DO}change_setting", path__name=name)
        return await admin.send(form, reason="Asked for by the board", **typed)

    page = await change("applications_paused", bool__value="true")
    assert "Set by admin@page.example" in page.text
    await change("quiet_hours", hours__value__from="21:00", hours__value__until="07:00")
    held = dict(await api.pool.fetch("select name, value::text from setting"))
    assert held == {"applications_paused": "true", "quiet_hours": '{"from": "21:00", "until": "07:00"}'}
    page = await change("quiet_hours", hours__value__from="", hours__value__until="")
    assert await api.pool.fetchval("select value::text from setting where name = 'quiet_hours'") == "null"

    proposed = await change("daily_disbursement_cents", null__kes__value="1,234,567.50")
    assert proposed.status == 200
    wanted = "select details ->> 'value' from approval where subject = $1"
    assert await api.pool.fetchval(wanted, "daily_disbursement_cents") == "123456750"
    await change("bulk_sms_alone", int__value="1")
    assert await api.pool.fetchval(wanted, "bulk_sms_alone") == "1"
    refused = await change("daily_disbursement_cents", null__kes__value="")
    assert refused.status == 422
    assert "has this value already" in fault(refused)
    half = await change("quiet_hours", hours__value__from="21:00", hours__value__until="")
    assert half.status == 422
