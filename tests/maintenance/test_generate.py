"""Generated files in the repository are those that the tables and architectures give."""

import pytest

from fer_edge.maintenance import generate


@pytest.mark.parametrize("path", generate.contents())
def test_generated_files_are_up_to_date(path: str) -> None:
    assert (generate.ROOT / path).read_text() == generate.contents()[path], "`make generate` writes it anew"
