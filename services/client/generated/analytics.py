"""Analytics. Made by `python -m services.api.make_client`; not by hand."""

from datetime import date
from typing import Literal

from services.client.caller import Caller
from services.client.generated import models


class Analytics(Caller):
    """Analytics."""

    async def analytics_conversion(
        self, *, until: date | None = None, days: int | None = None
    ) -> models.Conversion:
        """Of the sessions begun, how many came to an application, and to money."""
        return await self._for(
            models.Conversion, "GET", "/analytics/conversion", {"until": until, "days": days}
        )

    async def analytics_funnel(
        self,
        *,
        until: date | None = None,
        days: int | None = None,
        bundle: str | None = None,
        by_network: bool | None = None,
        by_language: bool | None = None,
    ) -> models.Funnel:
        """Where people stop, by state of each menu version, how long they take, and how sessions end."""
        return await self._for(
            models.Funnel,
            "GET",
            "/analytics/funnel",
            {
                "until": until,
                "days": days,
                "bundle": bundle,
                "by_network": by_network,
                "by_language": by_language,
            },
        )

    async def analytics_disbursement_time(
        self, *, until: date | None = None, days: int | None = None
    ) -> models.DisbursementTimes:
        """Seconds from the application to the money, by the day it came."""
        return await self._for(
            models.DisbursementTimes, "GET", "/analytics/disbursement-time", {"until": until, "days": days}
        )

    async def analytics_portfolio(
        self, *, until: date | None = None, days: int | None = None
    ) -> models.Portfolio:
        """What is owed, and PAR 1, 30, 60 and 90: now, and at the end of each day."""
        return await self._for(
            models.Portfolio, "GET", "/analytics/portfolio", {"until": until, "days": days}
        )

    async def analytics_vintages(self, *, months: int | None = None) -> models.Vintages:
        """Vintage curves: the loans of a month, month by month on book."""
        return await self._for(models.Vintages, "GET", "/analytics/vintages", {"months": months})

    async def analytics_defaults(self, *, months: int | None = None) -> models.DefaultRates:
        """Of the loans of each month, those that stopped performing."""
        return await self._for(models.DefaultRates, "GET", "/analytics/defaults", {"months": months})

    async def analytics_collections(
        self, *, until: date | None = None, days: int | None = None
    ) -> models.Collections:
        """What fell due and how much of it came by when, what came each day, and today's promise."""
        return await self._for(
            models.Collections, "GET", "/analytics/collections", {"until": until, "days": days}
        )

    async def analytics_limits(
        self, *, until: date | None = None, days: int | None = None
    ) -> models.LimitUse:
        """Limits granted, and how much of them is drawn."""
        return await self._for(models.LimitUse, "GET", "/analytics/limits", {"until": until, "days": days})

    async def analytics_active_borrowers(self) -> models.ActiveBorrowers:
        """Borrowers with whom money moved in the last 30 and 90 days."""
        return await self._for(models.ActiveBorrowers, "GET", "/analytics/active-borrowers", {})

    async def analytics_costs(self, *, until: date | None = None, days: int | None = None) -> models.Costs:
        """What messages, sessions and M-Pesa cost, and what that is for each loan paid out."""
        return await self._for(models.Costs, "GET", "/analytics/costs", {"until": until, "days": days})

    async def analytics_service(
        self,
        *,
        until: date | None = None,
        days: int | None = None,
        step: Literal["hour", "day"] | None = None,
    ) -> models.ServiceLevel:
        """How long turns and actions take, and how many fail."""
        return await self._for(
            models.ServiceLevel, "GET", "/analytics/service", {"until": until, "days": days, "step": step}
        )
