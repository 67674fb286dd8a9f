"""The district that analytics is tested on."""

import pytest

from geo.district import District, load_district
from tests.street import write_street


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> District:
    """One street with four segments, loaded."""
    return load_district(write_street(tmp_path_factory.mktemp("street")))
