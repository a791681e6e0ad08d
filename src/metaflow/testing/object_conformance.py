"""What every store of objects has to do, as checks for implementations of the protocol.

Each check is given a store that is empty, and asserts. With pytest:

    @pytest.mark.parametrize("check", object_store_conformance, ids=lambda check: check.__name__)
    def test_my_store(check, empty_store):
        check(empty_store)
"""

from __future__ import annotations

import array
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Final

from metaflow.errors.object_store import ObjectKeyInvalid
from metaflow.errors.storage import ObjectIncomplete, ObjectMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from metaflow.protocols.object_store import ObjectStore

LARGE: Final = 40 << 20
"""Bytes of a large object: several parts of any usual size, the last one not full."""
MANY: Final = 1100
"""More objects than a cloud lists on one page."""
WRITERS: Final = 8
ROUNDS: Final = 5


def returns_what_was_put(store: ObjectStore) -> None:
    """Any bytes come back as they were."""
    content = bytes(range(256)) * 5
    assert store.put("a/b/c", content) is True
    assert store.get("a/b/c") == content
    assert type(store.get("a/b/c")) is bytes
    assert store.size("a/b/c") == len(content)


def keeps_an_empty_object(store: ObjectStore) -> None:
    """An object of no bytes is an object."""
    assert store.put("nothing", b"") is True
    assert store.get("nothing") == b""
    assert b"".join(store.get_pieces("nothing")) == b""
    assert store.get("nothing", 0, 10) == b""
    assert store.get("nothing", 5) == b""
    assert store.size("nothing") == 0
    assert [found.key for found in store.list()] == ["nothing"]


def takes_all_kinds_of_buffers(store: ObjectStore) -> None:
    """Bytes, byte arrays, and views, also of numbers."""
    numbers = array.array("d", [1.5, -2.0])
    for data in (b"abc", bytearray(b"abc"), memoryview(b"xabcx")[1:4]):
        assert store.put("k", data)
        assert store.get("k") == b"abc"
    assert store.put("numbers", memoryview(numbers))
    assert store.get("numbers") == numbers.tobytes()
    assert store.put_pieces("mixed", [b"a", bytearray(b"b"), memoryview(numbers)]) == 18
    assert store.get("mixed") == b"ab" + numbers.tobytes()


def replaces_an_object(store: ObjectStore) -> None:
    """The last one counts, also if it is shorter."""
    assert store.put("k", b"a long first one")
    assert store.put("k", b"second") is True
    assert store.get("k") == b"second"
    assert store.put_pieces("k", [b"th", b"ird"]) == 5
    assert store.get("k") == b"third"


def does_not_replace_if_told_so(store: ObjectStore) -> None:
    """A conditional write leaves alone what is there, and tells."""
    assert store.put("k", b"first", replace=False) is True
    assert store.put("k", b"second", replace=False) is False
    assert store.get("k") == b"first"
    assert store.put_pieces("k", [b"third"], replace=False) is None
    assert store.get("k") == b"first"
    assert store.put_pieces("new", [b"one"], replace=False) == 3
    assert store.get("new") == b"one"


def lets_one_of_many_writers_win(store: ObjectStore) -> None:
    """Of conditional writes at the same time, one succeeds, and its bytes are there."""
    with ThreadPoolExecutor(WRITERS) as threads:
        for number in range(ROUNDS):
            key, barrier = f"race/{number}", Barrier(WRITERS)

            def write(me: int, key: str = key, barrier: Barrier = barrier) -> bool:
                barrier.wait(timeout=60)
                return store.put(key, b"%d" % me * 1000, replace=False)

            won = list(threads.map(write, range(WRITERS)))
            assert sum(won) == 1, f"{sum(won)} of {WRITERS} were told that they had won"
            assert store.get(key) == b"%d" % won.index(True) * 1000


def says_that_an_object_is_missing(store: ObjectStore) -> None:
    """What is not there is a typed error that names it; its size is None."""
    assert store.size("no/such") is None
    for read in (
        lambda: store.get("no/such"),
        lambda: store.get("no/such", 3),
        lambda: store.get("no/such", 0, 0),
        lambda: store.get("no/such", 3, 4),
        lambda: next(iter(store.get_pieces("no/such"))),
    ):
        error = _raised(ObjectMissing, read)
        assert isinstance(error, ObjectMissing)
        assert error.key == "no/such"


def takes_no_folder_for_an_object(store: ObjectStore) -> None:
    """What keys only begin with is no object."""
    store.put("folder/inner", b"x")
    assert store.size("folder") is None
    _raised(ObjectMissing, lambda: store.get("folder"))
    store.delete(["folder"])
    assert store.get("folder/inner") == b"x"


