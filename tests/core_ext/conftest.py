"""Tests of core_ext run against both of its builds."""

import pytest

from tests.core_ext.builds import Core, compiled, interpreted


@pytest.fixture(params=["compiled", "interpreted"], scope="session")
def core(request: pytest.FixtureRequest) -> Core:
    """core_ext, compiled and then interpreted. The first is skipped where there is no compiler."""
    return compiled() if request.param == "compiled" else interpreted()


@pytest.fixture(scope="session")
def both() -> "tuple[Core, Core]":
    """Both builds at once, to compare byte for byte."""
    return compiled(), interpreted()
