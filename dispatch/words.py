"""The sentences that dispatch says to people, in both languages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from dispatch.settings import Language
from geo.names import Named

_SENTENCES: dict[str, tuple[str, str]] = {
    # Why an order is given.
    "episode": (
        "{place}扬尘{level}级，{since}起超标，请{treatment}。",
        "{place} has been over the dust limit (level {level}) since {since}: {treatment}.",
    ),
    "episode_again": (
        "{place}扬尘{level}级，{ago}分钟前作业后仍未降下来，请{treatment}。",
        "{place} is still at dust level {level} though treated {ago} minutes ago: {treatment}.",
    ),
    "flag": (
        "{time}{place}发现{flag}，请{treatment}。",
        "{flag} at {place} at {time}: {treatment}.",
    ),
    "gate": (
        "{place}出口两小时内被拍到{count}次（带泥、未冲洗等），请到场检查。",
        "{place} was flagged {count} times at its gate (mud, no wheel wash): inspect it.",
    ),
    "blamed": (
        "{street}扬尘很可能来自{place}，请到场检查。",
        "The dust on {street} probably comes from {place}: inspect it.",
    ),
    "increment": (
        "{place}比背景高{increment:.0f} µg/m³，沿线居民{residents}人，请{treatment}。",
        "{place} adds {increment:.0f} µg/m³ near {residents} residents: {treatment}.",
    ),
    "worth": (
        "模型估算：现在{treatment}，{place}沿线居民三小时内少吸入{spared:.0f}人·时·µg/m³。",
        (
            "By the model, to {treatment} {place} now spares residents {spared:.0f} person·h·µg/m³ "
            "within three hours."
        ),
    ),
    "routine": (
        "{place}按每日频次应{treatment}。",
        "{place} is due for its daily round: {treatment}.",
    ),
    "refill": ("到{place}加水，准备后续作业。", "Fill up at {place} for the next work."),
    "return": ("本班任务已完成，返回{place}。", "All work is done; return to {place}."),
    # Why no order is given.
    "regional": (
        "污染主要由区域传输造成，洒水作用不大，暂不派单。",
        "The dust blows in from elsewhere; treating the street would not help.",
    ),
    "sensor": (
        "数据可能来自故障设备，先核查监测站，暂不派单。",
        "The readings are probably those of a faulty station; no order.",
    ),
    "own_work": (
        "扬尘由正在进行的作业引起，作业后再看。",
        "Our own crew is raising this dust at work; wait until it is done.",
    ),
    "early": (
        "早期预警：浓度正在上升，尚未超标，继续观察。",
        "An early warning: the dust is rising and no limit is passed yet; watching it.",
    ),
    "shelved": ("值班员已搁置至{until}。", "An operator has shelved this until {until}."),
    "rain": (
        "正在下雨（30分钟{rain:.1f}毫米），不洒水。",
        "It rains ({rain:.1f} mm in 30 min); no water.",
    ),
    "frost": (
        "气温{temp:.1f} °C，低于{limit:g} °C，洒水会结冰。",
        "At {temp:.1f} °C, below {limit:g} °C, water would freeze on the street.",
    ),
    "sand_dust": (
        "沙尘正在输入，暂停洒水，减弱后恢复。",
        "Sand dust is coming in: no washing until it eases.",
    ),
    "rested": (
        "{ago}分钟前已{treatment}，效果期内不再重复。",
        "Treated {ago} minutes ago ({treatment}); not again within its useful life.",
    ),
    "recovering": (
        "{ago}分钟前已{treatment}，浓度正在回落，继续观察。",
        "Treated {ago} minutes ago ({treatment}) and recovering; watching it.",
    ),
    "clean": (
        "尚未到作业时间，浓度不高。",
        "Clean enough, and its next routine treatment is not due.",
    ),
    "less_worth": (
        "模型估算：现在{treatment}三小时内可少吸入{spared:.0f}人·时·µg/m³，其他路段更值得。",
        (
            "By the model, to {treatment} here now spares residents {spared:.0f} person·h·µg/m³ "
            "within three hours; it is worth more elsewhere."
        ),
    ),
    "no_crew": ("当前没有能{treatment}的班组在岗。", "No crew on shift can do this: {treatment}."),
    "refused": (
        "能去的班组都已拒绝或未完成，{until}后再派。",
        "Every crew that could has refused or failed; to be asked again after {until}.",
    ),
    "too_much_water": ("一罐水不够作业{place}。", "No truck carries enough water for {place}."),
    "unreachable": ("沿路网到不了{place}。", "No way leads to {place} along the road graph."),
    "not_in_shift": (
        "本班次时间不够，未排入计划。",
        "Does not fit into what is left of the shift.",
    ),
    "not_worth": (
        "本轮其他路段更需要，未排入计划。",
        "Other streets need the crews' time more in this plan.",
    ),
    # Why an order ended.
    "silent": ("{minutes:.0f}分钟内无应答", "no answer in {minutes:.0f} minutes"),
    "not_begun": ("未按时开始作业", "work did not begin in time"),
    "not_ended": ("开始后一直没有完成消息", "no word of its end"),
    "replaced": ("新计划已改派或取消", "not in the new plan"),
    "moved": ("已改派{crew}", "given to {crew}"),
    "shift_over": ("班组已下班", "the crew's shift is over"),
    "broken": ("车辆故障", "the vehicle has broken down"),
    "unheard": ("班组失联", "nothing has been heard from the crew"),
    "forbidden_now": ("值班员{who}禁止此作业", "forbidden by {who}"),
    "crew_held": ("值班员已暂停该班组", "the crew is held by an operator"),
    # What people have decided.
    "forbidden": (
        "{who}已禁止在此作业至{until}：{why}。",
        "{who} has forbidden this until {until}: {why}.",
    ),
    "added": (
        "{who}安排：{place}{treatment}。{why}",
        "Asked for by {who}: {treatment} at {place}. {why}",
    ),
    "assigned": (
        "{who}指定由{crew}承担，该班组当前无法执行。",
        "{who} has given this to {crew}, which cannot do it now.",
    ),
    # What somebody is called for.
    "unanswered": (
        "{place}：{minutes:.0f}分钟内既无派单也无理由。",
        "{place}: no order and no reason within {minutes:.0f} minutes.",
    ),
    "obstacle": (
        "{place}需要处置但无法派单：{reason}",
        "{place} needs work that cannot be given: {reason}",
    ),
    "unmade": (
        "{place}应于{due}前开始作业，尚未开始。",
        "Work at {place} should have begun by {due} and has not.",
    ),
    "overnight": (
        "{place}今日事项尚无结果（事不过夜）。",
        "{place} has no outcome yet, and nothing is to be left overnight.",
    ),
    "order_refused": (
        "{crew}拒绝了{place}的{treatment}：{reason}，尚无班组接替。",
        "{crew} has refused {treatment} at {place} ({reason}); no other crew has taken it.",
    ),
    "order_failed": (
        "{crew}未完成{place}的{treatment}：{reason}，尚无班组接替。",
        "{crew} has failed {treatment} at {place} ({reason}); no other crew has taken it.",
    ),
    "order_silent": (
        "{crew}对{place}的{treatment}没有回应，尚无班组接替。",
        "{crew} has not answered for {treatment} at {place}; no other crew has taken it.",
    ),
    "crew_silent": ("{crew}失去联系。", "{crew} does not answer."),
    "crew_broken": (
        "{crew}车辆故障，其任务已转派。",
        "{crew} has broken down; its work is given to others.",
    ),
    "crew_absent": (
        "{crew}{since}应到岗，至今没有消息。",
        "{crew} should be on duty since {since}; nothing has been heard of it.",
    ),
    "crew_off_route": ("{crew}偏离路线{metres:.0f}米。", "{crew} is {metres:.0f} m off its way."),
    "crew_standing": (
        "{crew}有任务却已停留{minutes:.0f}分钟。",
        "{crew} has work and has stood still for {minutes:.0f} minutes.",
    ),
    "crew_late": (
        "{crew}应于{eta}到达{place}，尚未开始作业。",
        "{crew} should have been at {place} at {eta} and has not begun.",
    ),
    "crew_dry": (
        "{crew}正在{place}作业，但没有出水或水箱已空。",
        "{crew} is at work at {place} without water going down, or its tank is empty.",
    ),
    "unproven": (
        "{crew}报告{place}的{treatment}已完成，位置记录只证实{share:.0%}。",
        "{crew} says that {treatment} at {place} is done; its positions prove {share:.0%} of it.",
    ),
    "remind_title": ("提醒{role}", "Reminder to the {role}"),
    "call_title": ("请{role}处理", "For the {role}"),
    "answer_please": (
        "{crew}：请回应{place}的{treatment}任务。",
        "{crew}: please answer the order to {treatment} at {place}.",
    ),
    "not_made_title": ("事不过夜清单", "Not made"),
    "not_made": (
        "{day}未办结{count}件：{places}",
        "On {day} nothing was made of {count}: {places}",
    ),
    "rounds_title": ("未达每日频次", "Rounds not made"),
    "rounds": (
        "今日尚有{count}个路段未达到最低作业次数：{places}",
        "{count} streets have not had their least treatments today: {places}",
    ),
    "new_plan": ("{crew}新任务：{orders}", "New orders for {crew}: {orders}"),
}

_ROLES: dict[str, tuple[str, str]] = {
    "crew_leader": ("班组长", "crew leader"),
    "dispatcher": ("调度员", "dispatcher"),
    "duty_manager": ("值班领导", "duty manager"),
}

_TREATMENTS: dict[str, tuple[str, str]] = {
    "wash": ("洒水冲洗", "wash"),
    "sweep": ("清扫", "sweep"),
    "fog": ("雾炮抑尘", "fog"),
    "heavy_clean": ("重污染清洗", "heavy cleaning"),
    "hand_wash": ("人工冲洗", "hand washing"),
    "inspect": ("现场检查", "inspection"),
    "refill": ("加水", "refill"),
    "return": ("返回", "return"),
}

_FLAGS: dict[str, tuple[str, str]] = {
    "mud_on_road": ("路面带泥", "Mud on the road"),
    "dust_plume": ("扬尘", "A dust plume"),
    "illegal_dumping": ("偷倒渣土", "Illegal dumping"),
    "complaint": ("居民投诉扬尘", "A resident's complaint about dust"),
}


class Said(str):
    """A text in the language of the settings; `other` is the same in the other language."""

    other: str

    __slots__ = ("other",)

    def __new__(cls, text: str, other: str) -> Self:
        said = super().__new__(cls, text)
        said.other = other
        return said

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return str(self), self.other


def other(text: str) -> str | None:
    """A text in the other language, where it is known."""
    return text.other if isinstance(text, Said) else None


def plain(value: object) -> str:
    """A text as JSON takes it. Raises NotImplementedError for anything else, as msgspec asks."""
    if isinstance(value, Said):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} cannot be written as JSON")


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence, and the `code` of its kind, which stays the same when its numbers change."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences in one language, times in one time zone."""

    language: Language
    timezone: ZoneInfo

    def say(self, key: str, **values: object) -> Said:
        """The sentence with its blanks filled; KeyError for a key or a blank that is not there."""
        turned = {k: v.other if isinstance(v, Said) else v for k, v in values.items()}
        text, turned_text = self._pick(_SENTENCES[key])
        return Said(text.format(**values), turned_text.format(**turned))

    def reason(self, key: str, **values: object) -> Reason:
        """The sentence with its code."""
        return Reason(key, self.say(key, **values))

    def treatment(self, treatment: str) -> Said:
        """What a treatment is called."""
        return Said(*self._pick(_TREATMENTS[treatment]))

    def flag(self, kind: str) -> Said:
        """What a flag is called."""
        return Said(*self._pick(_FLAGS[kind]))

    def role(self, role: str) -> Said:
        """What a role is called; one that the settings have added by its own name."""
        return Said(*self._pick(_ROLES.get(role, (role, role))))

    def named(self, name: Named) -> Said:
        """What a place or a crew is called."""
        return Said(*self._pick(name))

    def time(self, at: datetime) -> str:
        """Local hours and minutes."""
        return f"{at.astimezone(self.timezone):%H:%M}"

    def _pick(self, pair: tuple[str, str]) -> tuple[str, str]:
        """The text in the language of the settings first."""
        return pair if self.language == "zh-CN" else (pair[1], pair[0])
