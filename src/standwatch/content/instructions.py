"""Instructions in places where data belong. A signal without a model, never the only defence.

Phrases, not words: an imperative together with what it is about (previous instructions, the system prompt, a secret
kept from the user), the tokens and tags in which models are given their turns, and calls of tools. Several languages.
Only tokens and tags are certain: a sentence may be quoted.
"""

from standwatch.content.detector import Detector, Match, is_certain
from standwatch.content.found import INSTRUCTION

_EN_FORGET = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|override|overrule|bypass|do not follow"
    r"|don't follow|stop following)"
)
_EN_RULES = (
    r"(?:instructions?|directions?|directives?|commands?|orders|rules|guidelines|prompts?|guardrails"
    r"|programming|constraints|restrictions|training)"
)

_FORGET = "|".join(
    (
        rf"{_EN_FORGET}(?:\s(?:all|any|every|of|the|your|my|these|those|everything|what|each|and"
        rf"|other)){{0,4}}\s(?:previous(?:ly)?|prior|above|earlier|preceding|initial|original"
        rf"|existing|foregoing|system)(?:\s(?:given|set|system|safety|and|or|other"
        rf"|stated)){{0,3}}\s{_EN_RULES}",
        rf"{_EN_FORGET}\s(?:all|everything)\s(?:of\s)?(?:the\s)?(?:previous|prior|above|before"
        rf"|you (?:were|have been) told|(?:that|which) (?:came|was))",
        r"(?:ignore|disregard|forget)\s(?:all\s)?(?:of\s)?(?:the\s)?(?:above|previous"
        r"|prior)\s?(?:[.,:;!]|and\b)",
        rf"{_EN_FORGET}\s(?:all\s)?(?:of\s)?your\s(?:\w{{1,20}}\s)?{_EN_RULES}",
        rf"{_EN_FORGET}\sthe\s(?:user|system|developer)(?:'s)?\s(?:\w{{1,20}}\s)?{_EN_RULES}",
        r"(?:new|updated|revised|real|actual)\s(?:instructions?|task|objective|directive"
        r"|system prompt)\s?(?:follows?|:|begins?|is as follows)",
        r"(?:ignorier(?:e|en sie)?|vergiss|vergessen sie"
        r"|missachte)\s(?:bitte\s)?(?:\w{1,12}\s){0,3}(?:vorherigen?|bisherigen?|obigen?|vorigen?"
        r"|fr(?:ü|ue)heren?|urspr(?:ü|ue)nglichen?|deine|ihre)\s(?:\w{1,20}\s)?(?:anweisung"
        r"|instruktion|vorgabe|befehl|regel|aufforderung|prompt)",
        r"(?:ignore[rz]?|oublie[rz]?|ne tiens? pas compte)\s(?:\w{1,12}\s){0,3}(?:instructions?"
        r"|consignes?|directives?|ordres|r(?:è|e)gles)\s(?:pr(?:é|e)c(?:é|e)dent|ant(?:é|e)rieur"
        r"|ci-dessus|initiale|d'origine|donn(?:é|e)es)",
        r"(?:ignora|ignore|olvida|olvide|haz caso omiso de"
        r"|descarta)\s(?:\w{1,12}\s){0,3}(?:instrucciones|(?:ó|o)rdenes|indicaciones|reglas"
        r"|directrices)\s(?:anteriores|previas|de arriba|originales|iniciales)",
        r"(?:ignora|ignorare|dimentica|dimenticare|trascura)\s(?:\w{1,12}\s){0,3}(?:istruzioni"
        r"|direttive|regole|indicazioni|ordini)\s(?:precedenti|sopra|originali|iniziali)",
        r"(?:ignore|ignora|esque(?:ç|c)a|desconsidere)\s(?:\w{1,12}\s){0,3}(?:instru(?:ç|c)(?:õ|o)es"
        r"|ordens|regras|diretrizes)\s(?:anteriores|pr(?:é|e)vias|acima|originais|iniciais)",
        r"(?:negeer|vergeet)\s(?:\w{1,12}\s){0,3}(?:vorige|eerdere|voorgaande|bovenstaande"
        r"|oorspronkelijke)\s(?:\w{1,12}\s)?(?:instructies|aanwijzingen|opdrachten|regels)",
        r"(?:zignoruj|ignoruj|zapomnij|pomi(?:ń|n))\s(?:\w{1,12}\s){0,3}(?:poprzedni|wcze(?:ś"
        r"|s)niejsz|powy(?:ż|z)sz)[^\s]{0,6}\s(?:instrukcj|polece|zasad|wytyczn)",
        r"(?:Игнорируй|игнорируй|Игнорируйте|игнорируйте|Забудь|забудь|Проигнорируй"
        r"|проигнорируй)(?:те)?\s(?:[^\s.!?]{1,24}\s){0,3}(?:инструкци|указани|команд|правил)",
        r"(?:(?:ö|o)nceki|yukar(?:ı|i)daki)\s(?:\w{1,12}\s)?(?:talimatlar"
        r"|komutlar)[^\s]{0,8}\s(?:yok say|unut|g(?:ö|o)rmezden)",
        r"(?:忽略|无视|忘记|不要理会|無視|忘掉)[^\n\x00]{0,72}?(?:指令|指示|说明|提示|规则|命令|要求)",
        r"(?:これまで|以前|上記|前|先)の[^\n\x00]{0,54}?(?:指示|命令|プロンプト|ルール)[^\n\x00]{0,36}?(?:無視|忘れ)",
        r"(?:이전|위의|앞의)[^.!?\n\x00]{0,54}?(?:지시|명령|지침)[^.!?\n\x00]{0,36}?(?:무시|잊)",
        r"(?:تجاهل|انس)[^.!?\n\x00]{0,48}?(?:التعليمات|الأوامر|تعليمات)",
    )
)
_TOKENS = "|".join(
    (
        r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|endofprompt|start_header_id"
        r"|end_header_id|eot_id|eom_id|begin_of_text|end_of_text|python_tag|fim_prefix|channel"
        r"|message|start|end|return|call|constrain|tool_call|tool_response|observation)\|>",
        r"<(?:start|end)_of_turn>",
        r"\[/?INST\]",
        r"<</?SYS>>",
        r"\[(?:AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|SYSTEM_PROMPT)\]",
        r"<\xef\xbd\x9c(?:User|Assistant|begin.{1,12}of.{1,12}sentence|end.{1,12}of.{1,12}sentence"
        r"|tool.{1,24})\xef\xbd\x9c>",
    )
)
_TURNS = "|".join(
    (
        r"(?:^|\n)\s{0,4}(?:#{2,4}\s?|\*\*|\[|<)?(?:system|developer)(?:\s(?:message|prompt"
        r"|instructions?|note|override|notice))?(?:\*\*|\]|>)?\s?:\s{0,3}(?:you|ignore|from now|your"
        r"|do not|the user|please|all|new)",
        r"(?:^|\n)\s{0,4}#{2,4}\s?(?:instruction|system|response|new instructions?)s?\s?:",
        r"(?:^|\n)\n(?:human|assistant)\s?: ",
        r"</?(?:system|system_prompt|system-reminder|admin|developer_message|important_instructions?"
        r"|user_instructions?)>",
        r"<(?:information|important|instructions?)>\s{0,8}(?:this is|you must|before|when|please"
        r"|ignore|do not|use|send|always|first)",
        r"(?:begin|start|end)\s(?:of\s)?(?:system|hidden|secret|admin|new)\s(?:prompt|instructions?|message)",
    )
)
_CALLS = "|".join(
    (
        r"<(?:tool_call|function_call|function_calls|antml:function_calls|invoke|tool_use|tool_code"
        r"|execute_tool)\b",
        r"\"(?:tool_calls|function_call|tool_use)\"\s{0,3}:\s{0,3}[\[{]",
        r"\"(?:name|tool|action)\"\s{0,3}:\s{0,3}\"[a-z_][\w.-]{1,60}\"\s{0,3},\s{0,3}\"(?:arguments"
        r"|parameters|args|tool_input|action_input|input)\"\s{0,3}:\s{0,3}[{\"]",
        r"(?:^|\n)\s{0,4}action:\s?[a-z_]{2,40}\s{0,3}\n\s{0,4}action input:",
        r"(?:call|use|invoke|execute|run)\sthe\s[\x60'\"]?\w{2,40}[\x60'\"]?\s(?:tool"
        r"|function)\s(?:to|with|and|on|using)\s",
    )
)
_ADDRESSED = "|".join(
    (
        r"(?:dear|hey|hello|hi|attention|note to|message (?:to|for)|instructions? (?:to|for)"
        r"|important (?:message|note|notice|instructions?) (?:to|for))\s(?:the\s|any\s|all\s)?(?:ai"
        r"|llm|language model|assistant|chatbot|bot|agent|gpt(?:-\d)?|chatgpt|claude|gemini"
        r"|copilot)s?\b(?:\s(?:assistant|agent|model|reading|processing|that))?[\s,:;.!-]",
        r"(?:if|when|as)\syou(?:'re|\sare)\s(?:an?\s)?(?:ai|llm|(?:large )?language model|automated"
        r"|assistant|chatbot)\b[^.!?\n\x00]{0,60}?,?\s(?:you (?:must|should|need)|please|do|ignore"
        r"|send|forward|reply|respond|include|add|write|say|print|call|use)\b",
        r"\b(?:ai|llm|assistant|chatbot|agent|gpt(?:-\d)?|chatgpt|claude|gemini"
        r"|copilot)(?:\s(?:assistant|agent|model|bot))?s?\s?[:,]\s"
        r"(?:(?:when|if|as) you (?:read|see|process|are|summari[sz]e)|you (?:must|should|will"
        r"|are (?:to|required|instructed))"
        r"|please (?:send|forward|call|use|ignore|do|execute|transfer|delete|visit|reply|include)"
        r"|ignore|do not follow)",
        r"this is an important message from[^\n\x00]{0,60}? to you",
        r"before you (?:can )?(?:solve|complete|finish|do|continue|proceed|start"
        r"|answer)[^.!?\n\x00]{0,80}?(?:please |you (?:must|should|need to) )(?:first )?(?:do|follow"
        r"|send|execute|perform|complete|run|read|visit|transfer|delete|forward)",
        r"\byou (?:are|must) now (?:act as|a |an |in |enter|behave|operate|pretend|called|become"
        r"|ignore|follow|obey|dan\b)",
        r"from now on,? you (?:are|will|must|shall|should)(?: (?:act|be|only|always|obey|respond"
        r"|answer|follow|ignore|behave|pretend))",
        r"(?:enable|activate|enter|switch to|you are in)\s(?:developer|debug|god|dan|jailbreak"
        r"|unrestricted|admin(?:istrator)?|maintenance|root)\smode\b[^.!?\n\x00]{0,40}?(?:and|now|,"
        r"|\.)\s{0,2}(?:ignore|do|output|print|send|you|respond|follow|disable|reveal)",
        r"(?:your|the) (?:new|real|true|actual|only|primary) (?:task|goal|objective|mission|purpose"
        r"|instruction|job) (?:is|:)",
        r"(?:als|sehr geehrte[r]?|hallo|achtung,?) (?:ki|k(?:ü|ue)nstliche intelligenz|ki-assistent"
        r"|sprachmodell)\b[^.!?\n\x00]{0,60}?(?:musst|sollst|bitte|sende|antworte|schreibe|ignoriere)",
    )
)
_HIDDEN = "|".join(
    (
        r"(?:do not|don't|never|without)\s(?:ever\s)?(?:tell(?:ing)?|inform(?:ing)?|mention(?:ing)?"
        r"|reveal(?:ing)?|notify(?:ing)?|alert(?:ing)?|warn(?:ing)?|disclos(?:e|ing)|let(?:ting)?"
        r"|ask(?:ing)?|show(?:ing)?)\s(?:any\s?(?:thing|of this)\s|it\s|this\s|that\s"
        r"|these\s){0,2}(?:to\s)?(?:the\s|your\s)(?:user|human|owner|operator|customer|client)\b",
        r"(?:reveal|print|output|repeat|show|display|leak|disclose|expose|dump|recite|send|tell me"
        r"|give me|write (?:out|down))\s(?:me\s|us\s|all\s|out\s|the\s|of\s|entire\s|full\s|whole\s"
        r"|exact\s|verbatim\s){0,5}(?:your\s|the\s)(?:\w{1,16}\s){0,2}?(?:system prompt"
        r"|system message|initial prompt|initial instructions|hidden prompt|hidden instructions"
        r"|developer message|prompt verbatim)",
        r"(?:repeat|print|output|write)\s(?:everything|all(?: the)? (?:text|words|content)"
        r"|the (?:text|words))\s(?:above|before this|that came before)",
        r"(?:sag(?:e|en sie)?|teile?n?)\s(?:es\s|dies\s|das\s)?(?:dem|der) (?:nutzer|benutzer"
        r"|anwender)(?:in)?\s(?:nichts|nicht|davon nichts)",
        r"(?:ne (?:le )?(?:dis|dites|r(?:é|e)v(?:è|e)le|mentionne)[^.!?\n\x00]{0,20}? (?:pas"
        r"|rien) (?:à|a) l'utilisateur|no (?:se lo )?(?:digas|informes"
        r"|menciones)[^.!?\n\x00]{0,20}? al usuario|non (?:dire|rivelare"
        r"|informare)[^.!?\n\x00]{0,20}? (?:all')?utente)",
    )
)


