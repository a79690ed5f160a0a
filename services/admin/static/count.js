// How many SMS the words of a message take, as they are typed: 3GPP TS 23.038. What {name|first} becomes is
// counted as it is written; "Count and price" takes the widest name.
"use strict";

const ONE = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
const TWO = new Set("\f^{}\\[~]|€");

function counted(text) {
  const letters = [...text];
  const gsm = letters.every((each) => ONE.has(each) || TWO.has(each));
  const units = gsm ? letters.reduce((sum, each) => sum + (TWO.has(each) ? 2 : 1), 0) : text.length;
  const [alone, chained] = gsm ? [160, 153] : [70, 67];
  const parts = units <= alone ? 1 : Math.ceil(units / chained);
  const what = gsm ? "septets" : "characters, as one is not in the phone's alphabet";
  return units ? `${units} ${what}: ${parts} SMS` : "";
}

for (const area of document.querySelectorAll("textarea[data-count]")) {
  const told = document.getElementById(area.dataset.count);
  const tell = () => {
    told.textContent = counted(area.value);
  };
  area.addEventListener("input", tell);
  tell();
}
