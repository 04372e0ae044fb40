"""Worlds: who asks, how their features hang together, which models answer. A world knows nothing of faults."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from standwatch.facts.models import Feature, Model, Outcome, Output

MICRO = 1_000_000
DAY = 86_400 * MICRO
Values = dict[str, Any]


class Scorer(Protocol):
    """One version of a model."""

    def __call__(self, values: Values) -> float: ...


class World(Protocol):
    """One system: features by kind (so that a fault finds a place), traffic, versions."""

    model: Model
    threshold: float
    scaled: Sequence[str]
    """Amounts: positive numbers with a unit."""
    numbers: Sequence[str]
    words: Sequence[str]
    clock: str
    """The feature that tells the hour; "" for none."""
    turn: float
    market: str
    """A feature that is the same for everybody for a while; "" for none."""
    bought: Sequence[str]
    """Features that a vendor supplies."""
    outcomes: tuple[str, str]
    """At or above the threshold, below."""

    def weight(self, at: int) -> float:
        """How busy a moment is, at most 1."""
        ...

    def draw(self, chance: random.Random, at: int, burst: float) -> Values:
        """Who asks at `at`."""
        ...

    def parameters(self, chance: random.Random, at: int) -> dict[str, Any]:
        """What the request says of itself."""
        ...

    def version(self, number: int, *, jitter: float) -> Scorer:
        """A version of the model; versions with little jitter decide alike."""
        ...


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(min(x, 30.0), -30.0)))


def _pick(chance: random.Random, words: Sequence[str], weights: Sequence[float], tilt: float) -> str:
    """One word; `tilt` moves weight towards the front (negative) or the back."""
    tilted = [weight * math.exp(tilt * n / len(words)) for n, weight in enumerate(weights)]
    return chance.choices(words, tilted)[0]


def busy(at: int, *, peak: float, night: float, weekend: float) -> float:
    """A day with a peak, quiet nights, and weekends of their own."""
    hour = at % DAY / (3600 * MICRO)
    day = night + (1 - night) * max(0.0, math.cos((hour - peak) / 24 * math.tau) * 0.6 + 0.4)
    return day * (weekend if (at // DAY + 3) % 7 >= 5 else 1.0)


# --------------------------------------------------------------------------------------------------------- payments


class Payments:
    """Card payments, scored for fraud: 16 features, a logistic score with interactions, five versions on record."""

    scaled = ("amount", "balance", "distance_km", "average_ticket", "account_days")
    numbers = (
        "amount",
        "balance",
        "distance_km",
        "average_ticket",
        "account_days",
        "email_risk",
        "device_score",
        "bureau_score",
        "velocity",
    )
    words = ("country", "channel", "merchant", "card")
    clock, turn = "local_hour", 24.0
    market = "market_risk"
    bought = ("email_risk", "bureau_score")
    outcomes = ("block", "allow")

    _countries = ("DE", "FR", "NL", "PL", "GB", "US", "RO", "TR")
    _merchants = (
        "grocery",
        "fuel",
        "travel",
        "fashion",
        "electronics",
        "gaming",
        "crypto",
        "pharmacy",
        "restaurant",
    )
    _channels = ("pos", "web", "app", "phone")
    _cards = ("debit", "credit", "prepaid")

    def __init__(self, seed: int) -> None:
        chance = random.Random(f"payments {seed}")
        self._phase = chance.uniform(0, 1)
        self._offset = chance.choice((0, 1, 2))
        self._weights = {
            name: chance.uniform(0.75, 1.25)
            for name in (
                "amount",
                "device",
                "bureau",
                "email",
                "velocity",
                "distance",
                "country",
                "merchant",
                "age",
                "market",
                "hour",
                "channel",
                "balance",
            )
        }
        self.threshold = chance.choice((0.5, 0.55, 0.6))
        self._ages = chance.random() < 0.7
        self._markets = [chance.gauss(0, 1) for _ in range(24 * 40)]
        self._base = chance.uniform(-1.2, -0.6)
        number = (
            "amount",
            "balance",
            "distance_km",
            "average_ticket",
            "account_days",
            "email_risk",
            "device_score",
            "bureau_score",
            "market_risk",
            "past_hour_share",
        )
        inputs = [
            *(Feature(name=name) for name in number[:5]),
            *(Feature(name=name, one_of=None, type="category") for name in self.words),
            *(Feature(name=name) for name in number[5:]),
            Feature(name="velocity", type="integer"),
            Feature(name="local_hour", type="integer", min=0, max=23),
            Feature(name="new_device", type="boolean"),
        ]
        self.model = Model(
            component="fraud",
            inputs=tuple(inputs),
            outputs=(Output(name="risk", type="probability"),),
            outcome=Outcome(output="risk", threshold=self.threshold, at_or_above="block", below="allow"),
        )

    def weight(self, at: int) -> float:
        return busy(at, peak=14, night=0.12, weekend=0.75)

    def draw(self, chance: random.Random, at: int, burst: float) -> Values:
        hour = at // (3600 * MICRO)
        local = (hour + self._offset) % 24
        night = 1.0 if local < 6 or local > 22 else 0.0
        rich, risky = chance.gauss(0, 1), chance.gauss(0.35 * night + burst, 1)
        active = chance.gauss(-0.4 * night, 1)
        amount = math.exp(3.6 + 0.6 * rich + 0.35 * risky + chance.gauss(0, 0.7))
        return {
            "amount": round(amount, 2),
            "balance": round(math.exp(7.5 + 0.9 * rich + chance.gauss(0, 0.8)), 2),
            "distance_km": round(math.exp(1.5 + 0.5 * risky + chance.gauss(0, 1.0)), 1),
            "average_ticket": round(math.exp(3.5 + 0.6 * rich + chance.gauss(0, 0.5)), 2),
            "account_days": int(math.exp(6.2 - 0.5 * risky + chance.gauss(0, 0.8))),
            "country": _pick(chance, self._countries, (30, 18, 12, 10, 9, 8, 7, 6), 0.8 * risky),
            "channel": _pick(chance, self._channels, (45, 30, 20, 5), 0.6 * risky + 0.5 * night),
            "merchant": _pick(
                chance, self._merchants, (26, 14, 8, 13, 10, 7, 4, 8, 10), 0.5 * risky + 0.4 * night
            ),
            "card": _pick(chance, self._cards, (50, 38, 12), 0.4 * risky - 0.4 * rich),
            "email_risk": round(_sigmoid(-1 + 0.9 * risky + chance.gauss(0, 0.8)), 4)
            if chance.random() > 0.02
            else None,
            "device_score": round(_sigmoid(0.5 - 0.9 * risky + chance.gauss(0, 0.7)), 4),
            "bureau_score": round(min(max(640 - 60 * risky + 35 * rich + chance.gauss(0, 40), 300), 900))
            if chance.random() > 0.03
            else None,
            "market_risk": round(self._markets[hour % len(self._markets)], 4),
            "past_hour_share": round(min(max(chance.gauss(0.4 + 0.1 * active, 0.1), 0), 1), 3),
            "velocity": int(math.exp(max(0.8 + 0.5 * active + 0.4 * risky + chance.gauss(0, 0.5), 0))),
            "local_hour": local,
            "new_device": chance.random() < _sigmoid(-2 + 0.7 * risky),
        }

    def parameters(self, chance: random.Random, at: int) -> dict[str, Any]:
        found: dict[str, Any] = {
            "vendor": "scorely" if chance.random() < 0.97 else "riskdata",
            "schema": "v7",
            "caller": chance.choice(("gw1", "gw2", "gw3")),
        }
        if self._ages:
            found["cache_age"] = round(chance.lognormvariate(3.2, 0.8), 1)
            found["age.market_risk"] = round(at % (3600 * MICRO) / MICRO + chance.expovariate(1 / 30), 1)
        return found

    def version(self, number: int, *, jitter: float) -> Scorer:
        chance = random.Random(f"{number} {jitter} {self._base}")
        w = {name: value * (1 + chance.gauss(0, jitter)) for name, value in self._weights.items()}
        base = self._base + chance.gauss(0, jitter)
        country = dict(zip(self._countries, (-0.4, -0.3, -0.2, 0.1, 0.0, 0.5, 0.8, 1.0), strict=True))
        merchant = dict(zip(self._merchants, (-0.5, -0.2, 0.5, 0.0, 0.5, 0.7, 1.3, -0.3, -0.3), strict=True))
        channel = {"pos": -0.6, "web": 0.4, "app": 0.0, "phone": 0.7}

        def score(v: Values) -> float:
            def n(name: str, default: float) -> float:
                value = v[name]
                return default if value is None or isinstance(value, str) else float(value)

            x = base + w["amount"] * 0.55 * (math.log(max(n("amount", 40), 0.01)) - 3.7)
            x -= w["balance"] * 0.18 * (math.log(max(n("balance", 1800), 0.01)) - 7.5)
            x -= w["device"] * 3.0 * (n("device_score", 0.5) - 0.55) - w["email"] * 2.2 * (
                n("email_risk", 0.3) - 0.3
            )
            x -= w["bureau"] * 0.011 * (n("bureau_score", 640) - 640)
            x += w["velocity"] * 0.28 * min(n("velocity", 2), 12) + w["distance"] * 0.25 * math.log(
                max(n("distance_km", 4), 0.1)
            )
            x += w["country"] * country.get(str(v["country"]), 1.2) + w["merchant"] * merchant.get(
                str(v["merchant"]), 1.1
            )
            x += w["channel"] * channel.get(str(v["channel"]), 0.9) + w["market"] * 0.5 * n("market_risk", 0)
            x += w["age"] * (0.9 if n("account_days", 400) < 120 else -0.2)
            x += w["hour"] * (1.1 if n("local_hour", 12) < 6 or n("local_hour", 12) > 22 else 0.0)
            if v["new_device"] and n("amount", 40) > 60:
                x += 1.2
            if v["card"] == "prepaid" and n("distance_km", 4) > 8:
                x += 0.8
            return _sigmoid(x)

        return score


# ----------------------------------------------------------------------------------------------------------- random


class Drawn:
    """A world drawn by lot: its features, how they hang together, and a model of boosted trees that was really fitted
    to nothing but chance. Scores are points, not probabilities; names say nothing."""

    turn = 1440.0

    def __init__(self, seed: int) -> None:
        chance = random.Random(f"drawn {seed}")
        self._shape = (chance.uniform(8, 20), chance.uniform(0.05, 0.4), chance.uniform(0.3, 1.4))
        self._latents = chance.randint(2, 4)
        self.scaled = tuple(f"q{n}" for n in range(chance.randint(4, 7)))
        plain = tuple(f"r{n}" for n in range(chance.randint(2, 5)))
        self.words = tuple(f"k{n}" for n in range(chance.randint(3, 5)))
        self.numbers = (*self.scaled, *plain)
        self.clock, self.market = "m0", "s0"
        self.bought = (chance.choice(plain), chance.choice(self.scaled))
        self.outcomes = ("yes", "no")
        self._numbers = {
            name: (chance.uniform(-1, 8), chance.uniform(0.3, 1.2), self._loads(chance))
            for name in self.numbers
        }
        self._scales = {name: chance.choice((0.01, 1.0, 1.0, 10.0, 100.0)) for name in plain}
        self._words: dict[str, tuple[list[str], list[float], list[float]]] = {}
        for name in self.words:
            size = chance.randint(3, 9)
            weights = sorted((chance.expovariate(1) + 0.15 for _ in range(size)), reverse=True)
            self._words[name] = ([f"{name}{chr(65 + n)}" for n in range(size)], weights, self._loads(chance))
        self._walk = [0.0]
        for _ in range(6 * 24 * 40):
            self._walk.append(0.97 * self._walk[-1] + chance.gauss(0, 0.25))
        self._zone = chance.randint(-8, 8) * 60
        # Some trees begin with the hour, some with what is the same for everybody: a model uses what it is given.
        self._trees = [self._tree(chance, {0: 0.3, 1: 0.4}.get(n % 6, chance.random())) for n in range(45)]
        self._said = chance.random() < 0.6
        names = [*self.numbers, *self.words, "m0", "s0"]
        chance.shuffle(names)
        self.threshold = 0.0
        sample = [
            self.version(0, jitter=0.0)(self.draw(chance, DAY * 20_000 + n * 600 * MICRO * 7, 0))
            for n in range(600)
        ]
        self.threshold = round(sorted(sample)[int(600 * chance.uniform(0.55, 0.85))], 2)
        self.model = Model(
            component="drawn",
            inputs=tuple(
                Feature(name=name, type="category" if name in self.words else "number") for name in names
            ),
            outputs=(Output(name="points", type="score"),),
            outcome=Outcome(output="points", threshold=self.threshold, at_or_above="yes", below="no"),
        )

    def _loads(self, chance: random.Random) -> list[float]:
        return [chance.gauss(0, 0.6) for _ in range(self._latents)]

    def _test(self, chance: random.Random, kind: float) -> Callable[[Values], bool]:
        if kind < 0.25:
            name = chance.choice(self.words)
            some = set(chance.sample(self._words[name][0], max(1, len(self._words[name][0]) // 2)))
            return lambda v: v[name] in some
        if kind < 0.35:
            low = chance.uniform(0, 900)
            return lambda v: v["m0"] is not None and low <= v["m0"] < low + 400
        if kind < 0.42:
            cut = chance.gauss(0, 1)
            return lambda v: v["s0"] is not None and v["s0"] > cut
        name = chance.choice(self.numbers)
        middle, width, loads = self._numbers[name]
        at = self._value(name, chance.gauss(0, 0.9) * math.hypot(width, *loads) + middle)
        return lambda v: v[name] is not None and not isinstance(v[name], str) and v[name] > at

    def _tree(self, chance: random.Random, root: float) -> Callable[[Values, Sequence[float]], float]:
        tests = [self._test(chance, kind) for kind in (root, chance.random(), chance.random())]
        return lambda v, leaves: leaves[(2 + tests[1](v)) if tests[0](v) else (0 + tests[2](v))]

    def _value(self, name: str, x: float) -> float:
        return round(math.exp(x), 3) if name in self.scaled else round(x * self._scales[name], 5)

    def weight(self, at: int) -> float:
        peak, night, weekend = self._shape
        return min(busy(at, peak=peak, night=night, weekend=weekend) / max(1.0, weekend), 1.0)

    def draw(self, chance: random.Random, at: int, burst: float) -> Values:
        hour = at % DAY / DAY
        z = [
            chance.gauss(0.35 * math.cos((hour + n / 3) * math.tau) + (burst if n == 0 else 0), 1)
            for n in range(self._latents)
        ]
        found: Values = {}
        for name, (middle, width, loads) in self._numbers.items():
            x = middle + sum(a * b for a, b in zip(loads, z, strict=True)) + chance.gauss(0, width)
            found[name] = None if chance.random() < 0.01 else self._value(name, x)
        for name, (words, weights, loads) in self._words.items():
            found[name] = _pick(chance, words, weights, sum(a * b for a, b in zip(loads, z, strict=True)))
        found["m0"] = int(at // (60 * MICRO) + self._zone + chance.randint(-3, 3)) % 1440
        found["s0"] = round(self._walk[at // (600 * MICRO) % len(self._walk)], 4)
        return found

    def parameters(self, chance: random.Random, at: int) -> dict[str, Any]:
        found: dict[str, Any] = {"vendor": chance.choice(("east", "west")), "tenant": chance.choice("abcdef")}
        if self._said:
            found["age.s0"] = at % (600 * MICRO) // MICRO + chance.randint(0, 20)
        return found

    def version(self, number: int, *, jitter: float) -> Scorer:
        grown = random.Random(f"{self._zone} {self._walk[5]}")
        chance = random.Random(f"{number} {jitter}")
        leaves = [
            [
                grown.gauss(0, 12) * (1 + chance.gauss(0, jitter)) + chance.gauss(0, 12 * jitter)
                for _ in range(4)
            ]
            for _ in self._trees
        ]
        return lambda v: round(
            500 + sum(tree(v, mine) for tree, mine in zip(self._trees, leaves, strict=True)), 3
        )


# ---------------------------------------------------------------------------------------------------------- lending


class Lending:
    """Loan applications, scored in points like a credit bureau's: 11 features, office hours, quiet weekends, a model
    of a table of points with two steep interactions. The detector saw it late."""

    scaled = ("income", "loan", "debts", "property_value")
    numbers = ("income", "loan", "debts", "property_value", "years_employed", "bureau_points")
    words = ("purpose", "branch", "contract")
    clock, turn = "received_second", 86_400.0
    market = "base_rate"
    bought = ("bureau_points", "debts")
    outcomes = ("approved", "declined")

    _purposes = ("home", "car", "renovation", "debt", "other")
    _branches = ("north", "south", "west", "east", "online", "partner")
    _contracts = ("permanent", "fixed-term", "self-employed", "retired")

    def __init__(self, seed: int) -> None:
        chance = random.Random(f"lending {seed}")
        self._points = {
            name: chance.uniform(0.7, 1.3)
            for name in (
                "income",
                "ratio",
                "debts",
                "years",
                "bureau",
                "purpose",
                "contract",
                "branch",
                "rate",
                "hour",
            )
        }
        self.threshold = float(chance.randint(545, 585))
        rate = 4.0
        self._rates = [rate := rate + chance.gauss(0, 0.12) for _ in range(12 * 40)]
        self._grown = chance.randint(1, 10**9)
        inputs = (
            *(Feature(name=name, unit="EUR") for name in self.scaled),
            Feature(name="years_employed"),
            Feature(name="bureau_points", type="integer", missing=True),
            *(Feature(name=name, type="category") for name in self.words),
            Feature(name="received_second", type="integer"),
            Feature(name="base_rate"),
        )
        self.model = Model(
            component="lending",
            inputs=inputs,
            outputs=(Output(name="points", type="score"),),
            outcome=Outcome(
                output="points", threshold=self.threshold, at_or_above="approved", below="declined"
            ),
        )

    def weight(self, at: int) -> float:
        return busy(at, peak=11, night=0.03, weekend=0.25)

    def draw(self, chance: random.Random, at: int, burst: float) -> Values:
        weekend = (at // DAY + 3) % 7 >= 5
        rich, solid = chance.gauss(0.15 * weekend, 1), chance.gauss(-burst, 1)
        income = math.exp(7.9 + 0.45 * rich + 0.15 * solid)
        value = math.exp(12.2 + 0.4 * rich + chance.gauss(0, 0.35))
        return {
            "income": round(income, 2),
            "loan": round(value * min(max(chance.gauss(0.7, 0.18), 0.05), 1.2), -2),
            "debts": round(math.exp(5.2 + 0.3 * rich - 0.6 * solid + chance.gauss(0, 0.8)), 2),
            "property_value": round(value, -3),
            "years_employed": round(math.exp(1.6 + 0.4 * solid + chance.gauss(0, 0.5)), 1),
            "bureau_points": None
            if chance.random() < 0.05
            else round(560 + 55 * solid + 20 * rich + chance.gauss(0, 35)),
            "purpose": _pick(chance, self._purposes, (40, 22, 16, 14, 8), -0.5 * solid),
            "branch": _pick(chance, self._branches, (22, 18, 16, 14, 20, 10), 0.8 * weekend),
            "contract": _pick(chance, self._contracts, (55, 18, 17, 10), -0.6 * solid),
            "received_second": at // MICRO % 86_400,
            "base_rate": round(self._rates[at // (2 * 3600 * MICRO) % len(self._rates)], 3),
        }

    def parameters(self, chance: random.Random, at: int) -> dict[str, Any]:
        return {
            "vendor": "bureau-a",
            "timezone": "UTC",
            "age.bureau_points": chance.randint(0, 3600),
            "cache_age": chance.randint(1, 300),
        }

    def version(self, number: int, *, jitter: float) -> Scorer:
        chance = random.Random(f"{number} {jitter} {self._grown}")
        w = {name: value * (1 + chance.gauss(0, 1.5 * jitter)) for name, value in self._points.items()}
        base = 560 + 60 * chance.gauss(0, jitter)
        purpose = dict(zip(self._purposes, (14, 0, 4, -26, -14), strict=True))
        contract = dict(zip(self._contracts, (14, -16, -10, 8), strict=True))
        branch = dict(zip(self._branches, (4, 0, 0, -4, 6, -14), strict=True))

        def score(v: Values) -> float:
            def n(name: str, default: float) -> float:
                value = v[name]
                return default if value is None or isinstance(value, str) else float(value)

            income, loan, value = (
                max(n("income", 2700), 1),
                n("loan", 140_000),
                max(n("property_value", 200_000), 1),
            )
            payment = loan * (max(n("base_rate", 4), 0) + 3) / 1200
            x = (
                base
                + w["income"] * 22 * (math.log(income) - 7.9)
                + w["bureau"] * 0.42 * (n("bureau_points", 560) - 560)
            )
            x -= w["ratio"] * 55 * min(max(loan / value - 0.7, -0.6), 1.2) + w["rate"] * 40 * min(
                max(payment / income - 0.3, -0.3), 1.5
            )
            x -= w["debts"] * 11 * (math.log(max(n("debts", 180), 1)) - 5.2)
            x += w["years"] * 6 * min(max(n("years_employed", 5) - 5, -5), 8)
            x += w["purpose"] * purpose.get(str(v["purpose"]), -20) + w["contract"] * contract.get(
                str(v["contract"]), -20
            )
            x += w["branch"] * branch.get(str(v["branch"]), -15)
            x -= w["hour"] * (
                35 if n("received_second", 40_000) < 18_000 or n("received_second", 40_000) > 79_000 else 0
            )
            if v["contract"] == "self-employed" and n("years_employed", 5) < 3:
                x -= 25
            return round(min(max(x, 300), 850), 1)

        return score


# ----------------------------------------------------------------------------------------------------------- triage


class Triage:
    """Arrivals at an emergency department, a probability of being urgent: vital signs that scatter little, complaints
    by the hour, a laboratory's values for some. Written when the detector was done, and never tuned on."""

    scaled = ("lactate", "creatinine", "weight_kg", "wait_minutes")
    numbers = (
        "lactate",
        "creatinine",
        "weight_kg",
        "wait_minutes",
        "pulse",
        "systolic",
        "oxygen",
        "celsius",
        "years",
    )
    words = ("complaint", "arrival", "team", "insurance")
    clock, turn = "arrival_minute", 1440.0
    market = "occupancy"
    bought = ("lactate", "creatinine")
    outcomes = ("urgent", "routine")

    _complaints = (
        "chest pain",
        "breathing",
        "fall",
        "fever",
        "abdomen",
        "headache",
        "wound",
        "dizzy",
        "back",
        "other",
    )
    _arrivals = ("walk-in", "ambulance", "referral", "police")
    _teams = ("red", "blue", "green")
    _insurances = ("public", "private", "none")

    def __init__(self, seed: int) -> None:
        chance = random.Random(f"triage {seed}")
        self._seed = seed
        self.threshold = round(chance.uniform(0.35, 0.6), 2)
        self._occupancy = [chance.betavariate(6, 3) for _ in range(24 * 40)]
        names = (*self.numbers, *self.words, "arrival_minute", "occupancy", "oxygen_given", "pregnant")
        kinds = dict.fromkeys(self.words, "category") | {"oxygen_given": "boolean", "pregnant": "boolean"}
        self.model = Model(
            component="triage",
            inputs=tuple(Feature(name=name, type=kinds.get(name, "number")) for name in names),  # type: ignore[arg-type]
            outputs=(Output(name="urgency", type="probability"),),
            outcome=Outcome(
                output="urgency", threshold=self.threshold, at_or_above="urgent", below="routine"
            ),
        )

    def weight(self, at: int) -> float:
        return busy(at, peak=18, night=0.3, weekend=1.0)

    def draw(self, chance: random.Random, at: int, burst: float) -> Values:
        hour = at % DAY / (3600 * MICRO)
        ill, old = chance.gauss(0.3 * (hour < 7) + burst, 1), chance.gauss(0.4 * (7 <= hour < 12), 1)
        lab = chance.random() < 0.8
        return {
            "lactate": round(math.exp(0.3 + 0.45 * ill + chance.gauss(0, 0.3)), 2) if lab else None,
            "creatinine": round(math.exp(-0.1 + 0.25 * old + 0.15 * ill + chance.gauss(0, 0.2)), 2)
            if lab
            else None,
            "weight_kg": round(max(chance.gauss(74 + 3 * old, 14), 3), 1),
            "wait_minutes": round(math.exp(3.2 + chance.gauss(0, 0.7)), 1),
            "pulse": round(max(84 + 11 * ill + chance.gauss(0, 10), 30)),
            "systolic": round(max(128 - 9 * ill + 7 * old + chance.gauss(0, 12), 50)),
            "oxygen": round(min(97 - 1.5 * max(ill, -1) + chance.gauss(0, 1.2), 100), 1),
            "celsius": round(36.8 + 0.35 * max(ill, -0.5) + chance.gauss(0, 0.3), 1),
            "years": int(min(max(48 + 19 * old + chance.gauss(0, 8), 0), 104)),
            "complaint": _pick(chance, self._complaints, (9, 8, 14, 12, 15, 10, 14, 8, 8, 12), -0.8 * ill),
            "arrival": _pick(chance, self._arrivals, (62, 24, 11, 3), 0.8 * ill),
            "team": self._teams[int(hour + chance.gauss(0, 0.7)) // 8 % 3],
            "insurance": _pick(chance, self._insurances, (78, 15, 7), -0.3 * old),
            "arrival_minute": int(at // (60 * MICRO)) % 1440,
            "occupancy": round(self._occupancy[at // (3600 * MICRO) % len(self._occupancy)], 3),
            "oxygen_given": chance.random() < _sigmoid(-3 + ill),
            "pregnant": chance.random() < 0.03,
        }

    def parameters(self, chance: random.Random, at: int) -> dict[str, Any]:
        return {
            "vendor": chance.choice(("lab-1", "lab-1", "lab-2")),
            "schema": "fhir-5",
            "desk": chance.choice("abcd"),
        }

    def version(self, number: int, *, jitter: float) -> Scorer:
        chance = random.Random(f"{number} {jitter} {self._seed}")
        w = [
            random.Random(f"{n} {self._seed}").uniform(0.7, 1.3) * (1 + chance.gauss(0, jitter))
            for n in range(14)
        ]
        base = -1.5 + chance.gauss(0, jitter)
        complaint = dict(
            zip(self._complaints, (1.4, 1.2, -0.2, 0.3, 0.2, 0.0, -0.9, 0.2, -0.7, -0.3), strict=True)
        )
        arrival = {"walk-in": -0.4, "ambulance": 0.9, "referral": 0.4, "police": 0.2}

        def score(v: Values) -> float:
            def n(name: str, default: float) -> float:
                value = v[name]
                return default if value is None or isinstance(value, str) else float(value)

            x = (
                base
                + w[0] * 0.5 * min(max(n("lactate", 1.3) - 1.5, -1.5), 6)
                + w[1] * 0.9 * (n("creatinine", 0.9) > 1.25)
            )
            x += w[2] * 0.035 * min(abs(n("pulse", 84) - 78), 90) + w[3] * 0.03 * min(
                max(118 - n("systolic", 128), -10), 80
            )
            x += w[4] * 0.3 * min(max(96 - n("oxygen", 97), -2), 12) + w[5] * 0.7 * min(
                max(n("celsius", 36.8) - 37.2, -0.5), 5
            )
            x += w[6] * 0.02 * min(n("years", 48) - 45, 60) + w[7] * complaint.get(str(v["complaint"]), -1.0)
            x += w[8] * arrival.get(str(v["arrival"]), -0.8) - w[9] * 1.4 * (n("occupancy", 0.67) - 0.67)
            x += w[10] * 0.25 * math.log(max(n("wait_minutes", 25), 0.1) / 25)
            x += w[11] * 0.9 * (n("arrival_minute", 700) < 360) + w[12] * 0.8 * (n("weight_kg", 74) < 55)
            x += {"red": 0.2, "blue": 0.0, "green": -0.15}.get(str(v["team"]), 0.6) - 0.4 * (
                v["insurance"] == "private"
            )
            if v["complaint"] == "abdomen" and v["pregnant"]:
                x += 2
            if n("years", 48) > 70 and n("celsius", 36.8) > 37.8:
                x += w[13] * 1.1
            return _sigmoid(x + (0.8 if v["oxygen_given"] else 0.0))

        return score
