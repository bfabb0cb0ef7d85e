from __future__ import annotations

import pytest

from sdlab.catalog import load_design
from sdlab.spec import Design


@pytest.fixture(scope="session")
def design() -> Design:
    return load_design("url_shortener")
