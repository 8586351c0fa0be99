"""The SDK's models, read faster: a client costs a megabyte of JSON and two looks at every service's folder.

One reader for all connections. What does not belong here: anything about requests.
"""

from __future__ import annotations

import gzip
import os
from functools import cache
from typing import Any

import msgspec
from botocore.loaders import Loader, create_loader

_KINDS = ((".json", open), (".json.gz", gzip.open))


class _Files:
    """Finds and reads one file, in the SDK's sense of a file loader; paths come without their endings."""

    def exists(self, file_path: str) -> bool:
        return any(os.path.isfile(file_path + ending) for ending, _ in _KINDS)

    def load_file(self, file_path: str) -> Any:
        for ending, opened in _KINDS:
            if os.path.isfile(file_path + ending):
                with opened(file_path + ending, "rb") as file:
                    return msgspec.json.decode(file.read())
        return None


class _Models(Loader):  # type: ignore[misc]  # the SDK has no types
    """Looks for models where the SDK does."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - the signature is the SDK's
        """Return what may be a service: whether it has the model wanted shows when that is opened."""
        return [name for path in self.search_paths if os.path.isdir(path) for name in os.listdir(path)]


@cache
def reader(data_path: str | None) -> Loader:
    """Return the reader for a value of `AWS_DATA_PATH`."""
    usual = create_loader(data_path)
    extra = [path for path in usual.search_paths if path not in {Loader.CUSTOMER_DATA_PATH, Loader.BUILTIN_DATA_PATH}]
    return _Models(extra_search_paths=extra, file_loader=_Files())
