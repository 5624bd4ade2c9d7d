"""Take and restore backups of all data: `python -m ops.backup take [DIRECTORY]`, `… restore DIRECTORY`.

A backup may be taken while the service runs. It contains every order that was acknowledged before it began, and such
an order continues from it. Temporal is copied first, so no store lacks a step that an order has recorded as done; where
a store is ahead, the order repeats the step and finds it done. The managers' view is copied last: it knows the orders
that arrived in between.

After a restore, events get numbers above all that were used before it (`ops.renumber_events`).
"""

import argparse
import asyncio
import json
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from domain.common import contexts
from domain.common.errors import StoreUnavailable
from ops.renumber_events import renumber
from runtime.settings import Settings
from stores.common.database import driver_url
from stores.common.dumps import DumpFailure, dump, is_empty, restore
from stores.common.revisions import version_table
from stores.common.sqlite import make_private
from stores.migration import METADATA
from supervisor.data_dir import no_longer_new, sole_use
from supervisor.part import Failure
from supervisor.temporal import database_file

_KEYS = ("payload_keys", "payload_binding", "access_log_key", "tracking_keys")
"""Files in `DATA_DIR`. Without them, nobody can read Temporal's copy, nor find a customer in the access log, nor use a
tracking token from before, and the restored service would believe more than before (`payload_binding`). Keys in
settings are not copied: their owner keeps them."""
_LATER = (contexts.EVENT_DELIVERY,)
"""Contexts that a backup of an earlier release does not have. Their databases are made anew."""
_MANIFEST = "backup.json"
"""Written last. A directory without it is not a backup."""


@dataclass(frozen=True)
class Part:
    """Database of the service."""

    name: str
    """The context, or `temporal`."""
    kind: str
    """The kind of database."""
    url: str
    tables: Sequence[str] = ()

    @property
    def file(self) -> str:
        """File name of its copy."""
        return f"{self.name}.{self.kind}"


def parts(settings: Settings) -> Sequence[Part]:
    """Return all databases in the order of copying. Temporal's is included only if the server is embedded."""
    return [*chain(*_stages(settings))]


def _stages(settings: Settings) -> Sequence[Sequence[Part]]:
    """Return the parts in stages. The copies of a stage begin together, and the next stage follows their completion.

    Only then is it certain that each dump program has fixed the moment of its copy.
    """
    embedded = [] if settings.temporal_address else [Part("temporal", "sqlite", f"sqlite:///{database_file(settings)}")]
    return [*embedded, *_stores(settings, derived=False)], _stores(settings, derived=True)


def _stores(settings: Settings, *, derived: bool) -> Sequence[Part]:
    return [
        Part(
            context,
            driver_url(settings.database_url(context)).get_backend_name(),
            settings.database_url(context),
            [*METADATA[context].tables, version_table(context)],
        )
        for context in (record.name for record in contexts.RECORDS if record.store and record.derived is derived)
    ]


def take(settings: Settings, directory: Path) -> None:
    """Copy every part into a new directory.

    Raises:
        DumpFailure, OSError: the backup failed. The directory does not exist then.
    """
    if directory.exists():
        raise FileExistsError(f"{directory} already exists")
    draft = directory.with_name(f"{directory.name}.unfinished")
    # It contains names, addresses and telephone numbers.
    draft.mkdir(mode=0o700, parents=True)
    begun_at = datetime.now(UTC)
    with ExitStack() as begun:
        begun.callback(shutil.rmtree, draft, ignore_errors=True)
        for stage in _stages(settings):
            copies = [begun.enter_context(dump(part.url, part.tables, draft / part.file)) for part in stage]
            for finish in copies:
                finish()
        for key in _key_files(settings):
            _copy_key(key, draft / key.name)
        manifest = {"begunAt": f"{begun_at:%Y-%m-%dT%H:%M:%SZ}", "files": [part.file for part in parts(settings)]}
        make_private(draft / _MANIFEST)
        (draft / _MANIFEST).write_text(json.dumps(manifest) + "\n", encoding="utf-8")
        draft.rename(directory)


def put_back(settings: Settings, directory: Path) -> None:
    """Restore every part. The target databases have to be empty, and the service must not run.

    Raises:
        Failure: this is not so, or the backup does not match the settings. Nothing was changed.
        DumpFailure, OSError: the restore failed. The databases cannot be used.
    """
    try:
        files = json.loads((directory / _MANIFEST).read_text(encoding="utf-8"))["files"]
    except OSError as error:
        raise Failure(f"{directory} is not a backup: {error.strerror}") from error
    known = {file.partition(".")[0] for file in files}
    configured = [part for part in parts(settings) if part.name in known or part.name not in _LATER]
    if files != [part.file for part in configured]:
        expected = ", ".join(part.file for part in configured)
        raise Failure(f"{directory} contains {', '.join(files)}; the settings require {expected}")
    with sole_use(settings.data_dir.resolve()):
        for part in configured:
            if not asyncio.run(is_empty(part.url, part.tables)):
                raise Failure(f"{part.file}: its target already contains data; move them away first")
        no_longer_new(settings.data_dir)
        for part in configured:
            restore(part.url, directory / part.file)
        for name in _KEYS:
            if (directory / name).exists():
                _copy_key(directory / name, settings.data_dir / name)
        asyncio.run(renumber(settings))


def _copy_key(source: Path, target: Path) -> None:
    make_private(target)
    shutil.copyfile(source, target)


def _key_files(settings: Settings) -> Sequence[Path]:
    """Return the files of keys that no setting gives."""
    files = [settings.data_dir / name for name in _KEYS if getattr(settings, name) is None]
    return [file for file in files if file.exists()]


def main() -> int:
    """Take or restore a backup. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(dest="what", required=True)
    default = Path("backups") / f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"
    taking = what.add_parser("take", help="copy all data to a new directory")
    taking.add_argument("directory", type=Path, nargs="?", default=default, help="by default backups/ and the time")
    restoring = what.add_parser("restore", help="restore a backup where no data exist, while nothing runs")
    restoring.add_argument("directory", type=Path, help="the directory of the backup")
    arguments = parser.parse_args()
    try:
        (take if arguments.what == "take" else put_back)(Settings(), arguments.directory)
    except (DumpFailure, Failure, StoreUnavailable, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(arguments.directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
