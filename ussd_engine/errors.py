"""What the engine raises.

UssdError
├── MenuError        a menu folder that does not check; carries its findings
├── GatewayError     a request no gateway map accepts; answered with a 4xx
├── BundleError      a bundle that is not there, or not of this service
├── StoreError       Redis is away, or did not answer in time
└── SettingsError    a setting is missing or unsafe; the process does not start

Each message says what happened and what to do; the command line prints it without a traceback.
"""


class UssdError(Exception):
    """Base of all errors of the engine."""


class MenuError(UssdError):
    """The menu folder has errors. Run: ussd check FOLDER"""


class GatewayError(UssdError):
    """The request is not one this gateway sends.

    status: the HTTP status to answer with; reason: a short name for the metric.
    """

    def __init__(self, message: str, *, status: int = 400, reason: str = "bad_request") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class BundleError(UssdError):
    """No such menu version. See them with: ussd versions"""


class StoreError(UssdError):
    """Redis did not answer. Is it running at REDIS_URL?"""


class SettingsError(UssdError):
    """A setting is missing or unsafe."""
