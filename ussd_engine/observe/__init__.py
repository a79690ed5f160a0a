"""What an operator sees: metrics, logs.

`Board` holds every metric of a process; `setup_logging` and `mask` keep logs structured and free of
phone numbers and PINs.
"""

from ussd_engine.observe.board import Board
from ussd_engine.observe.logs import get_logger, mask, setup_logging

__all__ = ["Board", "get_logger", "mask", "setup_logging"]
