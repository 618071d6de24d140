"""Objects in a folder may still be being written: they are taken once they have stood still for a while."""

from __future__ import annotations

from collections.abc import Sequence

from posicional.contract.feed import Feed
from posicional.day.keys import INCOMING
from posicional.errors import ObjectMissing
from posicional.ports import Outside, StoredObject


def settled(feed: Feed, outside: Outside, found: Sequence[StoredObject]) -> tuple[set[str], tuple[str, ...]]:
    """The keys whose objects have stood still for the feed's `settle`, and the paths of those that have not.

    Waits once for all, and only where the store does not show objects whole.
    """
    young = [one for one in found if not outside.store.atomic and outside.clock.now() - one.modified < feed.settle]
    still = {one.key for one in found} - {one.key for one in young}
    if not young:
        return still, ()
    outside.clock.sleep(feed.settle.total_seconds())
    growing = []
    for one in young:
        try:
            now = outside.store.head(one.key)
        except ObjectMissing:
            continue
        if now.same(one):
            still.add(one.key)
        else:
            growing.append(one.key.removeprefix(INCOMING))
    return still, tuple(growing)
