"""Where compiled kernels are kept: a folder that nobody but its user can write to, one a key.

Compiled code is run as it lies there, so whoever can write to the folder can run code as its user.
A folder that others could change is refused, and so is one below a folder in which they could put
another in its place (the rule that sshd has for keys). Without a folder all is compiled anew.
"""

import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

OVERRIDE = "PERFDSL_CACHE_DIR"
# Keys that stay when a new one is made, the last used first: versions and processors (a home that
# several machines share) that one goes back and forth between.
KEPT = 8
KEY = re.compile("[0-9a-f]{24}")


class FolderRefused(Exception):  # noqa: N818  a refusal is an answer here: kernels are compiled anew
    """No folder for compiled kernels, and why, as a sentence for the user."""


def cache_root(environment: Mapping[str, str]) -> Path:
    """The folder for compiled kernels that the environment asks for; it need not exist yet."""
    if chosen := environment.get(OVERRIDE):
        return Path(chosen).absolute() / "kernels"
    if chosen := environment.get("XDG_CACHE_HOME"):
        if Path(chosen).is_absolute():  # the specification of XDG: others are to be ignored
            return Path(chosen, "perfdsl", "kernels")
    home = environment.get("HOME")
    if not home or not Path(home).is_absolute():
        raise FolderRefused(f"neither {OVERRIDE} nor HOME names a folder")
    caches = Path(home, "Library", "Caches") if sys.platform == "darwin" else Path(home, ".cache")
    return caches / "perfdsl" / "kernels"


def private_folder(root: Path, key: str) -> Path:
    """The folder of a key below the root, made if it is not there, and nobody else's to change.

    Raises FolderRefused where it cannot be made or written, or where others could write.
    """
    folder = root / key
    try:
        new = not folder.is_dir()
        for place in reversed([folder, *folder.parents]):
            if not place.is_dir():
                place.mkdir(mode=0o700, exist_ok=True)  # with `parents` the umask would decide
        true = folder.resolve(strict=True)
        for place in (true, *true.parents):
            if complaint := exposed(place, private=place in {true, true.parent}):
                raise FolderRefused(complaint)
        tempfile.TemporaryFile(dir=true).close()  # a disk mounted read-only says so here
        os.utime(true)  # the last use, for `forget_old`
    except OSError as error:
        raise FolderRefused(f"{error.filename or folder}: {error.strerror}") from error
    if new:
        forget_old(true.parent, spare=true)
    return true


def exposed(place: Path, *, private: bool) -> str | None:
    """Why others than the user and root could change what lies in a folder; None if they cannot.

    Above the private folders a sticky one will do (/tmp): nobody can replace another's entry there.
    """
    found = place.stat()
    if found.st_uid not in ({os.geteuid()} if private else {os.geteuid(), 0}):
        return f"{place} belongs to another user (id {found.st_uid})"
    others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if others and (private or not found.st_mode & stat.S_ISVTX):
        if private or others & stat.S_IWOTH or not own_group(found.st_gid):
            return f"{place} can be written by others (mode {stat.S_IMODE(found.st_mode):04o})"
    return None


def own_group(group: int) -> bool:
    """Whether a group is the user's alone: the one of the same name, where each user has one."""
    import grp
    import pwd

    with suppress(KeyError):
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
        return user.pw_gid == group and found.gr_name == user.pw_name and not found.gr_mem
    return False


def forget_old(root: Path, *, spare: Path, kept: int = KEPT) -> None:
    """Remove all but the keys used last. A process that still reads one compiles what is gone."""

    def last_use(folder: Path) -> float:
        with suppress(OSError):
            return folder.stat().st_mtime
        return 0.0

    with suppress(OSError):
        keys = [f for f in root.iterdir() if KEY.fullmatch(f.name) and f != spare]
        for folder in sorted(keys, key=last_use, reverse=True)[kept - 1 :]:
            shutil.rmtree(folder, ignore_errors=True)


def key_of(facts: Iterable[str], sources: Iterable[Path]) -> str:
    """A folder's name: the hash of what the code was compiled for and with, and of its sources."""
    hashed = hashlib.sha256()
    for fact in (*facts, sys.implementation.cache_tag, platform.machine(), platform.system()):
        hashed.update(f"{len(fact)}:{fact}".encode())
    for source in sources:
        content = source.read_bytes()
        hashed.update(f"{len(source.name)}:{source.name}:{len(content)}:".encode() + content)
    return hashed.hexdigest()[:24]
