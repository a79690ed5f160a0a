"""Scoring. Made by `python -m services.api.make_client`; not by hand."""

from services.client.caller import Caller
from services.client.generated import models


class Scoring(Caller):
    """Scoring."""

    async def explain_score(
        self,
        *,
        borrower_id: int | None = None,
        loans_repaid: float | None = None,
        worst_days_late: float | None = None,
        defaults: float | None = None,
        days_overdue: float | None = None,
        tenure_days: float | None = None,
        mean_days_late: float | None = None,
        days_since_repaid: float | None = None,
        largest_repaid: float | None = None,
        payments_per_loan: float | None = None,
        utilisation_percent: float | None = None,
        refusals_30d: float | None = None,
        failed_prompts_30d: float | None = None,
        mpesa_days: float | None = None,
        mpesa_in_month: float | None = None,
        mpesa_out_percent: float | None = None,
        mpesa_regular_percent: float | None = None,
        mpesa_in_spread: float | None = None,
    ) -> models.Explanation:
        """Explain a score: of a borrower as they stand today, or of features."""
        return await self._for(
            models.Explanation,
            "GET",
            "/scoring/explain",
            {
                "borrower_id": borrower_id,
                "loans_repaid": loans_repaid,
                "worst_days_late": worst_days_late,
                "defaults": defaults,
                "days_overdue": days_overdue,
                "tenure_days": tenure_days,
                "mean_days_late": mean_days_late,
                "days_since_repaid": days_since_repaid,
                "largest_repaid": largest_repaid,
                "payments_per_loan": payments_per_loan,
                "utilisation_percent": utilisation_percent,
                "refusals_30d": refusals_30d,
                "failed_prompts_30d": failed_prompts_30d,
                "mpesa_days": mpesa_days,
                "mpesa_in_month": mpesa_in_month,
                "mpesa_out_percent": mpesa_out_percent,
                "mpesa_regular_percent": mpesa_regular_percent,
                "mpesa_in_spread": mpesa_in_spread,
            },
        )
