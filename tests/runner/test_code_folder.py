"""Where compiled kernels may lie: in the user's cache folder, if nobody else can write there."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from perfdsl.runner import code_folder
from perfdsl.runner.code_folder import (
    KEPT,
    FolderRefused,
    cache_root,
    forget_old,
    key_of,
    private_folder,
)

KEY = "0123456789abcdef01234567"


@pytest.fixture
def home(tmp_path):
    """A folder of the user's alone, and so is what pytest has above it."""
    made = tmp_path / "home"
    made.mkdir(mode=0o700)
    return made


def test_the_users_cache_folder_is_taken(monkeypatch):
    """The variable of perfdsl goes first, then XDG's if it is absolute, then the home."""
    monkeypatch.setattr("sys.platform", "linux")
    everything = {"PERFDSL_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}
    assert cache_root(everything) == Path("/a/kernels")
    del everything["PERFDSL_CACHE_DIR"]
    assert cache_root(everything) == Path("/b/perfdsl/kernels")
    assert cache_root(everything | {"XDG_CACHE_HOME": "b"}) == Path("/c/.cache/perfdsl/kernels")
    assert cache_root({"HOME": "/c"}) == Path("/c/.cache/perfdsl/kernels")
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_root({"HOME": "/c"}) == Path("/c/Library/Caches/perfdsl/kernels")


@pytest.mark.parametrize("environment", [{}, {"HOME": ""}, {"HOME": "somewhere"}])
def test_without_a_home_there_is_no_folder(environment):
    """A relative home is none: code would be kept wherever the process happens to be."""
    with pytest.raises(FolderRefused, match="neither PERFDSL_CACHE_DIR nor HOME names a folder"):
        cache_root(environment)


def test_folders_are_made_for_the_user_alone(home):
    """Whatever the umask says, each folder that is made is private."""
    before = os.umask(0)
    try:
        made = private_folder(home / "a" / "kernels", KEY)
    finally:
        os.umask(before)
    assert [oct(f.stat().st_mode & 0o777) for f in (made, *made.parents[:2])] == ["0o700"] * 3


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
@pytest.mark.parametrize("part", ["kernels", f"kernels/{KEY}"])
def test_a_folder_that_others_can_write_to_is_refused(home, mode, part):
    """The key's folder and the one with the keys: a group counts as others, sticky or not."""
    private_folder(home / "kernels", KEY)
    (home / part).chmod(mode)
    with pytest.raises(FolderRefused, match="can be written by others"):
        private_folder(home / "kernels", KEY)


def test_a_folder_below_one_that_others_can_write_to_is_refused(home):
    """They could put another in its place, unless that one is sticky, as /tmp is."""
    private_folder(home / "a" / "kernels", KEY)
    home.chmod(0o777)
    with pytest.raises(FolderRefused, match="can be written by others"):
        private_folder(home / "a" / "kernels", KEY)
    home.chmod(0o1777)
    private_folder(home / "a" / "kernels", KEY)


def test_a_group_may_write_above_where_it_is_the_users_own(home, monkeypatch):
    """Some systems give each user a group of the same name, and new folders to it."""
    private_folder(home / "a" / "kernels", KEY)
    home.chmod(0o770)
    monkeypatch.setattr(code_folder, "own_group", lambda group: group == home.stat().st_gid)
    private_folder(home / "a" / "kernels", KEY)
    monkeypatch.setattr(code_folder, "own_group", lambda group: False)
    with pytest.raises(FolderRefused, match="mode 0770"):
        private_folder(home / "a" / "kernels", KEY)


def test_a_folder_of_another_user_is_refused(home, monkeypatch):
    """Somebody else's folder is no place for code, even if it lets nobody else write."""
    private_folder(home / "kernels", KEY)
    monkeypatch.setattr(os, "geteuid", lambda: home.stat().st_uid + 1)
    with pytest.raises(FolderRefused, match="belongs to another user"):
        private_folder(home / "kernels", KEY)


def test_a_link_is_judged_by_where_it_leads(home):
    """A link to a folder that others can write to is refused."""
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o777)
    (home / "kernels").mkdir(mode=0o700)
    (home / "kernels" / KEY).symlink_to(elsewhere)
    with pytest.raises(FolderRefused, match="elsewhere can be written by others"):
        private_folder(home / "kernels", KEY)


def test_what_cannot_be_made_or_written_is_refused(home, monkeypatch):
    """A file in the way, or a disk that takes nothing, is told by its name."""
    (home / "taken").write_text("")
    with pytest.raises(FolderRefused, match="taken"):
        private_folder(home / "taken" / "kernels", KEY)

    def full(**_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(FolderRefused, match=f"{KEY}: Read-only file system"):
        private_folder(home / "kernels", KEY)


def test_the_keys_used_last_are_kept(home):
    """A new key removes the oldest ones above the bound, and nothing that is no key."""
    root = home / "kernels"
    keys = [f"{n:024x}" for n in range(KEPT + 3)]
    for age, key in enumerate(keys):
        private_folder(root, key)
        os.utime(root / key, (10**9 - age, 10**9 - age))
    (root / "mine").mkdir()
    (root / keys[0] / "entry").write_text("")
    os.utime(root / keys[0], (10**9, 10**9))
    forget_old(root, spare=root / keys[-1])
    assert {f.name for f in root.iterdir()} == {*keys[: KEPT - 1], keys[-1], "mine"}


def test_using_a_key_makes_it_young(home):
    """What is used again and again is not forgotten."""
    root = home / "kernels"
    old = private_folder(root, KEY)
    os.utime(old, (10**9, 10**9))
    assert private_folder(root, KEY).stat().st_mtime > 10**9
    for n in range(KEPT):
        made = private_folder(root, f"{n:024x}")
        os.utime(made, (10**9 + n, 10**9 + n))
    assert old.is_dir()


def test_a_key_is_of_all_facts_and_sources(tmp_path):
    """Any change makes another key: of a fact, a name, a content, or where one ends."""
    (tmp_path / "a.py").write_text("x = 1")
    (tmp_path / "b.py").write_text("y = 2")
    one, both = [tmp_path / "a.py"], [tmp_path / "a.py", tmp_path / "b.py"]
    keys = [
        key_of(["fact"], one),
        key_of(["other"], one),
        key_of(["fact", ""], one),
        key_of(["fa", "ct"], one),
        key_of(["fact"], both),
    ]
    (tmp_path / "a.py").write_text("x = 2")
    keys.append(key_of(["fact"], one))
    (tmp_path / "a.py").rename(tmp_path / "c.py")
    keys.append(key_of(["fact"], [tmp_path / "c.py"]))
    assert len(set(keys)) == len(keys)
    assert all(code_folder.KEY.fullmatch(key) for key in keys)
