"""One average adult for all files of this folder, built once."""

import pytest

from anymo import body


@pytest.fixture(scope="session")
def anny_adult(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANYMO_CACHE", str(tmp_path_factory.mktemp("cache")))
        return body.load()
