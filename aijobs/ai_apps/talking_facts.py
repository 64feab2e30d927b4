"""What words to a guest may rest on, in words that may be said to them."""

from __future__ import annotations

from typing import Any, Literal

TO_FILL_IN = "〔请店长填写〕"
# Share of the bills, and how many, from which a place, an hour or a company is the usual one.
_SHARE, _BILLS = 0.4, 3
_GROUP_SHARE = 0.6
Game = Literal["mahjong", "ktv", "snooker", "pool"]
_GAMES: dict[str, Game] = {"麻将": "mahjong", "KTV": "ktv", "斯诺克": "snooker"}
_PLAYS = {"mahjong": "打麻将", "ktv": "唱歌", "snooker": "打斯诺克", "pool": "打球"}


def usual_place(features: dict[str, Any]) -> str:
    """The table they ask for, else the area they sit in as a rule; empty without."""
    if table := features["said"]["tastes"].get("table"):
        return str(table["words"])
    areas = features["habits"]["areas"]
    return str(areas[0]["name"]) if areas and _is_usual(areas[0]) else ""


def usual_hours(features: dict[str, Any], *, fewest: int = _BILLS) -> str:
    """晚上; empty without, and for the night, of which nobody speaks in a message."""
    hours = features["habits"]["hours"]
    words = str(hours[0]["words"]) if hours and _is_usual(hours[0], fewest) else ""
    return "" if words == "夜里" else words


def _is_usual(row: dict[str, Any], fewest: int = _BILLS) -> bool:
    return bool(row["share"] >= _SHARE and row["bills"] >= fewest)


def game(features: dict[str, Any]) -> Game:
    areas = features["habits"]["areas"]
    name = areas[0]["name"] if areas else ""
    return next((kind for word, kind in _GAMES.items() if word in name), "pool")


def plays_at_a_table(features: dict[str, Any]) -> bool:
    """Not in a room for mahjong or singing, as a rule."""
    return game(features) in ("pool", "snooker")


def play(features: dict[str, Any]) -> str:
    """打球, 打斯诺克, 打麻将, 唱歌."""
    return _PLAYS[game(features)]


def comes_in_a_group(features: dict[str, Any]) -> bool:
    party = features["party"]
    return bool(
        party["bills"] > _BILLS and party["of_three_or_more"] >= _GROUP_SHARE * party["bills"]
    )


def comes_alone(features: dict[str, Any]) -> bool:
    party = features["party"]
    return bool(party["bills"] > _BILLS and party["alone"] >= _SHARE * party["bills"])


def what_not_to_mention(features: dict[str, Any]) -> str:
    """What would be easiest to blurt out about this guest, of what no guest may hear."""
    away = features["days_away"]
    others = any(row["left_on"] is None for row in features["other_partners"])
    slips = [
        "多久没来" if away is not None and away > 14 else "",
        "和谁来过" if comes_in_a_group(features) else "",
        "别的助教陪过" if others else "",
        "卡里余额",
        "来过几次",
        "花了多少",
    ]
    return f"不提{'、'.join([slip for slip in slips if slip][:3])}"
