from __future__ import annotations

import pytest

from fsroute import resources


@pytest.mark.parametrize("name", sorted(resources.FOLDERS))
def test_each_folder_is_found_in_the_source_tree(name: str) -> None:
    assert any(resources.folder(name).iterdir())


def test_no_other_folder_is_given() -> None:
    with pytest.raises(ValueError, match="tests"):
        resources.folder("tests")
