"""What rapidfuzz, nltk, rouge-score and scipy say of texts and figures: writes `pairs.jsonl` and `statistics.json`.

The API grades with the first three, in these versions:

    python3 -m venv target/judges
    target/judges/bin/pip install rapidfuzz==3.10.1 nltk==3.9.1 rouge-score==0.1.2 scipy==1.17.1
    target/judges/bin/python graders/tests/judges/judges.py

With `OPENAI_MCP_JUDGES=$PWD/target/judges/bin/python`, `cargo test -p openai-mcp-graders` asks them again. What they are
asked comes of one seed, so it is the same each time.
"""

import json
import random
import sys
import warnings
from pathlib import Path

from nltk.translate.bleu_score import sentence_bleu
from nltk.translate.gleu_score import sentence_gleu
from nltk.translate.meteor_score import single_meteor_score
from rapidfuzz import fuzz
from rouge_score.rouge_scorer import RougeScorer
from scipy import stats

ROUGE = ["rouge1", "rouge2", "rouge3", "rouge4", "rouge5", "rougeL"]
HERE = Path(__file__).parent


class NoWordNet:
    """Stands for WordNet where words of the same meaning are not to be known."""

    def synsets(self, _):
        return []


def measure(said, wanted):
    a, b = said.split(), wanted.split()
    rouge = RougeScorer(ROUGE).score(wanted, said)
    scores = [
        fuzz.ratio(said, wanted) / 100,
        sentence_bleu([b], a, auto_reweigh=True),
        sentence_gleu([b], a),
        single_meteor_score(b, a, wordnet=NoWordNet()),
        *(rouge[name].fmeasure for name in ROUGE),
    ]
    return [float(f"{score:.12g}") for score in scores]


SCRIPTS = {
    "english": "the cat sat on mat and a quick brown fox jumps over lazy dog while Paris is capital of France yes no",
    "german": "Übermäßig große Straßen führen über die Brücke zum Fluß während ÄRGER naht größer weiß",
    "turkish": "İstanbul ılık IŞIK iyi Iğdır çok güzel şehir İYİ ığ",
    "greek": "ΟΔΥΣΣΕΎΣ ὀδυσσεύς Σίσυφος ΣΑΣ σας λόγος ΛΌΓΟΣ και η Αθήνα",
    "russian": "Быстрая коричневая лиса прыгает через ленивую собаку ЁЖ ёж не мы",
    "arabic": "القطة جلست على السجادة و الكلب نائم مُحَمَّد محمد",
    "hebrew": "החתול ישב על השטיח שָׁלוֹם שלום",
    "hindi": "बिल्ली चटाई पर बैठी है और कुत्ता सो रहा क़ क़",
    "thai": "แมว นั่ง อยู่ บน เสื่อ น้ำ นํ้า",
    "chinese": "猫坐在垫子上 狗在睡觉 東京 东京 是 首都",
    "japanese": "猫がマットの上に座った ｶﾀｶﾅ カタカナ ガ ガ 東京",
    "korean": "고양이가 매트 위에 앉았다 각 각 서울",
    "emoji": "👍 👍🏽 👨‍👩‍👧 🇩🇪 🇫🇷 ❤️ ❤ 😀😀 x",
    "signs": "Ω Ω K K Å Å ﬁ fi ½ ² ǅ ǆ ß ẞ _ __ - -- a_b a-b 1.5 1,5 3rd",
    "code": '{"a": [1,2]} {"a":[1, 2]} f(x) == 3; <b>x</b> &amp; \\n {{item.a}} /etc/x?y=1#z *d a*ding',
}
BLANKS = [" "] * 12 + ["  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\x1c", "\x1f", "\x85", "\u200b", "\u180e"]
ROOTS = """relat condit ration valenc hesit digit conform radic differ vil analog vietnam predic oper feud decis hope callous
formal sensit triplic format formal electr electri good reviv allow infer airlin gyroscop adjust defens irrit replac depend
adopt homolog commun activ angul effect bowdler prob rat ceas control roll happ sk fl sp tr d l t enjo agree feed plaster bl
motor s conflat troubl siz hop tann fall hiss fizz fail fil archae ge the general govern nation organ real act skill tell""".split()
SUFFIXES = """s es ies ied eed ed ing ational tional enci anci izer izers bli alli entli eli ousli ization ation ator alism
iveness fulness ousness aliti iviti biliti fulli logi logy icate ative alize iciti ical ful ness al ance ence er ic able ible
ant ement ment ent ion sion tion ou ism ate iti ous ive ize e ee y ly ally ness ll lly ss sses ying""".split()
IRREGULAR = "sky skies dying lying tying news innings inning outings outing cannings howe proceed exceed succeed is a as by".split()


