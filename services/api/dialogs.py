"""The dialog that one borrower is in just now: for whoever has them on the other line."""

from pydantic import BaseModel, Field
from redis.exceptions import RedisClusterException, RedisError

from services import clock
from services.api.calls import Read
from services.api.lists.sessions import Session, told
from services.api.operation import Routes
from services.api.permissions import Permission
from services.api.problems import AWAY, NOT_FOUND

routes = Routes("Dialogs")


class Dialogs(BaseModel):
    """What somebody is in: mostly nothing, or one."""

    items: list[Session] = Field(description="One for each code that they dialled and are not through with.")


@routes.get("/admin/users/{user_id}/dialogs", may=Permission.BORROWERS_READ, problems=(NOT_FOUND, AWAY))
async def get_user_dialogs(call: Read, user_id: int) -> Dialogs:
    """Say in which dialog somebody is just now, where in it, and for how long.

    Nothing that they typed. A dialog is over some minutes after the last press.
    """
    msisdn = await call.pool.fetchval("select msisdn from borrower where id = $1", user_id)
    if msisdn is None:
        raise NOT_FOUND.of(f"There is nobody with the id {user_id}.")
    redis, bundles = call.desk.redis, call.desk.bundles
    if redis is None or bundles is None:
        raise AWAY.of("There is no Redis here.")
    codes = sorted({code for bundle in bundles.live().values() for code in bundle.codes})
    now = clock.now()
    found = []
    try:
        for code in codes:  # a key each, all on one node
            name = f"ussd:{{{msisdn}}}:{code}"
            found.append(told(name, await redis.get(name), now))
    except (RedisError, RedisClusterException, OSError):
        raise AWAY.of("Redis does not answer just now. Try again.") from None
    return Dialogs(items=[session for session in found if session is not None])
