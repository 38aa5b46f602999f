"""Rules for sentences that refuse messages (47 CFR 64.1200(a)(10): any reasonable wording revokes). Data only.

A rule runs over text as `keywords.py` sees it, "| please dont text me anymore |": lower case, without accents and
apostrophes, clauses parted by "|". It is tried only when one of its `noticed` words is there, which keeps ordinary
messages cheap. `name` is what evidence and logs say; it is never the text.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    noticed: frozenset[str]
    source: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """Compiled when it is first tried: most texts try none, and all together take 15 ms of a cold start."""
        return _compiled(self.source)


@cache
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source)


def _rule(name: str, noticed: str, pattern: str) -> Rule:
    return Rule(name, frozenset(noticed.split()), rf"(?<![^ ])(?:{pattern})(?![^ ])")


_EN_TEXTS = r"(?:text messages?|texts?|txts?|messages?|msgs?|sms|spam|marketing|promos?|promotions?|notifications?|communications?|ads)"
_EN_TEXTS_NOTICED = "text texts txt txts message messages msg msgs sms spam marketing promo promos promotion promotions notification notifications communication communications ads"
_EN_ACT = r"(?:texting|txting|text|txt|messaging|message|msging|msg|contacting|contact|smsing|spamming|spam|bothering|bother|harassing|harass)"
_EN_ACT_NOTICED = "texting txting text txt messaging message msging msg contacting contact smsing sms spamming spam bothering bother harassing harass"
_EN_ME = r"(?:me|us|this number|my number|my phone|this phone|my cell)"
_EN_NOT = r"(?:do not|dont|dnt|don t|never|no longer)"
# What may follow without weakening it, and what turns it into something else ("don't text me before 9").
_EN_CLOSE = r"(?= \|| (?:anymore|any more|again|ever|please|pls|ok|okay|at all|with|and|immediately|now|from now on)\b)"
_EN_NOT_WEAKENED = r"(?! (?:after|before|until|till|than|on|at|during|today|tonight|tomorrow|in the|while|about|if|unless|yet|so)\b)"

_MENSAJES = r"(?:mensajes?|mensages?|textos?|sms|publicidad|promociones|spam)"
_MENSAJES_NOTICED = "mensaje mensajes mensage mensages texto textos sms publicidad promociones spam"
_MENSAGENS = r"(?:mensagem|mensagens|sms|textos?|propagandas?|contato|spam)"
_MENSAGENS_NOTICED = "mensagem mensagens sms texto textos propaganda propagandas contato spam"
_SMS_FR = r"(?:messages?|sms|textos?|pub|publicites?)"
_SMS_FR_NOTICED = "message messages sms texto textos pub publicite publicites"
_NACHRICHTEN = r"(?:nachrichten?|sms|werbung|mails|texte)"
_NACHRICHTEN_NOTICED = "nachricht nachrichten sms werbung mails texte"
_MESSAGGI = r"(?:messaggi|messaggio|sms|pubblicita|spam)"
_MESSAGGI_NOTICED = "messaggi messaggio sms pubblicita spam"
_POR_FAVOR = r"(?= \|| (?:por favor|gracias|obrigado|obrigada|ya|mas|mais|nunca|a este numero|de (?:ustedes|voces)|suyos|tuyos|suas)\b)"
_SVP = r"(?= \|| (?:svp|s il|sil|merci)\b)"
_BITTE = r"(?= \|| (?:bitte|danke|mehr|bekommen|erhalten|von)\b)"
_PER_FAVORE = r"(?= \|| (?:piu|per favore|per piacere|grazie|da voi|vostri|su questo)\b)"

RULES: Final = (
    # English
    _rule(
        "stop texting me",
        _EN_ACT_NOTICED,
        rf"(?:stop|quit|cease)(?: all)?(?: (?:calling|emailing) (?:and|or|&))?(?: fucking| freaking)? {_EN_ACT} {_EN_ME}{_EN_NOT_WEAKENED}",
    ),
    _rule(
        "stop texting",
        "texting txting messaging spamming contacting",
        r"(?:stop|quit|cease) (?:texting|txting|messaging|spamming|contacting)(?= \|)",
    ),
    _rule(
        "stop sending messages",
        _EN_TEXTS_NOTICED,
        rf"(?:stop|quit|cease) (?:sending|send|with)(?: {_EN_ME})?(?: (?:all|any|more|the|these|those|this|your|ur|such|fucking|stupid|marketing|unwanted|automated))* {_EN_TEXTS}{_EN_NOT_WEAKENED}",
    ),
    _rule(
        "stop sending me this",
        "sending writing",
        r"(?:stop|quit|cease) (?:sending|writing)(?: to)? (?:me|us)(?= \|| (?:this |that |your )?(?:shit|crap|stuff|things)\b| these \|| this \|)",
    ),
    _rule(
        "stop messages",
        _EN_TEXTS_NOTICED,
        rf"(?:stop|cancel|end|quit|no more|cease) (?:(?:all|any|the|these|those|this|your|ur|my|further|future|more|marketing|fucking) )*{_EN_TEXTS}(?: to (?:me|us|this number|my phone))?(?= \|| (?:please|pls|now|thanks|ever|from you)\b)",
    ),
    _rule(
        "do not text me",
        _EN_ACT_NOTICED,
        rf"(?:{_EN_NOT}|not to) (?:ever |please )?(?:(?:call|email|contact) (?:or|and) )?(?:text|txt|message|msg|contact|sms|bother|harass|spam)(?: (?:or|and) (?:call|email|text|message|contact))? {_EN_ME}{_EN_CLOSE}",
    ),
    _rule(
        "do not send messages",
        "send",
        rf"{_EN_NOT} (?:ever |please )?send (?:{_EN_ME} )?(?:(?:any|more|anymore|further|these|those|such|your|the) )*{_EN_TEXTS}(?: to (?:me|us|this number|my phone))?{_EN_CLOSE}",
    ),
    _rule(
        "do not want messages",
        _EN_TEXTS_NOTICED,
        rf"{_EN_NOT} (?:want|wish)(?: to)?(?: get| receive| be getting| be receiving| have)? (?:(?:any|more|anymore|further|these|those|your|ur|the|get|receive) )*{_EN_TEXTS}(?: from (?:you|u|this number|your company|you guys|anyone))?{_EN_CLOSE}",
    ),
    _rule(
        "do not want contact",
        "contacted texted messaged spammed bothered",
        rf"{_EN_NOT} (?:want|wish) to be (?:contacted|texted|messaged|spammed|bothered){_EN_CLOSE}",
    ),
    _rule(
        "take me off the list",
        "list lists database databases system systems records contacts distribution texts messages sms subscription subscriptions",
        r"(?:take|remove|delete|drop|get|unsubscribe) (?:me|us|my number|my name|my phone number|this number|my contact|my info|my information) (?:off of|out of|off|from|out|of) (?:(?:of|your|ur|the|this|that|all|any|these|those|my|mailing|marketing|contact|contacts|texting|text|message|messaging|messages|phone|sms|call|calling|distribution|fucking|damn) )*(?:lists?|databases?|systems?|records|contacts|distribution|texts|messages|sms|subscriptions?)",
    ),
    _rule(
        "opt out",
        "unsubscribe opt",
        r"(?:please|pls|want to|wish to|like to) (?:unsubscribe|opt out)(?= \|| (?:me|us|from|of|this number|my number|please|now)\b)",
    ),
    _rule("opt me out", "opt", r"opt (?:me|us|this number) out"),
    _rule("unsubscribe me", "unsubscribe", r"unsubscribe (?:me|us|my number|this number)"),
    _rule(
        "consent withdrawn",
        "consent",
        r"(?:revoke|revoking|withdraw|withdrawing|retract) (?:(?:my|any|all|the|prior) )*consent",
    ),
    _rule("leave me alone", "alone", r"(?:please|just|and) leave (?:me|us) alone"),
    _rule("lose my number", "number", r"(?:please|just|and) (?:lose|forget|delete) my number(?= \|)"),
    # Spanish
    _rule("no mas mensajes", _MENSAJES_NOTICED, rf"(?:no|ningun) mas {_MENSAJES}"),
    _rule(
        "no quiero mensajes",
        _MENSAJES_NOTICED,
        rf"no (?:quiero|deseo|queremos) (?:(?:recibir|mas|sus|tus|estos|que me manden|que me envien|ningun|ninguna) )*{_MENSAJES}{_POR_FAVOR}",
    ),
    _rule(
        "no me escriban mas",
        "escriba escriban escribas mande manden mandes envie envien envies contacte contacten contactes moleste molesten molestes textees texteen",
        rf"(?:no|nunca) (?:me|nos) (?:escriban?|escribas|manden?|mandes|envien?|envies|contacten?|contactes|molesten?|molestes|texteen|textees) (?:mas|nunca mas|otra vez|nada)(?: {_MENSAJES})?{_POR_FAVOR}",
    ),
    _rule(
        "dejen de escribirme",
        "escribirme mandarme enviarme molestarme molestar contactarme textearme enviar mandar",
        r"(?:deja|deje|dejen|paren|pare|para|basta) (?:ya )?de (?:escribirme|mandarme|enviarme|molestarme|molestar|contactarme|textearme|(?:enviar|mandar)(?: mas)? (?:mensajes?|sms|textos?))(?: (?:mas|mensajes?|sms|textos?|cosas|esto))*"
        + _POR_FAVOR,
    ),
    _rule(
        "quitenme de la lista",
        "lista listas base sistema contactos",
        r"(?:quit[ae]|quiten|sac[ae]|saque|saquen|elimin[ae]|eliminen|borr[ae]|borren)(?:me|nos| mi numero) (?:de|en) (?:(?:su|tu|la|esta|sus|las) )*(?:listas?|base de datos|sistema|contactos)",
    ),
    _rule(
        "darse de baja",
        "baja",
        r"(?:quiero|deseo|favor de|por favor|necesito|me quiero) (?:que )?(?:me )?(?:darme|dar|darse|den|dar me) de baja(?= \|| de (?:la lista|esta lista|los mensajes|sus mensajes|los sms|este servicio))",
    ),
    # Portuguese
    _rule(
        "nao quero mensagens",
        _MENSAGENS_NOTICED,
        rf"nao (?:quero|desejo|gostaria de) (?:(?:mais|receber|suas|essas|estas|nenhuma) )*{_MENSAGENS}{_POR_FAVOR}",
    ),
    _rule(
        "parem de mandar",
        "mandar enviar escrever incomodar contatar contactar perturbar",
        rf"(?:pare|parem|para|deixe|deixem) de (?:me )?(?:mandar|enviar|escrever|incomodar|contatar|contactar|perturbar)(?: me| mais| mensagem| mensagens| sms)*{_POR_FAVOR}",
    ),
    _rule(
        "nao me mande mais",
        "mande mandem manda envie enviem escreva escrevam contate contatem incomode incomodem perturbe",
        rf"nao me (?:mande|mandem|manda|envie|enviem|escreva|escrevam|contate|contatem|incomode|incomodem|perturbe)(?: mais(?: (?:mensagem|mensagens|nada|sms))?| (?:mensagem|mensagens|sms)(?: mais)?){_POR_FAVOR}",
    ),
    _rule(
        "me tire da lista",
        "lista listas base contatos",
        r"(?:me )?(?:tire|tirem|tira|remova|remove|removam|exclua|excluam)(?: me)?(?: o)?(?: meu numero)? (?:da|de|dessa|desta) (?:sua |suas )?(?:listas?|base|contatos)",
    ),
    _rule("chega de mensagens", _MENSAGENS_NOTICED, r"(?:chega de|sem mais) (?:mensagem|mensagens|sms)"),
    # French
    _rule(
        "ne m envoyez plus",
        "plus",
        r"(?:m|me |nous |m )(?:envoyez|envoie|envoyer|ecrivez|ecris|ecrire|contactez|contacte|contacter|derangez|derange|textez|texter) plus(?: (?:de|d|rien|aucun|jamais|messages?|sms|textos?|ce|numero|sur|a))*"
        + _SVP,
    ),
    _rule(
        "arretez de m ecrire",
        "arretez arrete arreter cessez cesse",
        r"(?:arretez|arrete|arreter|cessez|cesse) (?:de |d )?(?:m|me |nous |m |d)(?:envoyer|ecrire|contacter|texter|deranger|harceler|embeter|spammer)",
    ),
    _rule(
        "plus de messages",
        _SMS_FR_NOTICED,
        rf"(?:plus de|plus aucun|arretez les|arrete les|arretez ces|stop aux) {_SMS_FR}{_SVP}",
    ),
    _rule(
        "je ne veux plus de messages",
        "veux souhaite desire",
        rf"(?:veux|souhaite|desire) plus (?:(?:recevoir|de|d|vos|ces|aucun|etre) )*(?:{_SMS_FR}|contactee?|derangee?){_SVP}",
    ),
    _rule(
        "retirez moi de la liste",
        "moi numero",
        rf"(?:retirez|retire|enlevez|enleve|supprimez|supprime|otez|desinscrivez|desabonnez|desinscris|desabonne) (?:moi|nous|mon numero)(?: (?:de|des) (?:la|cette|votre|ta|vos) (?:liste|base|fichiers?|contacts?))?{_SVP}",
    ),
    # German
    _rule(
        "keine nachrichten mehr",
        _NACHRICHTEN_NOTICED,
        rf"keine (?:weiteren )?{_NACHRICHTEN} mehr(?! als| vor| nach| am| um)",
    ),
    _rule(
        "keine weiteren nachrichten",
        _NACHRICHTEN_NOTICED,
        rf"keine weiteren {_NACHRICHTEN}(?= \|| bitte| danke)",
    ),
    _rule(
        "nicht mehr schreiben",
        "schreiben anschreiben kontaktieren texten belastigen simsen",
        r"(?:nicht mehr|nie wieder|nie mehr) (?:schreiben|anschreiben|kontaktieren|texten|belastigen|simsen)(?= \|| bitte| danke)",
    ),
    _rule(
        "schreiben sie mir nicht mehr",
        "schreibt schreib schreibe schreiben kontaktieren kontaktiert texten belastigen senden schicken schickt schick",
        r"(?:schreibt|schreib|schreibe|schreiben|kontaktieren|kontaktiert|texten|belastigen|senden|schicken|schickt|schick) (?:sie |ihr )?(?:mir|mich|uns) (?:bitte )?(?:nicht mehr|nie wieder|nie mehr|nichts mehr)(?= \|| bitte| danke)",
    ),
    _rule(
        "horen sie auf zu schreiben",
        "hort hor horen hoert hoer hoeren",
        r"(?:hort|hor|horen|hoert|hoer|hoeren) (?:sie |bitte )*auf (?:\| )?(?:(?:mir|mich|uns|zu|bitte) )*(?:schreiben|texten|kontaktieren|belastigen|simsen)",
    ),
    _rule(
        "aus der liste streichen",
        "liste verteiler datenbank kontakten system",
        r"(?:streichen|loschen|loeschen|entfernen|nehmen|loscht|entfernt|nehmt) (?:sie )?(?:mich|uns|meine nummer) (?:bitte )?(?:aus|von) (?:der|ihrer|eurer|dem|ihrem|eurem|ihren|euren) (?:liste|verteiler|datenbank|kontakten|system)",
    ),
    _rule(
        "ich mochte keine nachrichten",
        _NACHRICHTEN_NOTICED,
        rf"(?:will|mochte|moechte|wunsche|wuensche) keine (?:weiteren |mehr )?{_NACHRICHTEN}{_BITTE}",
    ),
    # Italian
    _rule(
        "non scrivetemi piu",
        "piu",
        r"non (?:mi )?(?:scrivetemi|scrivermi|scriva|scrivete|scrivere|mandate|mandatemi|mandarmi|mandare|inviate|inviatemi|inviarmi|inviare|contattatemi|contattarmi|contattate|contattare|disturbate|disturbatemi|disturbarmi)(?: mi)? (?:piu|mai piu)(?: (?:messaggi|messaggio|sms|niente|nulla))?"
        + _PER_FAVORE,
    ),
    _rule(
        "basta messaggi",
        _MESSAGGI_NOTICED,
        rf"(?:basta|niente piu|non piu|stop ai|mai piu) (?:con (?:i |questi )?)?{_MESSAGGI}",
    ),
    _rule(
        "smettetela di scrivermi",
        "scrivermi mandarmi inviarmi contattarmi disturbarmi messaggiarmi scrivere disturbare",
        r"(?:smettetela|smettila|smetta|smettete|smetti|basta) di (?:scrivermi|mandarmi|inviarmi|contattarmi|disturbarmi|messaggiarmi|scrivere|disturbare)",
    ),
    _rule(
        "non voglio messaggi",
        _MESSAGGI_NOTICED + " contattato contattata disturbato disturbata",
        rf"non (?:voglio|desidero|vorrei) (?:(?:piu|ricevere|altri|vostri|i|questi|essere) )*(?:{_MESSAGGI}|contattat[oa]|disturbat[oa]){_PER_FAVORE}",
    ),
    _rule(
        "toglietemi dalla lista",
        "lista liste elenco database contatti rubrica",
        r"(?:toglietemi|toglimi|mi tolga|rimuovetemi|rimuovimi|eliminatemi|eliminami|cancellatemi|cancellami|levatemi) (?:da|dalla|dalle|dal|dai) (?:(?:vostra|vostro|vostri|tua|questa|sua) )*(?:lista|liste|elenco|database|contatti|rubrica)",
    ),
    _rule(
        "enough texts",
        _EN_TEXTS_NOTICED,
        rf"enough (?:with|of) (?:(?:the|these|those|your|all|damn|fucking) )*{_EN_TEXTS}{_EN_NOT_WEAKENED}",
    ),
    _rule(
        "ya no me manden mensajes",
        _MENSAJES_NOTICED,
        rf"ya no (?:me|nos) (?:manden?|mandes|envien?|envies|escriban?|escribas) {_MENSAJES}{_POR_FAVOR}",
    ),
    _rule(
        "no mandar mas mensajes",
        _MENSAJES_NOTICED,
        rf"(?:favor de|por favor) no (?:mandar|enviar|escribir)(?:me|nos)? mas {_MENSAJES}{_POR_FAVOR}",
    ),
    _rule("basta de mensajes", _MENSAJES_NOTICED, rf"basta de {_MENSAJES}{_POR_FAVOR}"),
    _rule(
        "quero sair da lista",
        "lista listas",
        r"(?:quero|desejo|gostaria de) sair (?:da|desta|dessa|de sua|da sua) listas?(?= \|| (?:por favor|obrigado|obrigada)\b)",
    ),
    _rule(
        "ne plus envoyer",
        _SMS_FR_NOTICED,
        rf"(?:merci de|priere de|veuillez|de) ne plus (?:m|me |nous )(?:envoyer|ecrire|adresser)(?: (?:de|d|vos|aucun|ces))? {_SMS_FR}{_SVP}",
    ),
    _rule(
        "me desabonner",
        "desabonner desinscrire",
        rf"(?:veux|voudrais|souhaite|veuillez|merci de) me (?:desabonner|desinscrire){_SVP}",
    ),
    _rule(
        "melden sie mich ab",
        "melden meldet melde",
        r"(?:melden sie|meldet|melde) (?:mich|uns) (?:bitte )?ab(?= \|| bitte| danke)",
    ),
    _rule(
        "cancellate il mio numero",
        "numero",
        rf"(?:cancellate|cancella|cancelli|eliminate|elimini|togliete|tolga|rimuovete|rimuova) il mio numero{_PER_FAVORE}",
    ),
    _rule(
        "voglio cancellarmi",
        "cancellarmi disiscrivermi",
        r"(?:voglio|vorrei|desidero) (?:cancellarmi|disiscrivermi)(?: da(?:lla|lle|l|i)? (?:(?:vostra|questa|tua) )?(?:lista|liste|elenco))?(?= \|| (?:per favore|grazie)\b)",
    ),
)

# Parts of refusals that other words may turn into something else, as in "don't text me before 9": pause and ask.
DOUBTS: Final = (
    _rule(
        "do not text me",
        _EN_ACT_NOTICED,
        rf"(?:{_EN_NOT}|not to) (?:ever |please )?(?:text|txt|message|msg|contact|sms|bother|harass|spam)(?: {_EN_ME})?",
    ),
    _rule(
        "stop texting me",
        _EN_ACT_NOTICED + " sending",
        rf"(?:quit|cease)(?: all)? (?:{_EN_ACT}|sending)(?: {_EN_ME})?",
    ),
    _rule("no more messages", _EN_TEXTS_NOTICED, rf"no more {_EN_TEXTS}"),
    _rule(
        "do not want messages",
        _EN_TEXTS_NOTICED,
        rf"{_EN_NOT} (?:want|need|wish)(?: to (?:get|receive))? (?:(?:any|more|these|those|your|the) )*{_EN_TEXTS}",
    ),
    _rule("wrong number", "wrong", r"wrong (?:number|person)"),
    _rule("leave me alone", "alone", r"leave (?:me|us) alone"),
    _rule(
        "remove me",
        "remove delete off",
        r"(?:(?:remove|delete) (?:me|us|my number|my name|this number)|take (?:me|us) off)",
    ),
    _rule(
        "consent",
        "consent",
        r"(?:no|never gave|did not give|didnt give|without my) (?:(?:you|any|my) )*consent",
    ),
    _rule(
        "no me escriban",
        "escriba escriban escribas mande manden mandes contacte contacten contactes moleste molesten molestes",
        r"(?:no|nunca) (?:me|nos) (?:escriban?|escribas|manden?|mandes|contacten?|contactes|molesten?|molestes)",
    ),
    _rule(
        "nao me mande",
        "mande mandem envie enviem escreva incomode",
        r"nao me (?:mande|mandem|envie|enviem|escreva|incomode)",
    ),
    _rule(
        "ne m ecrivez plus",
        "plus pas",
        r"(?:m|me |nous |m )(?:envoyez|ecrivez|contactez|derangez) (?:plus|pas)",
    ),
    _rule("n arretez pas", "narretez narrete", r"n ?arretez? pas"),
    _rule(
        "schreiben sie mir nicht",
        "nicht",
        r"(?:schreiben|schreib|schreibt|kontaktieren) (?:sie )?(?:mir|mich) (?:bitte )?nicht",
    ),
    _rule(
        "non scrivetemi",
        "scrivetemi contattatemi disturbatemi mandatemi",
        r"non (?:scrivetemi|contattatemi|disturbatemi|mandatemi)",
    ),
)

# A refusal under one of these is a question, a wish, a condition or its opposite: "don't stop texting me".
GUARD: Final = re.compile(
    r"(?<![^ ])(?:"
    r"(?:dont|do not|don t|never|didnt|did not|wont|will not|cant|cannot|wouldnt|shouldnt|not|did you|why you|when you"
    r"|if you|before you|unless you|until you|did i|if i|should i|how do i|how can i|can i|do i|he|she|they|we|who)"
    r" (?:ever |even |really |just |want to |have to |need to )*"
    r"(?:stop|quit|cease|unsubscribe|opt out|opt|revoke|withdraw|remove|delete|cancel)"
    r"|(?:did i|if i|i didnt|i did not|never) (?:say|said|tell you|ask you|asked you|told you)"
    r"|(?:no|nao|non|nicht|pas) (?:para|pare|paren|parem|deja|dejes|dejen|deje|smettere|smettetela|arretez|arrete|hor|hort)"
    r"|(?:arretez|arrete|arreter|cessez) (?:pas|jamais)"
    r")(?![^ ])"
)
