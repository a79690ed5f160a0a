"""The server of tests/api, whose pages are read as a monitor reads them."""

from tests.api import conftest as api_

api, api_environment, terms = api_.api, api_.api_environment, api_.terms  # fixtures
logging_as_in_production = api_.logging_as_in_production
