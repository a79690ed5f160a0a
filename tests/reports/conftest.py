from tests.services import conftest as services

pool, terms = services.pool, services.terms  # fixtures
