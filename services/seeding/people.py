"""Made-up people. Their numbers begin 2549: no Kenyan network has such numbers, so nobody can be called."""

from collections.abc import Callable
from dataclasses import dataclass, field

Chance = Callable[[], float]

MSISDN_FROM = 254_900_000_000
NATIONAL_ID_FROM = 900_000_000


def _words(text: str) -> list[str]:
    return text.split()


_GIVEN = _words("""
Mary John Grace Peter Faith James Mercy Joseph Esther David Jane Daniel Ann Samuel Lucy Stephen Ruth
Paul Joyce Brian Sarah Kevin Rose Dennis Eunice Victor Caroline Moses Alice Isaac Purity Collins
Margaret Felix Beatrice Geoffrey Winnie Ibrahim Sharon Hassan Lilian Abdi Irene Elijah Naomi Amos
Agnes Simon Halima Josphat Fatuma Philip Amina Edwin Zainab Patrick Zipporah Nicholas Tabitha
Ezekiel
""")
_MIDDLE = _words("""
Wanjiru Njeri Akinyi Atieno Achieng Wambui Chebet Wanjiku Nyambura Jepkosgei Nekesa Mwende Wairimu
Adhiambo Moraa Kemunto Nafula Wangari Anyango Jeptoo Mueni Kerubo Naliaka Cherono Mumbua Nyaboke
Kamau Mwangi Otieno Kiprono Mutua Ochieng Njoroge Kipchoge Wafula Musyoka Onyango Kariuki Kibet
Maina
""")
_FAMILY = _words("""
Kamau Mwangi Otieno Ochieng Njoroge Kariuki Maina Odhiambo Kimani Mutua Wafula Musyoka Omondi Koech
Kiprotich Rotich Barasa Simiyu Nyaga Gitau Mbugua Waweru Okoth Onyango Owino Kiptoo Cheruiyot Mutiso
Nzioka Muthoni Mũgo Ndũng'u Wekesa Juma Hassan Abdi Mohamed Ali Bakari Nyong'o Ouma Kilonzo Makori
Ondieki Momanyi Bosire Kosgei Langat Keter Mwakio Karisa Kazungu Charo Lelei Muriuki Gatwiri Kinyua
""")


@dataclass(slots=True)
class Person:
    """A borrower and what the lender knows of them by now. care: 0 pays late, 1 pays in time.
    credit_cents: held for them; credit_sums: debits and credits of the account it is held on."""

    number: int
    name: str
    language: str
    care: float
    joined: int
    repaid: int = 0
    in_time: int = 0
    largest_cents: int = 0
    defaults: int = 0
    recent_late: list[int] = field(default_factory=list)
    credit_cents: int = 0
    credit_account: int = 0
    credit_sums: list[int] = field(default_factory=lambda: [0, 0])

    @property
    def msisdn(self) -> str:
        """Their number."""
        return str(MSISDN_FROM + self.number)


def meet(number: int, joined: int, chance: Chance) -> Person:
    """Somebody new. The first names of each list are frequent, as they are in life."""
    words = [_pick(_GIVEN, chance()), _pick(_FAMILY, chance())]
    if chance() < 0.6:
        words.insert(1, _pick(_MIDDLE, chance()))
    language = "sw" if chance() < 0.55 else "en"
    return Person(number, " ".join(words), language, chance(), joined)


def _pick(names: list[str], share: float) -> str:
    return names[int(share**1.6 * len(names))]
