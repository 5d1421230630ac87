"""How evenly members post: of what those posted who did, and of how many did not."""

from shared.kpis.scores import evenness
from shared.rollups.listed import begun, read_keys, reader
from shared.rollups.listed_program import LISTED, posted_by_members
from shared.rollups.reading import Found, Reading

__all__ = ["read_evenness"]

_members = reader(LISTED["enrolled"])
_POSTED = begun(posted_by_members, "evenness", LISTED["evenness"].exists)


async def read_evenness(asked: Reading) -> Found | None:
    """Return the evenness of each bucket and group: the same as of the lines that explain it.

    Those list every member. Here those are only counted who posted nothing.
    """
    members = await _members(asked)
    if members is None:
        return None
    posted = await read_keys(_POSTED, asked)
    found = {}
    for place, count in members.items():
        posts = posted.get(place, {}).values()
        found[place] = evenness(posts, zeros=int(count or 0) - len(posts))
    return found
