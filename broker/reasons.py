"""What a broker means by a reason code, and what to do about it.

The codes are those of MQTT 5; paho gives the few of 3.1.1 as the same.
"""

from typing import Any

from paho.mqtt.reasoncodes import ReasonCode

UNSPECIFIED = 0x80
UNSUPPORTED_VERSION = 0x84
NOT_AUTHORIZED = 0x87
QUOTA_EXCEEDED = 0x97

_ADVICE = {
    0x84: "this broker speaks neither MQTT 5 nor 3.1.1",
    0x85: "allow this client id at the broker, or choose another one",
    0x86: "correct user and password in the broker's address",
    0x87: "allow it to this user in the broker's access file",
    0x88: "the broker is not ready; look into its log",
    0x89: "the broker has too much to do; look at its load",
    0x8A: "the broker has shut this client out; look into its configuration",
    0x8C: "the broker wants another way of logging in than by user and password",
    0x8E: "another client has connected under the same id: each needs an id of its own",
    0x95: "raise the size of packets that the broker takes",
    0x97: "a limit at the broker is reached: messages, sessions or memory",
    0x9A: "allow retained messages at the broker",
    0x9B: "the broker must take QoS 1",
    0x9E: "set ingest.workers to 1, or use a broker that has shared subscriptions",
    0x9F: "too many connections in a short time; it is tried again",
    0xA2: "the broker must allow wildcards in subscriptions",
}


def said(reason: ReasonCode, properties: Any = None) -> str:
    """The broker's reason in words, with its own words where it gives some, and what to do."""
    words = str(reason)
    own = getattr(properties, "ReasonString", None)
    if own:
        words += f" ({own})"
    advice = _ADVICE.get(reason.value)
    return f"{words}: {advice}" if advice else words
