"""YAML nodes to the menu model; every fault of shape is reported where it is, and nothing raises."""

from ussd_engine.menu.reading.folder import read_folder

__all__ = ["read_folder"]
