"""The languages that a detector tells apart, by their English names."""

from __future__ import annotations

# py3langid knows more; these are the ones that it tells well in a mail.
_CODES = {
    "afrikaans": "af", "albanian": "sq", "arabic": "ar", "armenian": "hy", "azerbaijani": "az",
    "basque": "eu", "belarusian": "be", "bengali": "bn", "bosnian": "bs", "bulgarian": "bg",
    "catalan": "ca", "chinese": "zh",
    "croatian": "hr", "czech": "cs", "danish": "da", "dutch": "nl", "english": "en", "esperanto": "eo",
    "estonian": "et", "finnish": "fi", "french": "fr", "galician": "gl", "georgian": "ka", "german": "de",
    "greek": "el", "gujarati": "gu", "hebrew": "he", "hindi": "hi", "hungarian": "hu", "icelandic": "is",
    "indonesian": "id", "irish": "ga", "italian": "it", "japanese": "ja", "kannada": "kn", "kazakh": "kk",
    "khmer": "km", "korean": "ko", "lao": "lo", "latin": "la", "latvian": "lv", "lithuanian": "lt",
    "macedonian": "mk", "malay": "ms", "malayalam": "ml", "maltese": "mt", "mandarin": "zh", "marathi": "mr",
    "mongolian": "mn", "nepali": "ne", "norwegian": "no", "persian": "fa", "farsi": "fa", "polish": "pl",
    "portuguese": "pt", "punjabi": "pa", "romanian": "ro", "russian": "ru", "serbian": "sr", "sinhala": "si",
    "slovak": "sk", "slovenian": "sl", "somali": "so", "spanish": "es", "swahili": "sw", "swedish": "sv",
    "tagalog": "tl", "tamil": "ta", "telugu": "te", "thai": "th", "turkish": "tr", "ukrainian": "uk",
    "urdu": "ur", "uzbek": "uz", "vietnamese": "vi", "welsh": "cy", "yoruba": "yo", "zulu": "zu",
}  # fmt: skip

# Taken for each other too easily to hold it against a text.
_CLOSE = (
    {"no", "nn", "da", "sv"}, {"hr", "bs", "sr"}, {"id", "ms", "jv"}, {"zh", "yue", "wuu"}, {"pt", "gl"},
    {"cs", "sk"}, {"ar", "ary", "arz"}, {"bg", "mk"}, {"nl", "af"}, {"hi", "mr", "ne"}, {"de", "lb"},
    {"uz", "uzs"}, {"en", "pcm"}, {"fa", "ps"}, {"es", "ca", "gl", "an"}, {"it", "vec", "lij"},
    {"fr", "oc", "wa"}, {"lv", "ltg"},
)  # fmt: skip


def codes(language: str) -> frozenset[str]:
    """What a text of a language may be taken for; nothing where the language is not known.

    Args:
        language: in English, with whatever is said beside it: "British English", "German (Austria)".
    """
    words = language.casefold().replace("(", " ").replace(")", " ").replace(",", " ").split()
    known = [_CODES[word] for word in words if word in _CODES]
    return frozenset(known).union(*(group for group in _CLOSE if group.intersection(known)))
