"""Gateways: a map in YAML for each aggregator, and the one adapter that reads maps.

    maps = load_maps(settings.gateways_dir)
    adapter = Adapter(maps["africastalking"], settings.max_body)
    turn = adapter.understand("POST", content_type, "", body)
    status, content_type, body, headers = adapter.answer(reply, turn)

Nothing here does I/O once the maps are loaded, so every driver of a turn can use it.
"""

from ussd_engine.gateways.adapter import Adapter
from ussd_engine.gateways.answer import HttpAnswer
from ussd_engine.gateways.loading import load_map, load_maps
from ussd_engine.gateways.map import GatewayMap

__all__ = ["Adapter", "GatewayMap", "HttpAnswer", "load_map", "load_maps"]
