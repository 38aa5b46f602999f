"""Opt-out words in every disguise, refusals in six languages, and the ordinary text that is neither."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsrally.consent import refusals, words
from leadsrally.consent.keywords import LANGUAGES, Reading, read

CASES = Path(__file__).parents[1] / "cases" / "consent"
ORDINARY = [
    line.replace("\\n", "\n")
    for line in (CASES / "ordinary.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]

WRITTEN_APART = [
    (line.split("\t")[0], line.split("\t")[1])
    for line in (CASES / "refusals.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]

UNIVERSAL = sorted({*words.FCC, *words.TWILIO, *words.CARRIER, *words.VARIANTS})
ALL_STOP = sorted({*UNIVERSAL, *(word for listed in words.STOP_BY_LANGUAGE.values() for word in listed)})


def signal(text: str, languages: frozenset[str] = LANGUAGES) -> str | None:
    return read(text, languages).signal


# --- S1: a word is the whole message ------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ALL_STOP, ids=lambda word: f"S1-{word}")
def test_S1_every_listed_word_opts_out(word: str) -> None:
    assert read(word) == Reading("stop", word)
    assert signal(word.upper()) == "stop"
    assert signal(word.title()) == "stop"


@pytest.mark.parametrize("word", UNIVERSAL, ids=lambda word: f"S1-{word}")
def test_S1_the_words_of_law_and_carriers_count_in_every_language(word: str) -> None:
    assert signal(word, frozenset()) == "stop"
    assert signal(word, frozenset({"xx"})) == "stop"


def test_S1_a_language_that_is_off_has_no_words() -> None:
    assert signal("SAIR", frozenset({"es"})) is None
    assert signal("SAIR", frozenset({"pt"})) == "stop"
    assert read("ALTO", ["es"]).signal == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop", " Stop. ", "STOP!", "STOP!!!", "«stop»", "“Stop”", "'stop'", "*STOP*", "(stop)", "[STOP]", "stop…",
        "¡STOP!", "#stop", "-stop-", "ＳＴＯＰ", "ｓｔｏｐ．", "𝐒𝐓𝐎𝐏", "ⓢⓣⓞⓟ", "st\u200bop", "\ufeffSTOP", "S\u00adTOP", "\u202eSTOP",
        "s\u0301t\u0308op", "S T O P", "s.t.o.p.", "S-T-O-P", "s_t_o_p", "S\nT\nO\nP", "st.op", "ST OP", "🛑STOP🛑", "STOP 🛑", "🛑 stop ✋🏽", "STOP\x00",
        "STOOOP", "stopppp", "ST0P", "5TOP", "ЅТОР", "СТОП", "ΣΤΟΠ", "STOP STOP STOP", "stop, stop!", "stop. unsubscribe.",
        "STOP ALL", "StopAll", "stop-all", "Opt out", "OPT-OUT", "optout", "opt  out", "un subscribe", "Un-subscribe!",
        "stop please", "please stop", "Pls stop!!", "stop thanks", "Please stop now", "stop, thank you", "thank you, stop", "ok stop",
        "STOP por favor", "alto, gracias", "por favor cancelar", "S'il vous plaît, arrêtez", "stop svp", "bitte abmelden", "stopp danke",
        "stop per favore", "ARRÊT", "arrêt", "ARRE\u0302T", "no más", "NO MÁS", "No mas!", "não mais", "désabonner", "Aufhören", "AUFHOEREN",
        "Stop.\nSent from my iPhone", "STOP\n-- John", "STOP\r\n--\r\nJohn Smith\r\n+1 415 867 5310", "stop\n\nGet Outlook for Android",
        "Baja\nEnviado desde mi iPhone", "Stopp\nVon meinem iPhone gesendet", "STOP\n— Ann",
    ],
    ids=lambda text: f"S1-{text!a}",
)  # fmt: skip
def test_S1_a_disguise_changes_nothing(text: str) -> None:
    assert signal(text) == "stop"


INVISIBLE = st.sampled_from(["", "", "", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u202e", "\ufe0f", "\u0301", "\u0308", "\u0327", "\x00", "\u034f"])  # fmt: skip
SURROUNDING = st.text(
    st.sampled_from(
        list(" \t\n\r.,!?;:'\"«»“”‘’()[]{}<>*_~#-–—…/\\|¡¿🛑😀👍🏽✋❤🙏\u200b\ufeff\u3000\u00a0")
    ),
    max_size=8,
)
WIDE = {ord(ch): ord(ch) + 0xFEE0 for ch in map(chr, range(0x21, 0x7F))}


@st.composite
def disguised(draw: st.DrawFn) -> str:
    word = draw(st.sampled_from(ALL_STOP))
    letters = "".join(draw(st.sampled_from([ch, ch.upper()])) + draw(INVISIBLE) for ch in word)
    if draw(st.booleans()):
        letters = letters.translate(WIDE)
    if draw(st.booleans()):
        letters = letters.replace(" ", draw(st.sampled_from(["  ", "-", "\n", "\u00a0", ". "])))
    return draw(SURROUNDING) + letters + draw(SURROUNDING)


@given(disguised())
@settings(max_examples=1500, deadline=None)
def test_S1_any_word_in_any_disguise_opts_out(text: str) -> None:
    assert signal(text) == "stop"


@given(
    st.sampled_from([word for word in UNIVERSAL if " " not in word]),
    st.sampled_from([" ", ".", "-", "  ", "_", "\n", "·"]),
)
@settings(deadline=None)
def test_S1_letters_set_apart_are_still_the_word(word: str, between: str) -> None:
    assert signal(between.join(word.upper())) == "stop"


@given(
    st.lists(st.sampled_from(sorted(words.POLITE)), max_size=3),
    st.sampled_from(ALL_STOP),
    st.lists(st.sampled_from(sorted(words.POLITE)), max_size=3),
)
@settings(deadline=None)
def test_S1_politeness_takes_nothing_back(before: list[str], word: str, after: list[str]) -> None:
    assert signal(" ".join([*before, word, *after])) == "stop"


# --- S2: a refusal in other words ---------------------------------------------------------------------------------

REFUSED = {
    "en": [
        "please don't text me anymore", "take me off your list", "wrong number, stop", "Wrong number", "stop texting me",
        "leave me alone", "Please leave me alone!!", "STOP TEXTING ME", "Stop texting", "quit texting me", "stop messaging us",
        "Please stop sending me messages", "stop sending these texts", "stop spamming me", "stop contacting me", "no more texts",
        "no more messages please", "Don't text me again", "Do not contact me again.", "Dont message me", "never text this number again",
        "don\u2019t text me anymore", "I don't want your texts", "I don't want to receive any more messages", "I no longer wish to receive texts from you",
        "I do not want to be contacted", "remove me from your list", "Remove my number from your database please",
        "take my number off your list", "please remove me", "take me off", "unsubscribe me from this",
        "I want to opt out", "I'd like to unsubscribe", "I revoke my consent", "I withdraw consent to be contacted", "not interested. STOP",
        "STOP!! I said stop", "who is this? stop", "stop it", "you have the wrong number", "Sorry, wrong number",
        "lose my number", "fuck off", "I told you to stop texting me", "can you please stop texting me", "Hi, please take me off this list. Thanks",
        "stop all messages", "cancel all texts", "cease and desist", "Who gave you my number? Remove me from your list", "please do not text or call me",
        "don't send me any more texts", "please opt me out of this", "Do not send texts to this number again",
    ],
    "es": [
        "no más mensajes", "No me escriban más", "no me escriban más por favor", "no me manden más mensajes", "No quiero recibir más mensajes", "no quiero sus mensajes",
        "dejen de escribirme", "deja de mandarme mensajes", "quítenme de su lista", "sáquenme de la lista por favor", "bórrame de tu lista",
        "déjame en paz", "déjenme en paz por favor", "número equivocado", "No me contacten",
    ],
    "pt": [
        "Não quero mais receber mensagens", "não quero receber suas mensagens", "pare de me mandar mensagens", "Parem de me enviar mensagem", "não me mande mais mensagens",
        "nao me escreva mais", "me tire da sua lista", "remova meu numero da lista", "me deixe em paz", "chega de mensagens", "número errado",
    ],
    "fr": [
        "Ne m'envoyez plus de SMS", "ne m'écrivez plus", "ne me contactez plus", "Arrêtez de m'envoyer des messages", "arrête de m'écrire", "Je ne veux plus recevoir de messages",
        "je ne veux plus de vos SMS", "retirez-moi de votre liste", "désinscrivez-moi", "plus de messages svp", "laissez-moi tranquille", "mauvais numéro",
    ],
    "de": [
        "Bitte keine Nachrichten mehr", "keine SMS mehr", "Schreiben Sie mir nicht mehr", "schreib mir nie wieder", "Bitte nicht mehr schreiben", "hören Sie auf, mir zu schreiben",
        "Nehmen Sie mich von der Liste", "löschen Sie mich aus Ihrer Datenbank", "Ich möchte keine weiteren Nachrichten", "lass mich in Ruhe", "falsche Nummer", "keine weiteren SMS bitte",
        "Ich will keine Nachrichten von Ihnen",
    ],
    "it": [
        "Non scrivetemi più", "non mi scriva più per favore", "basta messaggi", "smettetela di scrivermi", "Smettila di mandarmi messaggi", "non voglio più ricevere messaggi",
        "non voglio messaggi", "toglietemi dalla lista", "cancellatemi dal vostro database", "lasciami in pace", "numero sbagliato",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    "text", [text for texts in REFUSED.values() for text in texts], ids=lambda text: f"S2-{text!a}"
)
def test_S2_an_unmistakable_refusal_opts_out(text: str) -> None:
    reading = read(text)
    assert reading.signal == "refusal"
    assert reading.word
    assert signal(text.upper()) == "refusal"
    assert signal(f"  {text} 🙏 ") in {"refusal", "stop"}


def test_S2_a_name_below_the_word_is_taken_for_a_signature_and_reviewed() -> None:
    assert read("STOP\nJohn Smith") == Reading("refusal", "stop")
    assert read("Unsubscribe\n\nAnn") == Reading("refusal", "unsubscribe")
    assert signal("STOP\nby the office") == "unclear"
    assert signal("Cancel\nMonday") == "unclear"


@pytest.mark.parametrize(
    "text",
    [
        "unsubscribe me",
        "please unsubscribe",
        "opt me out please",
        "No. Stop.",
        "just stop",
        "quiero darme de baja",
    ],
    ids=lambda text: f"S2-{text!a}",
)
def test_S2_short_refusals_count_as_the_word_itself(text: str) -> None:
    assert signal(text) == "stop"


@pytest.mark.parametrize("rule", refusals.RULES, ids=lambda rule: f"S2-{rule.name}")
def test_S2_every_rule_is_reached_by_a_sentence(rule: refusals.Rule) -> None:
    known = [text for texts in REFUSED.values() for text in texts] + [text for _, text in WRITTEN_APART] + [
        "please stop sending me this crap", "please, just leave me alone, ok thanks", "and lose my number",
        "quiero que me den de baja de la lista",
    ]  # fmt: skip
    assert any(read(text) == Reading("refusal", rule.name) for text in known)


@pytest.mark.parametrize("language", sorted({language for language, _ in WRITTEN_APART}))
def test_S2_the_recall_of_refusals_that_were_written_apart_from_the_rules(language: str) -> None:
    """Held back (opted out, or paused for a person): 90 of 100 when it was first read, all of them since; of the 93,
    82 of 100 were opted out at once by the rules as they had been. The gate is what may not be lost again.
    """
    texts = [text for of, text in WRITTEN_APART if of == language]
    signals = [signal(text) for text in texts]
    held_back = [
        text for text, said in zip(texts, signals, strict=True) if said in ("stop", "refusal", "unclear")
    ]
    at_once = [said for said in signals if said in ("stop", "refusal")]
    assert len(held_back) == len(texts), set(texts) - set(held_back)
    assert len(at_once) >= 0.8 * len(texts)


def test_S3_no_part_of_the_new_rules_opts_out_what_is_not_meant() -> None:
    for text in (
        "enough with the jokes", "I have had enough of this weather", "ya no me manden el pedido, lo recojo", "basta de lluvia",
        "quero sair da loja antes das 5", "ne plus venir lundi", "je veux me desabonner du journal local", "melden Sie sich bitte",
        "il mio numero e questo", "voglio cancellarmi dalla palestra", "favor de no mandar mas bicicletas",
    ):  # fmt: skip
        assert signal(text) not in {"stop", "refusal"}, text


def test_S2_the_evidence_never_holds_the_text() -> None:
    for texts in REFUSED.values():
        for text in texts:
            word = read(f"Ann Lee 4158675310, {text}").word
            assert word is None or not any(part in word for part in ("ann", "lee", "415"))


# --- S3: a word in other text -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "don't stop", "bus stop on 5th", "end of month works", "cancel my 3pm", "Stop by at 5?", "Don't stop texting me", "why did you stop texting me?",
        "can I stop by tomorrow?", "please do not unsubscribe me", "how do I unsubscribe?", "reply STOP to opt out", "Stop or I'll buy more", "stop start", "STOP HELP",
        "I want to cancel", "can I cancel?", "Ok, cancel", "no, cancel", "Cancel\nMonday", "don't text me before 9am", "Don't text me at work, use my cell", "stop texting me so late",
        "stop texting me after 9pm", "I gave you the wrong number, sorry", "not interested", "No, not interested", "I'm not interested, thanks", "no me interesa", "kein Interesse",
        "I never told you to stop texting me", "no more texts after 9pm", "no dejen de escribirme", "n'arrêtez pas de m'écrire", "if you stop texting me I will miss out", "🛑",
        "cancelar la cita", "parar un momento", "remove the blue one", "They never stop texting me", "Don't remove me from your list",
    ],
    ids=lambda text: f"S3-{text!a}",
)  # fmt: skip
def test_S3_a_word_inside_other_text_asks_a_person(text: str) -> None:
    assert signal(text) == "unclear"


@pytest.mark.parametrize("text", ORDINARY, ids=lambda text: f"S3-{text!a}")
def test_S3_ordinary_text_opts_nobody_out(text: str) -> None:
    assert signal(text) not in {"stop", "refusal"}


def test_S3_ordinary_text_seldom_asks_a_person() -> None:
    asked = [text for text in ORDINARY if signal(text) == "unclear"]
    assert len(ORDINARY) >= 100
    assert len(asked) <= len(ORDINARY) * 0.03, asked


# --- S9: words that resume, agree and ask -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("START", "start"), ("unstop", "start"), (" Start! ", "start"), ("start please", "start"), ("opt in", "start"), ("S T A R T", "start"), ("EMPEZAR", "start"), ("começar", "start"),
        ("YES", "yes"), ("Yes.", "yes"), ("  yes ", "yes"), ("ＹＥＳ", "yes"),
        ("yes please", None), ("yes thanks", None), ("yes call me", None), ("y", None), ("si", None), ("oui", None), ("yep", None), ("YES YES", None),
        ("let us start on Monday", None), ("When do we start?", None), ("start stop", "unclear"),
        ("HELP", "help"), ("help!", "help"), ("INFO", "help"), ("info please", "help"), ("ayuda", "help"), ("Hilfe", "help"), ("I need help with the form", None), ("more info please", None),
    ],
    ids=lambda value: f"S9-{value!a}",
)  # fmt: skip
def test_S9_words_that_resume_agree_or_ask(text: str, expected: str | None) -> None:
    assert signal(text) == expected


# --- robustness and speed -----------------------------------------------------------------------------------------


@given(st.text(st.characters(), max_size=300), st.lists(st.sampled_from(["es", "xx", "", "de"])))
@settings(max_examples=600, deadline=None)
def test_no_text_makes_it_fail(text: str, languages: list[str]) -> None:
    reading = read(text, languages)
    assert (reading.signal is None) == (reading.word is None)


VOCABULARY = sorted(
    {word for phrase in words.REFUSALS | words.STRONG | words.COMPANIONS for word in phrase.split()}
    | {word for rule in (*refusals.RULES, *refusals.DOUBTS) for word in rule.noticed}
    | {"me", "don't", "not", "|", ".", "\n", "the", "5pm"}
)


@given(st.lists(st.sampled_from(VOCABULARY), max_size=40))
@settings(max_examples=600, deadline=None)
def test_no_mixture_of_its_own_words_makes_it_fail(mixture: list[str]) -> None:
    read(" ".join(mixture))


@given(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=12))
@settings(max_examples=600, deadline=None)
def test_nothing_that_opts_out_is_overlooked_by_the_short_way(mixture: list[str]) -> None:
    """The words that are noticed decide whether rules run at all; every rule must be behind one of them."""
    marked = f"| {' '.join(mixture)} |"
    matched = [rule for rule in refusals.RULES if rule.pattern.search(marked)]
    assert all(not rule.noticed.isdisjoint(mixture) for rule in matched)


@pytest.mark.parametrize(
    "text",
    ["stop " * 13_000, "no more " * 8_000, "dont text me " * 5_000, "a" * 65_536, "\ufdfa" * 20_000, "| " * 30_000, "s " * 30_000, "\u0301" * 60_000, "stop\n" * 13_000, "take me off my my my " * 3_000],
    ids=lambda text: f"{text[:14]!a}",
)  # fmt: skip
def test_W12_a_huge_text_holds_nothing_up(text: str) -> None:
    """Eight times the longest that is taken: a rule that goes back at every place would not come to an end here."""
    read(text * 8)
