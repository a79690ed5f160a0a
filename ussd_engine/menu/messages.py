"""The engine's own sentences, in English and Swahili. A service may override each in `messages:`.

Short, kind, saying what to do; plain GSM-7. `{limit}`, the bound that was passed, is there for
too_small and too_large only; the defaults do without it because it may be money or a plain number. A
service with another language must give all of them in it.
"""

DEFAULTS: dict[str, dict[str, str]] = {
    "invalid_choice": {
        "en": "Please choose one of the numbers shown.",
        "sw": "Tafadhali chagua moja ya namba ulizoonyeshwa.",
    },
    "invalid_text": {"en": "Please type it again, in letters.", "sw": "Tafadhali andika tena, kwa herufi."},
    "invalid_digits": {
        "en": "Please type digits only, as many as asked.",
        "sw": "Tafadhali andika tarakimu pekee, idadi inayotakiwa.",
    },
    "invalid_integer": {"en": "Please type a whole number.", "sw": "Tafadhali andika namba kamili."},
    "invalid_money": {
        "en": "Please type an amount in shillings, like 1500.",
        "sw": "Tafadhali andika kiasi kwa shilingi, mfano 1500.",
    },
    "invalid_phone": {
        "en": "Please type a phone number, like 0712345678.",
        "sw": "Tafadhali andika namba ya simu, mfano 0712345678.",
    },
    "invalid_date": {
        "en": "Please type a date as day, month, year, like 25122026.",
        "sw": "Tafadhali andika tarehe: siku, mwezi, mwaka, mfano 25122026.",
    },
    "invalid_pin": {
        "en": "That is not a PIN. Please type its digits only.",
        "sw": "Hiyo si PIN. Tafadhali andika tarakimu zake pekee.",
    },
    "invalid_pattern": {
        "en": "That does not look right. Please type it again.",
        "sw": "Hiyo si sahihi. Tafadhali andika tena.",
    },
    "too_small": {
        "en": "That is too little. Please type a greater amount.",
        "sw": "Hiyo ni ndogo mno. Tafadhali andika kiasi kikubwa zaidi.",
    },
    "too_large": {
        "en": "That is too much. Please type a smaller amount.",
        "sw": "Hiyo ni kubwa mno. Tafadhali andika kiasi kidogo zaidi.",
    },
    "back": {"en": "Back", "sw": "Rudi"},
    "home": {"en": "Home", "sw": "Mwanzo"},
    "more": {"en": "More", "sw": "Zaidi"},
    "resume_ask": {
        "en": "You were not finished last time. Go on?",
        "sw": "Hukumaliza mara iliyopita. Endelea?",
    },
    "resume_continue": {"en": "Go on", "sw": "Endelea"},
    "resume_restart": {"en": "Start again", "sw": "Anza upya"},
    "expired": {
        "en": "Your time ran out. Please dial again.",
        "sw": "Muda wako umeisha. Tafadhali piga tena.",
    },
    "fault": {
        "en": "Sorry, something went wrong on our side. Please dial again later.",
        "sw": "Samahani, kuna hitilafu upande wetu. Tafadhali piga tena baadaye.",
    },
    "late": {
        "en": "This is taking longer than usual. Please dial again in a few minutes to see the result.",
        "sw": "Hii inachukua muda zaidi ya kawaida. Piga tena baada ya dakika chache kuona matokeo.",
    },
    "busy": {
        "en": "Many people are dialling just now. Please try again in a minute.",
        "sw": "Watu wengi wanapiga sasa hivi. Tafadhali jaribu tena baada ya dakika moja.",
    },
    "too_often": {
        "en": "You have dialled very often. Please wait a minute and dial again.",
        "sw": "Umepiga mara nyingi sana. Tafadhali subiri dakika moja, kisha upige tena.",
    },
    "unknown_code": {
        "en": "This code is not in use. Please check it and dial again.",
        "sw": "Namba hii haitumiki. Tafadhali ihakikishe na upige tena.",
    },
}
