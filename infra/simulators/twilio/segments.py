"""How many SMS segments a text is.

https://www.twilio.com/docs/glossary/what-sms-character-limit
"""

_GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_7_EXTENDED = frozenset("\f^{}\\[~]|€")


def segments(body: str) -> int:
    """Seven-bit texts hold 160 (153 when joined) characters, any other 70 (67) UTF-16 units."""
    if all(letter in _GSM_7 or letter in _GSM_7_EXTENDED for letter in body):
        length = sum(2 if letter in _GSM_7_EXTENDED else 1 for letter in body)
        alone, joined = 160, 153
    else:
        length = len(body.encode("utf-16-be", "surrogatepass")) // 2
        alone, joined = 70, 67
    return 1 if length <= alone else -(-length // joined)
