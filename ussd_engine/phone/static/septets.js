// What a text costs on the wire, as core_ext.text.size counts it: GSM 7-bit septets (3GPP TS 23.038),
// or UCS-2 units as soon as one character is outside that alphabet.

const BASIC = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
  "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
const EXTENSION = new Set("\f^{}\\[~]|€");

/** Units a text takes, and whether they are septets. */
export function size(text) {
  let units = 0;
  for (const character of text) {
    if (BASIC.has(character)) units += 1;
    else if (EXTENSION.has(character)) units += 2;
    else return { units: text.length, gsm: false };
  }
  return { units, gsm: true };
}

/** Units a screen of so many septets holds. */
export function capacity(septets, gsm) {
  return gsm ? septets : Math.floor(Math.floor((septets * 7 + 7) / 8) / 2);
}
