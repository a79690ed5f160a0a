"""The engine: any USSD service, as menus in YAML. It knows nothing of loans."""