def reads_ranges(store: ObjectStore) -> None:
    """A range is what a slice is."""
    content = bytes(range(100))
    store.put("k", content)
    for start in (0, 1, 50, 99):
        assert store.get("k", start) == content[start:]
        for length in (0, 1, 7, 100 - start):
            expected = content[start : start + length]
            assert store.get("k", start, length) == expected
            assert b"".join(store.get_pieces("k", start, length)) == expected


def reads_past_the_end(store: ObjectStore) -> None:
    """A range may go past the end, or begin there or later: as with a slice."""
    store.put("k", b"0123456789")
    assert store.get("k", 8, 100) == b"89"
    assert store.get("k", 0, 1 << 40) == b"0123456789"
    assert store.get("k", 10) == b""
    assert store.get("k", 10, 5) == b""
    assert store.get("k", 11) == b""
    assert store.get("k", 1 << 40, 5) == b""
    assert b"".join(store.get_pieces("k", 8, 100)) == b"89"
    assert b"".join(store.get_pieces("k", 50)) == b""


def moves_a_large_object_in_pieces(store: ObjectStore) -> None:
    """Pieces of any size make one object; ranges across its parts are right."""
    content = _large()
    assert store.put_pieces("large", _uneven(content)) == len(content)
    assert store.size("large") == len(content)
    assert _equal(store.get_pieces("large"), content)
    middle = len(content) // 2
    for start, length in ((1, len(content) - 2), (middle, 20 << 20), (len(content) - 5, 100)):
        assert _equal(store.get_pieces("large", start, length), content[start : start + length])
    assert store.get("large", middle, 33) == content[middle : middle + 33]


def moves_a_large_object_at_once(store: ObjectStore) -> None:
    """What fits in memory needs no pieces."""
    content = _large()
    assert store.put("large", content)
    assert store.get("large") == content
    assert store.get("large", 7) == content[7:]


def takes_one_huge_piece(store: ObjectStore) -> None:
    """A piece may be larger than the parts that a store sends."""
    content = _large()
    assert store.put_pieces("large", [b"head", memoryview(content), b"", b"tail"]) == LARGE + 15
    assert _equal(store.get_pieces("large"), b"head" + content + b"tail")


def keeps_a_large_object_that_is_not_to_be_replaced(store: ObjectStore) -> None:
    """The same as for small ones."""
    content = _large()
    assert store.put_pieces("large", _uneven(content), replace=False) == len(content)
    assert store.put_pieces("large", _uneven(content[1:]), replace=False) is None
    assert store.put("large", content[1:], replace=False) is False
    assert store.size("large") == len(content)
    assert store.put("other", content, replace=False) is True
    assert store.size("other") == len(content)


def takes_no_pieces(store: ObjectStore) -> None:
    """No pieces at all make an empty object."""
    assert store.put_pieces("none", []) == 0
    assert store.put_pieces("empty", [b"", b""]) == 0
    assert store.get("none") == store.get("empty") == b""


def writes_nothing_if_the_source_fails(store: ObjectStore) -> None:
    """The exception is passed on as it is; there is no object, or still the earlier one."""
    mine = OSError("the source is broken")

    def failing(content: bytes) -> Iterator[bytes]:
        yield from _uneven(content)
        raise mine

    store.put("earlier", b"still here")
    for content in (b"", b"a little", _large()):
        for key in ("new", "earlier"):
            assert _raised(OSError, lambda: store.put_pieces(key, failing(content))) is mine  # noqa: B023 - called at once
    assert store.size("new") is None
    assert store.get("earlier") == b"still here"
    assert [found.key for found in store.list()] == ["earlier"]


def shows_an_object_only_when_it_is_whole(store: ObjectStore) -> None:
    """While pieces are still coming, nobody sees any of them."""
    seen: list[object] = []

    def watched() -> Iterator[bytes]:
        yield from _uneven(_large())
        seen.append(store.size("k"))
        seen.extend(found.key for found in store.list())

    store.put_pieces("k", watched())
    assert seen == [None]
    assert store.size("k") == LARGE + 7


def copies_from_itself(store: ObjectStore) -> None:
    """What is being written may be read from the same store meanwhile."""
    content = _large()
    store.put("from", content)
    assert store.put_pieces("to", store.get_pieces("from")) == len(content)
    assert _equal(store.get_pieces("to"), content)