def pairs(dice):
    """Texts to compare: of each script, words changed, moved, repeated and left out, and letters changed."""
    words = {name: text.split() for name, text in SCRIPTS.items()}
    yield from [("", ""), ("", "a"), ("a", ""), (" ", "\n"), ("a", "A"), ("Paris", "Paris"), ("Paris", "paris")]
    yield from [("The cat sat on the mat.", "the cat is on the mat"), ("a a a a a", "a a"), ("a b", "b a"), ("*", "*d")]
    yield ("A fast brown fox leaps over a lazy dog", "The quick brown fox jumps over the lazy dog")
    for name, own in words.items():
        for _ in range(90):
            first = [dice.choice(own) for _ in range(dice.choice([1, 2, 3, 4, 5, 8, 13, 25]))]
            yield joined(dice, first), joined(dice, changed(dice, first, own))
    everything = [word for own in words.values() for word in own]
    for _ in range(250):
        first = [dice.choice(everything) for _ in range(dice.choice([1, 3, 6, 20]))]
        yield joined(dice, first), joined(dice, changed(dice, first, everything))
    for _ in range(900):
        first, second = [], []
        for root in dice.sample(ROOTS, dice.choice([1, 2, 4, 7])):
            first.append(root + dice.choice(SUFFIXES))
            second.append(root + dice.choice(SUFFIXES))
        extra = [dice.choice(IRREGULAR + SUFFIXES) for _ in range(dice.choice([0, 1, 2]))]
        dice.shuffle(second)
        yield " ".join(first + extra), " ".join(extra + second)
    for size in (70, 130, 400):
        first = [dice.choice(words["english"]) for _ in range(size)]
        yield " ".join(first), " ".join(changed(dice, first, words["english"]))


def changed(dice, words, others):
    words = list(words)
    for _ in range(dice.choice([0, 1, 1, 2, 4, 8])):
        at = dice.randrange(len(words)) if words else 0
        what = dice.randrange(7)
        if what == 0 or not words:
            words.insert(at, dice.choice(others))
        elif what == 1:
            del words[at]
        elif what == 2:
            words[at] = dice.choice(others)
        elif what == 3:
            dice.shuffle(words)
        elif what == 4:
            words[at] = dice.choice([str.upper, str.lower, str.title])(words[at])
        elif what == 5:
            words.insert(at, words[at])
        else:
            letter = dice.randrange(len(words[at]))
            words[at] = words[at][:letter] + dice.choice("xé中") + words[at][letter + 1 :]
    return words


def joined(dice, words):
    return "".join(word + dice.choice(BLANKS) for word in words)[: dice.choice([None, None, -1])]


def figures(dice):
    """Rates, means and pairs of runs, and what scipy says of them."""
    rates, means, pairs = [], [], []
    for items in [1, 2, 3, 10, 37, 100, 1000, 50_000]:
        for passed in sorted({0, 1, items // 3, items // 2, items - 1, items}):
            interval = stats.binomtest(passed, items).proportion_ci(0.95, "wilson")
            rates.append([passed, items, passed / items, interval.low, interval.high])
    for size in [2, 3, 4, 5, 8, 12, 30, 31, 100, 350]:
        values = [round(dice.gauss(0.5, 0.3), 6) for _ in range(size)]
        interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        means.append([values, sum(values) / size, interval.low, interval.high])
    for won, lost in [(0, 0), (1, 0), (0, 1), (5, 5), (8, 1), (1, 8), (25, 4), (60, 41), (700, 640), (3000, 2700), (900, 0)]:
        p = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
        pairs.append([won, lost, p])
    return {"rates": rates, "means": means, "mcnemar": pairs}


def main():
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    with (folder / "pairs.jsonl").open("w") as file:
        for said, wanted in pairs(random.Random(7)):
            file.write(json.dumps([said, wanted, *measure(said, wanted)], ensure_ascii=False) + "\n")
    with (folder / "statistics.json").open("w") as file:
        lists = figures(random.Random(7))
        rows = (f' "{name}": [\n  ' + ",\n  ".join(map(json.dumps, rows)) + "\n ]" for name, rows in lists.items())
        file.write("{\n" + ",\n".join(rows) + "\n}\n")


main()
