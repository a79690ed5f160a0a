"""`ussd sms-callbacks`: what to enter on the gateway's dashboard."""


def sms_callbacks() -> None:
    """Print the paths to enter on Africa's Talking's dashboard, behind this server's address."""
    import typer

    from services.sms.callbacks import paths
    from ussd_engine.settings import settings

    chosen = settings()
    chosen.require_safe()
    report, opt_out = paths(chosen.secret.get_secret_value().encode())
    typer.echo(f"Delivery reports  {report}\nOpt-outs          {opt_out}")
