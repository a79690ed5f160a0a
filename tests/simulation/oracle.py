"""later"""


async def check(pool, terms):
    return None
