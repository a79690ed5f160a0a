"""`ussd draw`: every state and every way on is in the picture, and odd characters do not break it."""

from pathlib import Path

import pytest

from tests.menu_tools.folders import kiosk, written
from ussd_engine.errors import MenuError, UssdError
from ussd_engine.menu.draw import draw_folder

MERMAID = """\
flowchart TD
  dial(("dial")) --> s_main
  subgraph g0["service.yaml"]
    s_main["main<br/>Kiosk #lt;1#gt;"]
    s_amount[/"amount<br/>How much?"/]
    s_price{{"price<br/>shop.price"}}
    s_which{"which"}
    s_pin[/"pin<br/>PIN?"/]
    s_pay{{"pay<br/>shop.pay"}}
    s_left(["left<br/>Come back soon"])
    s_bye(["bye<br/>Bye {price.total}"])
  end
  s_main -->|"Buy #quot;now#quot;"| s_amount
  s_main -->|"Leave [!subscriber.member]"| s_left
  s_amount --> s_price
  s_price -->|"ok"| s_which
  s_price -->|"failed"| s_main
  s_which -->|"price.total #gt; 100000"| s_pin
  s_which -->|"else"| s_bye
  s_pin --> s_pay
  s_pay -->|"ok"| s_bye
  s_pay -->|"failed"| s_bye
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path, {})


def test_mermaid_shows_every_state_and_way(folder: Path) -> None:
    assert draw_folder(folder, kiosk()) == MERMAID


def test_graphviz_quotes_what_it_must(folder: Path) -> None:
    text = draw_folder(folder, kiosk(), "dot")
    assert '"main" [label="main\\nKiosk <1>", shape=box];' in text
    assert '"main" -> "amount" [label="Buy \\"now\\""];' in text
    assert text.count(" -> ") == MERMAID.count(" -->")


def test_labels_are_in_the_language_asked_for(folder: Path) -> None:
    assert "Kioski" in draw_folder(folder, kiosk(), language="sw")


def test_an_unknown_format_or_language_says_what_there_is(folder: Path) -> None:
    with pytest.raises(UssdError, match="There are: mermaid, dot"):
        draw_folder(folder, kiosk(), "png")
    with pytest.raises(UssdError, match="They speak: en, sw"):
        draw_folder(folder, kiosk(), language="fr")


def test_menus_with_errors_are_not_drawn(folder: Path) -> None:
    service = folder / "service.yaml"
    service.write_text(service.read_text().replace("to: amount", "to: amont"))
    with pytest.raises(MenuError, match="Did you mean `amount`"):
        draw_folder(folder, kiosk())