def never_mixes_two_objects(store: ObjectStore) -> None:
    """Who reads while an object is replaced gets the one or the other, or an error."""
    contents = [b"a" * (20 << 20), b"b" * (20 << 20)]
    store.put("k", contents[0])

    def read() -> None:
        for _ in range(ROUNDS):
            try:
                whole = b"".join(store.get_pieces("k"))
            except ObjectIncomplete:
                continue
            assert whole in contents
            assert store.get("k", 0, 10) in {b"a" * 10, b"b" * 10}

    with ThreadPoolExecutor(2) as threads:
        reading = [threads.submit(read) for _ in range(2)]
        number = 0
        while not all(one.done() for one in reading):
            number += 1
            store.put("k", contents[number % 2])
        for one in reading:
            one.result()


def survives_readers_that_stop_early(store: ObjectStore) -> None:
    """A reader may leave the rest of an object alone."""
    content = _large()
    store.put("large", content)
    for _ in range(3):
        pieces = iter(store.get_pieces("large"))
        assert content.startswith(next(pieces))
        del pieces
    assert store.get("large", 5, 5) == content[5:10]


def lists_in_the_order_of_keys(store: ObjectStore) -> None:
    """Sorted by the bytes of whole keys, not folder by folder."""
    keys = ["a/b", "a-b", "a.b/c", "a0", "a/b0", "a/c/d/e", "B", "é", "日本", "z"]
    for key in keys:
        store.put(key, key.encode())
    found = list(store.list())
    assert [one.key for one in found] == sorted(keys, key=str.encode)
    assert [one.size for one in found] == [len(one.key.encode()) for one in found]


def lists_below_a_prefix(store: ObjectStore) -> None:
    """A prefix consists of whole names; keys are always told in full."""
    for key in ("a/b/c", "a/b/d/e", "a/bc", "a/b-d/x", "ab/b/c", "b/a/b/c"):
        store.put(key, b"")
    assert _keys(store, "a/b") == ["a/b/c", "a/b/d/e"]
    assert _keys(store, "a/b/") == ["a/b/c", "a/b/d/e"]
    assert _keys(store, "a") == ["a/b-d/x", "a/b/c", "a/b/d/e", "a/bc"]
    assert _keys(store, "a/b/c") == []
    assert _keys(store, "no/such") == []
    assert len(_keys(store, "")) == 6


def lists_nothing_in_an_empty_store(store: ObjectStore) -> None:
    """Not an error, even if there has never been anything."""
    assert list(store.list()) == []
    assert list(store.list("a/b")) == []


def lists_more_than_a_page(store: ObjectStore) -> None:
    """All of them, each once."""
    keys = [f"many/{number:05d}" for number in range(MANY)]
    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(lambda key: store.put(key, b"x"), keys))
    store.put("other", b"")
    assert _keys(store, "many") == keys
    first = next(iter(store.list("many")))
    assert (first.key, first.size) == (keys[0], 1)
    store.delete(keys)
    assert _keys(store, "") == ["other"]


def tells_when_an_object_was_written(store: ObjectStore) -> None:
    """By a clock that may go a little wrong."""
    store.put("k", b"x")
    (found,) = store.list()
    assert abs(found.modified_at - time.time()) < 600


def takes_keys_in_any_script(store: ObjectStore) -> None:
    """Keys are Unicode; what looks the same but is not, is not."""
    keys = ["é", "e\u0301", "ключ/значение", "鍵/値", "مفتاح", "\U0001f600"]
    for key in keys:
        store.put(key, key.encode())
    assert [store.get(key) for key in keys] == [key.encode() for key in keys]
    assert sorted(_keys(store, "")) == sorted(keys)


def takes_keys_with_special_signs(store: ObjectStore) -> None:
    """Nothing in a key means anything, but the slash."""
    keys = [f"k/a{sign}b" for sign in " %+#?&=;:,'\"~*|<>()[]{}^`!@$"]
    keys += ["k/%20", "k/%2F", "k/a%2520b", "k/...", "k/.hidden", "k/ x ", "k/-"]
    for key in keys:
        store.put(key, key.encode())
    assert [store.get(key) for key in keys] == [key.encode() for key in keys]
    assert sorted(_keys(store, "k")) == sorted(keys)
    store.delete(keys)
    assert _keys(store, "") == []


def takes_long_keys(store: ObjectStore) -> None:
    """As long as the protocol says."""
    key = "/".join(["n" * 255, "m" * 255, "o" * 255, "p" * 100])
    store.put(key, b"x")
    assert store.get(key) == b"x"
    assert _keys(store, "n" * 255) == [key]