def _said(match: Match) -> bool | None:
    """A question about such a sentence is not one: "how do I make it ignore previous instructions?" """
    before = match.before.lower()
    asked = any(word in before for word in _ASKS)
    return None if asked and b"?" in match.after[:48] else False


_ASKS = (
    b"how do i",
    b"how can i",
    b"how to ",
    b"can i ",
    b"should i",
    b"what does",
    b"what is",
    b"why does",
    b"why do",
)


def _detector(
    name: str, pattern: str, about: str, gate: str, *, reach: int = 420, certain: bool = False
) -> Detector:
    return Detector(
        name=name,
        kind=INSTRUCTION,
        pattern=f"(?i)(?:{pattern})",
        about=about,
        reach=reach,
        lead=reach,
        gate=gate,
        confirm=is_certain if certain else _said,
        source="own phrases; held against NotInject",
    )


DETECTORS = (
    _detector(
        "instruction-override",
        _FORGET,
        "a demand to drop earlier instructions (eighteen languages' phrases)",
        r"(?i)ignor|disregard|forget|overr|bypass|follow|new\s|updated\s|revised\s|real\s|actual\s"
        r"|vergi|vergess|missachte|oublie"
        r"|compte|olvid|omiso|descarta|dimentic|trascura|esque|desconsid|negeer|vergeet|zapomnij"
        r"|pomi|нструкци|указани|команд|правил"
        r"|talimat|komut|忽略|无视|忘记|不要理会|無視|忘|무시|잊|تجاهل|انس",
        reach=520,
    ),
    _detector(
        "chat-token",
        _TOKENS,
        "a token of a chat template",
        r"(?i)<\||_of_turn>|INST\]|SYS>>|\[[A-Z]{4,9}_[A-Z]{5,7}\]|<\xef\xbd\x9c",
        reach=160,
        certain=True,
    ),
    _detector(
        "role-marker",
        _TURNS,
        "a turn of a conversation, or a tag that claims authority",
        r"(?i)system|developer|#{2,4}\s?(?:instruction|response|new)|human\s?:|assistant\s?:"
        r"|</?(?:admin|important|user_i|information|instruction)|(?:hidden|secret|admin"
        r"|new)\s(?:prompt|instr|mess)",
        reach=160,
    ),
    _detector(
        "tool-call",
        _CALLS,
        "the syntax of a call, or an order to call a tool",
        r"(?i)<(?:tool_|function_c|antml:f|invoke|execute_t)|\"(?:tool_calls|function_call|tool_use"
        r"|arguments|parameters|args|tool_input|action_input|input)\"|action input:|(?:tool"
        r"|function)\s(?:to|with|and|on|using)\s",
        reach=240,
    ),
    _detector(
        "assistant-addressed",
        _ADDRESSED,
        "words to an assistant rather than to a reader",
        r"(?i)\b(?:ai|llm|gpt(?:-\d)?|assistant|chatbot|bot|agent|claude|gemini|copilot|chatgpt"
        r"|language model|automated)s?\b|message from|before you|now (?:act|a|in|enter|dan|beh|op"
        r"|pre|cal|bec|ign|fol|ob)|from now on|\bmode\b|(?:new|real|true|actual|only"
        r"|primary) (?:task|goal|obj|miss|purp|instr|job)|\bki\b|intelligenz|sprachmodell",
        reach=320,
    ),
    _detector(
        "hidden-from-user",
        _HIDDEN,
        "a demand to keep something from the user, or to show the system prompt",
        r"(?i)\b(?:user|human|owner|operator|customer|client)\b|(?:system|initial|hidden) (?:prompt"
        r"|mess|instr)|developer message|prompt verbatim|everything|all(?: the)? (?:text|words"
        r"|content)|the (?:text|words)|nutzer|anwender|utilisateur|usuario|utente",
        reach=320,
    ),
)