def refuses_what_is_no_key(store: ObjectStore) -> None:
    """The same keys are refused everywhere, before anything happens."""
    wrong = ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "a\nb",
             "a\x00b", "\ud800", "n" * 256, "n/" * 450 + "n"]  # fmt: skip
    for key in wrong:
        for use in (
            lambda key=key: store.put(key, b""),
            lambda key=key: store.put(key, b"", replace=False),
            lambda key=key: store.put_pieces(key, [b""]),
            lambda key=key: store.get(key),
            lambda key=key: next(iter(store.get_pieces(key))),
            lambda key=key: store.size(key),
            lambda key=key: store.delete([key]),
        ):
            _raised(ObjectKeyInvalid, use)
    assert _keys(store, "") == []


def deletes(store: ObjectStore) -> None:
    """What is gone is gone; what was not there is no error."""
    for key in ("a", "b/c", "b/d", "e"):
        store.put(key, b"x")
    store.delete([])
    store.delete(["a"])
    store.delete(["a"])
    store.delete(key for key in ("b/c", "never", "e"))
    assert _keys(store, "") == ["b/d"]
    assert store.size("a") is None
    assert store.put("a", b"again", replace=False) is True


def deletes_many_of_which_some_are_missing(store: ObjectStore) -> None:
    """One that is missing keeps no other from being deleted."""
    keys = [f"k/{number:04d}" for number in range(600)]
    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(lambda key: store.put(key, b"x"), keys[::2]))
    store.delete(keys)
    assert _keys(store, "") == []


def deletes_while_it_lists(store: ObjectStore) -> None:
    """Whoever cleans up need not keep a list."""
    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(lambda number: store.put(f"k/{number}", b"x"), range(100)))
    store.delete(found.key for found in store.list())
    assert _keys(store, "") == []


def serves_many_threads(store: ObjectStore) -> None:
    """One store for all threads."""

    def work(number: int) -> bool:
        content = b"%d" % number * 5000
        key = f"threads/{number}"
        store.put(key, content)
        same = store.get(key) == content and store.size(key) == len(content)
        return same and key in _keys(store, "threads")

    with ThreadPoolExecutor(WRITERS) as threads:
        assert all(threads.map(work, range(5 * WRITERS)))


def has_an_address(store: ObjectStore) -> None:
    """A cloud's address, or an absolute path."""
    assert "://" in store.url or store.url.startswith("/")
    assert store.url == "/" or not store.url.endswith("/")


object_store_conformance: Final[tuple[Callable[[ObjectStore], None], ...]] = (
    returns_what_was_put,
    keeps_an_empty_object,
    takes_all_kinds_of_buffers,
    replaces_an_object,
    does_not_replace_if_told_so,
    lets_one_of_many_writers_win,
    says_that_an_object_is_missing,
    takes_no_folder_for_an_object,
    reads_ranges,
    reads_past_the_end,
    moves_a_large_object_in_pieces,
    moves_a_large_object_at_once,
    takes_one_huge_piece,
    keeps_a_large_object_that_is_not_to_be_replaced,
    takes_no_pieces,
    writes_nothing_if_the_source_fails,
    shows_an_object_only_when_it_is_whole,
    copies_from_itself,
    never_mixes_two_objects,
    survives_readers_that_stop_early,
    lists_in_the_order_of_keys,
    lists_below_a_prefix,
    lists_nothing_in_an_empty_store,
    lists_more_than_a_page,
    tells_when_an_object_was_written,
    takes_keys_in_any_script,
    takes_keys_with_special_signs,
    takes_long_keys,
    refuses_what_is_no_key,
    deletes,
    deletes_many_of_which_some_are_missing,
    deletes_while_it_lists,
    serves_many_threads,
    has_an_address,
)
"""All checks; each needs an empty store."""


def _keys(store: ObjectStore, prefix: str) -> list[str]:
    return [found.key for found in store.list(prefix)]


def _raised(expected: type[Exception], use: Callable[[], object]) -> BaseException:
    """What a call raises, which must be of the expected type."""
    try:
        answer = use()
    except expected as error:
        return error
    raise AssertionError(f"{expected.__name__} was expected, and there is {answer!r:.100}")


def _large() -> bytes:
    """Bytes in which no two parts are alike."""
    block = bytes(range(251)) * 4177  # about a megabyte, and no divisor of anything
    content = b"".join(number.to_bytes(4, "big") + block for number in range(45))
    return content[: LARGE + 7]


def _uneven(content: bytes) -> Iterator[bytes]:
    sizes = (1, 0, 700_001, 9_000_000, 3)
    start = number = 0
    while start < len(content):
        size = sizes[number % len(sizes)]
        yield content[start : start + size]
        start += size
        number += 1


def _equal(pieces: Iterable[bytes], content: bytes) -> bool:
    """Tell whether pieces make a content, without joining them."""
    position = 0
    for piece in pieces:
        if content[position : position + len(piece)] != piece:
            return False
        position += len(piece)
    return position == len(content)
